"""Hooks of projects, as far as all hosts that have them are asked the same: may there be one, which is it, write it."""

from collections.abc import Iterable, Mapping

from packistry.errors import HostRefused
from packistry.providers.answers import Host, escaped
from packistry.providers.base import Connection, Project, Provider
from packistry.providers.payloads import Payload


def hooked_project(provider: Provider, connection: Connection, project: Project) -> Project:
    """The project as it is now, for what is written must go to its name of today. Refuses with HostRefused where it is
    archived.
    """
    current = provider.project(connection, project.id)
    if current.archived:
        raise HostRefused(
            f"{current.full_name} is archived on {provider.label}, where it can get no hooks: it is polled."
        )
    return current


def hook_to(url: str, hooks: Iterable[Payload], *keys: str) -> Payload | None:
    """The one that calls this address, which stands at `keys`."""
    return next((hook for hook in hooks if hook.text_or_none(*keys) == url), None)


def written_hook(
    host: Host, hooks: str, hook_id: str | None, wanted: Mapping[str, object], *, what: str, needs: str
) -> Payload:
    """Changes the hook of that id in the list at `hooks`, or adds one."""
    method, address = ("PUT", f"{hooks}/{escaped(hook_id)}") if hook_id else ("POST", hooks)
    return host.read(host.send(method, address, what=what, needs=needs, json=wanted))
