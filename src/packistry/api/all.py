"""Every resource, in the order of the document."""

from typing import Final

from packistry.api import (
    access,
    audit,
    deploy_tokens,
    imports,
    packages,
    personal_tokens,
    projects,
    repositories,
    rules,
    sources,
    statistics,
    uploads,
    users,
    versions,
    webhooks,
)

ROUTERS: Final = tuple(
    module.router
    for module in (
        repositories, packages, versions, uploads, sources, projects, rules, imports, webhooks,
        users, deploy_tokens, personal_tokens, access, audit, statistics,
    )
)  # fmt: skip
