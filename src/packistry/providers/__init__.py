"""The software of code hosts, one file each, all answering the protocol of `base`. Knows no database and no package."""

from collections.abc import Mapping

from packistry.providers.base import Provider
from packistry.providers.bitbucket import Bitbucket
from packistry.providers.bitbucket_server import BitbucketServer
from packistry.providers.git import PlainGit
from packistry.providers.gitea import Gitea
from packistry.providers.github import GitHub
from packistry.providers.gitlab import GitLab

# Every kind of host that there is, by the name in addresses and commands.
PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider for provider in (GitHub(), GitLab(), Gitea(), Bitbucket(), BitbucketServer(), PlainGit())
}
