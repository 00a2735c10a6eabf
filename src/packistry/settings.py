"""Every setting once: name, kind, default and one sentence; read once from the environment or a file, then frozen.

Knows nothing of what is done with a setting, and reads no other file than the TOML one and the secret key.
"""

import difflib
import hashlib
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from packistry.errors import InvalidSetting

PREFIX = "PACKISTRY_"
CONFIG_VARIABLE = "PACKISTRY_CONFIG"

MIB = 1024**2
GIB = 1024**3

# A shorter secret could be guessed from one signed value.
SECRET_CHARACTERS = 32

_UNITS = {"": 1, "b": 1, "kib": 1024, "mib": MIB, "gib": GIB, "tib": 1024 * GIB}

# Kubernetes puts the addresses of every service called packistry... into the environment; they are not settings.
_SERVICE_LINK = re.compile(
    r"PACKISTRY_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def _size(value: object) -> object:
    """A number of bytes from "512 MiB" and the like; whatever is not a text is left to the check of its type."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*([KMGT]iB|B)?\s*", value, re.IGNORECASE | re.ASCII)
    if match is None:
        raise ValueError("must be a number of bytes, such as 536870912 or 512MiB")
    return int(match[1]) * _UNITS[(match[2] or "").lower()]


def _listed(value: object) -> object:
    """The parts of a comma separated text, without empty ones."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _networks(value: object) -> object:
    parts = _listed(value)
    if not isinstance(parts, (tuple, list)):
        return parts
    return tuple(_network(part) for part in cast("tuple[object, ...]", parts))


def _network(part: object) -> IPv4Network | IPv6Network:
    """One address or network. Bits beyond the mask are refused: 10.0.0.7/8 rarely means sixteen million hosts."""
    if isinstance(part, (IPv4Network, IPv6Network)):
        return part
    try:
        return ip_network(str(part))
    except ValueError as error:
        raise ValueError(
            f"must be addresses or networks separated by commas, such as 10.0.0.0/8 or ::1: {error}"
        ) from error


def _reachable(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Names of hosts, addresses and networks. What has a slash or only digits must be a network that can be read."""
    for entry in entries:
        if "/" in entry or re.fullmatch(r"[\d.]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*", entry):
            _network(entry)
        elif not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", entry):
            raise ValueError(
                f"must be hosts and networks separated by commas, such as git.lan or 10.0.0.0/8, not {entry}"
            )
    return entries


def _proxy(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_fit = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        is_fit = False
    # What the address holds is not repeated: a password may be in it.
    if not is_fit or re.search(r"[^!-~]|[?#]", value):
        raise ValueError(
            "must be the address of a proxy, such as http://proxy.lan:3128 or http://me:password@proxy.lan"
        )
    return value


def _folder(path: Path) -> Path:
    # The path becomes part of the address of an SQLite database, where a question mark begins the parameters.
    if re.search(r"[?\0]", str(path)):
        raise ValueError("must be a folder name without a question mark")
    return path.expanduser().absolute()


def _file(path: Path) -> Path:
    return path.expanduser().absolute()


def checked_public_url(value: str) -> str:
    """The address without a trailing slash, scheme and host in lower case; a path may follow. Or ValueError."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"must be an address such as https://packages.example.com: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with https:// or http://")
    if parts.hostname and not parts.hostname.isascii():
        raise ValueError(f"must have the host as clients send it{_in_ascii(parts.hostname)}")
    if not parts.hostname or re.search(r"[^!-~]", value):
        raise ValueError("must name a host and have no spaces, such as https://packages.example.com")
    if parts.username is not None or "?" in value or "#" in value:
        raise ValueError("must have no user, no query and no fragment")
    if re.search(r"//|/\.{1,2}(/|$)", parts.path):
        raise ValueError("must have a plain path, without //, /./ or /../")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def _in_ascii(host: str) -> str:
    """How to write it, if there is a way."""
    try:
        return f": {host.encode('idna').decode('ascii')} instead of {host}"
    except UnicodeError:
        return f": {host} is no name of a host"


def _database_url(value: str) -> str:
    """A PostgreSQL address that names our driver, or sqlite:///file; other databases are refused."""
    scheme, separator, rest = value.partition("://")
    if separator and scheme in {"postgres", "postgresql", "postgresql+psycopg"} and rest:
        return f"postgresql+psycopg://{rest}"
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        # Several processes share the database, which a database in memory cannot do.
        if rest == "/:memory:" or "?" in rest:
            raise ValueError(
                "must name a file for SQLite, without parameters, such as sqlite:////srv/packistry.sqlite3"
            )
        return value
    raise ValueError("must begin with postgresql:// (or be sqlite:///FILE); other databases are not supported")


def _internal_location(value: str) -> str:
    trimmed = value.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", trimmed):
        raise ValueError("must be a path such as /archives, the internal location of the front server")
    return trimmed


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_CHARACTERS:
        raise ValueError(f"must have at least {SECRET_CHARACTERS} characters")
    return secret


Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]


def _setting(default: object, kind: str, sentence: str, *, secret: bool = False, **limits: float) -> Any:
    """A field with what its line in docs/settings.md says; `secret` keeps the value out of logs."""
    make = cast("Any", Field)
    return make(
        default=default,
        description=sentence,
        json_schema_extra={"kind": kind},
        repr=not secret,
        validate_default=True,
        **limits,
    )


class Settings(BaseSettings):
    """What the person who runs Packistry decides. Values are checked and in one form; a path is absolute."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    data_dir: Annotated[Path, AfterValidator(_folder)] = _setting(
        "data", "folder", "Where everything is kept: database, archives and secret key; made when it is not there."
    )
    database_url: Annotated[str, AfterValidator(_database_url)] | None = _setting(
        None,
        "address",
        "PostgreSQL to use, as postgresql://user:password@host/name; without it an SQLite file in the data folder.",
        secret=True,
    )
    public_url: Annotated[str, AfterValidator(checked_public_url)] | None = _setting(
        None,
        "address",
        "The address people and Composer use, path included; else the one chosen on the pages, or each request's own.",
    )
    trusted_proxies: Networks = _setting(
        (), "networks", "Proxies whose X-Forwarded headers are believed, comma separated; nobody's unless named."
    )
    secret_key: Secret | None = _setting(
        None,
        "secret",
        "What secrets are sealed with, 32 characters or more; without it one is made and kept in the data folder.",
        secret=True,
    )
    secret_key_previous: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_listed)] = _setting(
        (), "secrets", "Former secret keys, comma separated, that still open what they sealed.", secret=True
    )

    max_archive_bytes: Size = _setting(
        512 * MIB, "size", "The largest archive that may be uploaded, or that an import makes."
    )
    max_unpacked_bytes: Size = _setting(2 * GIB, "size", "The most that an archive may unpack to.")
    max_archive_ratio: int = _setting(
        100, "number", "How many times its own size an archive may unpack to; more is taken for a zip bomb.", ge=1
    )
    archive_ratio_from_bytes: Size = _setting(
        50 * MIB, "size", "The ratio is looked at once an archive has unpacked to more than this."
    )
    max_archive_entries: int = _setting(50_000, "number", "The most files and folders in an archive.", ge=1)
    max_composer_json_bytes: Size = _setting(1 * MIB, "size", "The largest composer.json.")

    outbound_allow: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_reachable)] = (
        _setting(
            (),
            "hosts and networks",
            "Hosts and networks that may be connected to though they are not on the public internet, comma separated.",
        )
    )
    outbound_proxy: Annotated[str, AfterValidator(_proxy)] | None = _setting(
        None,
        "address",
        "An HTTP proxy for every request to code hosts; those of the environment are not used.",
        secret=True,
    )
    outbound_ca_file: Annotated[Path, AfterValidator(_file)] | None = _setting(
        None, "file", "Certificates (PEM) of authorities that are trusted for code hosts, beside the system's."
    )

    jobs_at_once: int = _setting(
        8,
        "number",
        "How much background work one jobs process does at once, of all kinds together; 1 to 16.",
        ge=1,
        le=16,
    )

    document_cache_bytes: Size = _setting(
        64 * MIB, "size", "How much metadata each web worker keeps in memory, ready to send."
    )
    download_flush_seconds: float = _setting(
        1.0,
        "seconds",
        "How long downloads and last uses of tokens are gathered before they are written, at most 1.",
        gt=0,
        le=1,
    )
    accel_redirect_prefix: Annotated[str, AfterValidator(_internal_location)] | None = _setting(
        None,
        "path",
        "Internal location of a front server (nginx) that sends the archives itself, by X-Accel-Redirect.",
    )

    sign_in_attempts: int = _setting(
        10, "number", "Failed passwords for one account or from one address before more are refused for a while.", ge=1
    )
    sign_in_window_seconds: int = _setting(
        300, "seconds", "How long a failed password counts against its account and address.", ge=1
    )
    password_cache_seconds: int = _setting(
        600,
        "seconds",
        "How long a worker remembers a proved password, so that Composer need not wait each time; 0 to 600.",
        ge=0,
        le=600,
    )

    api_requests_per_minute: int = _setting(
        600,
        "number",
        "How many requests one token or browser may send to the API in a minute, to each worker.",
        ge=1,
    )

    session_idle_days: int = _setting(
        14, "days", "How long a browser stays signed in without being used.", ge=1, le=365
    )
    session_days: int = _setting(
        60, "days", "How long a browser stays signed in at most; then its user signs in again.", ge=1, le=365
    )

    smtp_host: str | None = _setting(
        None,
        "host",
        "The mail server that password links and invitations are sent by; without it nothing is mailed.",
    )
    smtp_port: int = _setting(587, "number", "The port of the mail server.", ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = _setting(
        "starttls",
        "one of starttls, tls, none",
        "How the connection to the mail server is kept private; none is for a server on the same machine.",
    )
    smtp_user: str | None = _setting(None, "name", "The account at the mail server, if it wants one.")
    smtp_password: SecretStr | None = _setting(None, "secret", "The password of that account.", secret=True)
    smtp_from: str | None = _setting(
        None, "address", "Who mails are from, such as packages@example.com; needed where a mail server is named."
    )

    import_retention_days: int = _setting(
        90, "days", "How long imports that are over are kept, with each of their branches and tags.", ge=1
    )
    address_retention_days: int = _setting(
        90, "days", "How long the addresses of callers are kept in the audit log and with tokens.", ge=1
    )
    file_grace_hours: int = _setting(
        24, "hours", "How old a stored file must be that no version names before it is swept, 1 or more.", ge=1
    )

    metrics_token: Secret | None = _setting(
        None,
        "secret",
        "Who sends it as Bearer may read /metrics, 32 characters or more; without it only callers on this machine may.",
        secret=True,
    )

    development: bool = _setting(
        False,
        "yes or no",
        "Whether /-/styleguide shows the parts of the pages, for those who work on Packistry itself.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "one of debug, info, warning, error", "The least important lines that are logged."
    )
    log_format: Literal["auto", "json", "text"] = _setting(
        "auto", "one of auto, json, text", "How lines are logged; auto is text on a terminal and JSON elsewhere."
    )

    @property
    def sqlite_path(self) -> Path | None:
        """The database's file, absolute, or None when the database is PostgreSQL."""
        if self.database_url is None:
            return self.data_dir / "packistry.sqlite3"
        if self.database_url.startswith("sqlite:///"):
            return Path(self.database_url.removeprefix("sqlite:///")).absolute()
        return None

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address as SQLAlchemy takes it, driver included. It may hold a password."""
        return f"sqlite:///{self.sqlite_path}" if self.sqlite_path else str(self.database_url)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file. No .env and no folder of secrets: two places are enough to look in."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())


def load_settings() -> Settings:
    """The settings of this process. Refuses with InvalidSetting: one sentence that names the first wrong one."""
    _refuse_unknown_variables(os.environ)
    path = config_file()
    try:
        return Settings()
    except tomllib.TOMLDecodeError as error:
        raise InvalidSetting(f"{path} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path} cannot be read: {_reason(error)}.") from error
    except ValidationError as error:
        raise _invalid(error) from error


def config_file() -> Path | None:
    """The TOML file to read: the one that PACKISTRY_CONFIG names, else packistry.toml in this folder if it is there."""
    named = os.environ.get(CONFIG_VARIABLE)
    if not named:
        default = Path("packistry.toml")
        return default if default.is_file() else None
    if not Path(named).is_file():
        raise InvalidSetting(f"{CONFIG_VARIABLE} names {named}, which is not a file; make it or unset the variable.")
    return Path(named)


def secret_key(settings: Settings) -> bytes:
    """The 32 bytes that every seal and signature is derived from.

    Without a setting they come from the text in the data folder's file `secret.key`, made by whoever comes first
    (mode 0600, on disk before it is used). That text given as PACKISTRY_SECRET_KEY means the same bytes.
    """
    if settings.secret_key is not None:
        return _derive(settings.secret_key.get_secret_value())
    prepare_data_dir(settings)
    path = secret_key_file(settings)
    try:
        if not path.exists():
            _make_secret(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"The secret key {path} cannot be read or made: {_reason(error)}.") from error
    if len(text) < SECRET_CHARACTERS:
        raise InvalidSetting(
            f"The secret key {path} is damaged (shorter than {SECRET_CHARACTERS} characters); restore it from a backup,"
            " or remove it to have a new one made, which cannot open what the old one sealed."
        )
    return _derive(text)


def secret_key_file(settings: Settings) -> Path:
    """Where the secret key is kept when no setting gives it."""
    return settings.data_dir / "secret.key"


def previous_secret_keys(settings: Settings) -> tuple[bytes, ...]:
    """What former keys gave, in the order of the setting, to open what they sealed."""
    return tuple(_derive(secret.get_secret_value()) for secret in settings.secret_key_previous)


def prepare_data_dir(settings: Settings) -> Path:
    """The data folder, made for its owner alone if it is not there. The mode of one that is there is left as it is."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(f"The data_dir {settings.data_dir} cannot be made: {_reason(error)}.") from error
    return settings.data_dir


def _make_secret(path: Path) -> None:
    """Puts a new secret at `path`, whole and on disk, unless another process was faster: then that one stays."""
    descriptor, temporary = tempfile.mkstemp(prefix=".secret-", dir=path.parent)  # made with mode 0600
    try:
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 it is a descriptor
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        Path(temporary).unlink()


def _derive(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=32, person=b"packistry-key").digest()


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """A misspelt variable would be a setting that silently does not hold."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in known or _SERVICE_LINK.fullmatch(variable):
            continue
        # The tests' own switches share the prefix.
        if not variable.startswith("PACKISTRY_TEST_"):
            hint = _nearest(variable.removeprefix(PREFIX), PREFIX, {name.removeprefix(PREFIX) for name in known})
            raise InvalidSetting(f"{variable} is not a setting{hint}", field=variable)


def _nearest(name: str, prefix: str, known: set[str]) -> str:
    nearest = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {prefix}{nearest[0]}?" if nearest else "; docs/settings.md lists them all."


def _invalid(error: ValidationError) -> InvalidSetting:
    """The first complaint as one sentence. The value is left out: it may be a password."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return InvalidSetting(f"{name} is not a setting{_nearest(name, '', set(Settings.model_fields))}", field=name)
    complaint = first["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return InvalidSetting(f"The setting {name} ({PREFIX}{name.upper()}) {complaint.rstrip('.')}.", field=name)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
