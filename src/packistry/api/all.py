"""Every resource, in the order of the document."""

from typing import Final

from packistry.api import deploy_tokens, packages, personal_tokens, repositories, versions

ROUTERS: Final = tuple(module.router for module in (repositories, packages, versions, deploy_tokens, personal_tokens))
