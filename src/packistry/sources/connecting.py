"""Opening a source: its row becomes a provider and a connection. People are asked for what the provider declares."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packistry.db.models import Source
from packistry.errors import InvalidInput
from packistry.outbound.client import Client, OutboundLimits
from packistry.outbound.guard import Guard, Resolver, checked_address, resolve
from packistry.providers import PROVIDERS
from packistry.providers.access_tokens import AccessTokens
from packistry.providers.base import Connection, CredentialField, Provider
from packistry.sealing import Sealer
from packistry.settings import Settings, previous_secret_keys, secret_key

_PATIENCE: Final = OutboundLimits()

# Of the whole process: connectors come and go with the work, and each run would else ask for a token of its own.
_TOKENS: Final = AccessTokens()


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person filled in for a provider, checked: the parts to be sealed, and those that may be shown."""

    provider: Provider
    address: str
    credential: Mapping[str, str]
    settings: Mapping[str, str]


class Connector:
    """Opens sources with the settings of the house. Thread-safe."""

    def __init__(self, settings: Settings, *, limits: OutboundLimits = _PATIENCE, resolver: Resolver = resolve) -> None:
        self._settings, self._limits = settings, limits
        self._guard = Guard(settings.outbound_allow, resolver)
        self.sealer = Sealer((secret_key(settings), *previous_secret_keys(settings)))

    @contextmanager
    def connect(self, source: Source) -> Generator[tuple[Provider, Connection]]:
        """The source, ready to be asked, with a client of its own. Refuses a credential that cannot be opened."""
        credential = self.sealer.open(source.credential)
        with self.asking(
            source.provider, source.address, credential, source.settings, self.folder(source)
        ) as connected:
            yield connected

    def folder(self, source: Source) -> Path:
        """What is kept between imports lies there: mirrors of plain git, pinned host keys, pages of lists."""
        return self._settings.data_dir / "sources" / str(source.id)

    @contextmanager
    def asking(
        self, provider: str, address: str, credential: Mapping[str, str], settings: Mapping[str, str], folder: Path
    ) -> Generator[tuple[Provider, Connection]]:
        """As `connect`, for what is not a row yet."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        client = Client(
            self._limits, self._guard, ca_file=self._settings.outbound_ca_file, proxy=self._settings.outbound_proxy
        )
        try:
            yield find_provider(provider), Connection(address, credential, settings, client, folder, _TOKENS)
        finally:
            client.close()


def providers_there_are() -> Sequence[Provider]:
    """Every kind of host, in the order in which people should be asked."""
    return list(PROVIDERS.values())


def find_provider(name: str) -> Provider:
    """By its short name. Refuses with InvalidInput, naming those there are."""
    if name not in PROVIDERS:
        raise InvalidInput(f"There is no provider {name}; there are {', '.join(sorted(PROVIDERS))}.", field="provider")
    return PROVIDERS[name]


def filled_in(provider: str, address: str | None, values: Mapping[str, str]) -> Filled:
    """The fields of the provider, and its address or the host's usual one. Refuses what is missing or unfit."""
    found = find_provider(provider)
    url = address or found.default_address
    if url is None:
        raise InvalidInput(f"{found.label} has no usual address: say where it is with --url.", field="url")
    fields = {each.name: each for each in found.fields}
    given = {name: value.strip() for name, value in values.items() if value.strip()}
    _refuse_unknown(found, given)
    _refuse_mixed(found, given)
    for each in fields.values():
        is_needed = each.required if each.way is None else each.way in {fields[name].way for name in given}
        if is_needed and each.name not in given:
            raise InvalidInput(f"{found.label} needs {each.label}: {each.help}", field=each.name)
    checked = checked_address(url)
    given |= _made(found, checked, given)
    secret = {name: value for name, value in given.items() if fields[name].secret}
    shown = {name: value for name, value in given.items() if not fields[name].secret}
    return Filled(found, checked, secret, shown)


def _made(provider: Provider, address: str, given: Mapping[str, str]) -> dict[str, str]:
    """What the provider makes for the address itself, where nobody gave it."""
    made = {field.name: field.make(address) for field in provider.fields if field.make and field.name not in given}
    return {name: value for name, value in made.items() if value is not None}


def _refuse_unknown(provider: Provider, given: Mapping[str, str]) -> None:
    names = [field.name for field in provider.fields]
    for name in given:
        if name not in names:
            known = ", ".join(names) or "none"
            raise InvalidInput(f"{provider.label} has no field {name}; its fields are {known}.", field=name)


def _refuse_mixed(provider: Provider, given: Mapping[str, str]) -> None:
    """Where there are several ways to connect, one is taken, and not parts of two."""
    ways: dict[str, list[str]] = {}
    for field in provider.fields:
        if field.way:
            ways.setdefault(field.way, []).append(field.name)
    taken = [way for way, names in ways.items() if not given.keys().isdisjoint(names)]
    if ways and len(taken) != 1:
        choice = ", or ".join(f"{' and '.join(names)} of {way}" for way, names in ways.items())
        both = ", not parts of both" if taken else ""
        raise InvalidInput(f"{provider.label} needs either {choice}{both}.", field=next(iter(ways.values()))[0])


def describe_fields(provider: Provider) -> list[CredentialField]:
    """What to ask a person for, the required ones first."""
    return sorted(provider.fields, key=lambda field: not field.required)
