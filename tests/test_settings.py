"""Settings: where they come from, which are refused and in what words, and the secret key that is made and kept."""

import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from packistry.errors import InvalidSetting
from packistry.settings import Settings, load_settings, prepare_data_dir, previous_secret_keys, secret_key


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made_under(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_defaults_need_no_configuration(tmp_path: Path) -> None:
    settings = load_settings()

    assert settings.data_dir == tmp_path / "data"
    assert settings.sqlite_path == tmp_path / "data" / "packistry.sqlite3"
    assert settings.sqlalchemy_url == f"sqlite:///{tmp_path}/data/packistry.sqlite3"
    assert settings.public_url is None
    assert settings.trusted_proxies == ()
    assert settings.max_archive_bytes == 512 * 1024**2
    assert settings.max_unpacked_bytes == 2 * 1024**3


def test_environment_wins_over_the_file_in_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "packistry.toml").write_text(
        'public_url = "https://file.example"\nlog_level = "debug"\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n'
    )
    monkeypatch.setenv("PACKISTRY_PUBLIC_URL", "https://environment.example")

    settings = load_settings()

    assert settings.public_url == "https://environment.example"
    assert settings.log_level == "debug"
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))


def test_a_named_file_replaces_the_one_in_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "packistry.toml").write_text('log_level = "debug"\n')
    (tmp_path / "other.toml").write_text('max_archive_bytes = "1GiB"\n')
    monkeypatch.setenv("PACKISTRY_CONFIG", "other.toml")

    settings = load_settings()

    assert settings.max_archive_bytes == 1024**3
    assert settings.log_level == "info"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_PUBLIC_URL", "")
    monkeypatch.setenv("PACKISTRY_CONFIG", "")

    assert load_settings().public_url is None


@pytest.mark.parametrize(
    ("variable", "value", "field", "taken"),
    [
        ("PUBLIC_URL", "https://packages.example/", "public_url", "https://packages.example"),
        ("PUBLIC_URL", "HTTPS://Packages.Example:8443/Team/", "public_url", "https://packages.example:8443/Team"),
        ("PUBLIC_URL", "http://[2001:DB8::1]:80", "public_url", "http://[2001:db8::1]:80"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1,", "trusted_proxies", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ("OUTBOUND_ALLOW", "git.lan, 10.0.0.0/8,::1", "outbound_allow", ("git.lan", "10.0.0.0/8", "::1")),
        ("OUTBOUND_PROXY", "http://me:pw@proxy.lan:3128", "outbound_proxy", "http://me:pw@proxy.lan:3128"),
        ("OUTBOUND_CA_FILE", "/etc/own?.pem", "outbound_ca_file", Path("/etc/own?.pem")),
        ("MAX_ARCHIVE_BYTES", "1048576", "max_archive_bytes", 1024**2),
        ("MAX_ARCHIVE_BYTES", " 2 mib ", "max_archive_bytes", 2 * 1024**2),
        ("ACCEL_REDIRECT_PREFIX", "/archives/", "accel_redirect_prefix", "/archives"),
        ("DOWNLOAD_FLUSH_SECONDS", "0.25", "download_flush_seconds", 0.25),
        ("DATABASE_URL", "postgres://u:p@db/x?sslmode=require", "sqlalchemy_url",
         "postgresql+psycopg://u:p@db/x?sslmode=require"),
        ("DATABASE_URL", "postgresql:///x?host=/run/postgresql", "sqlalchemy_url",
         "postgresql+psycopg:///x?host=/run/postgresql"),
        ("DATABASE_URL", "sqlite:////srv/p.sqlite3", "sqlite_path", Path("/srv/p.sqlite3")),
    ],
)  # fmt: skip
def test_a_value_is_kept_in_one_form(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, taken: object
) -> None:
    monkeypatch.setenv(f"PACKISTRY_{variable}", value)

    settings = load_settings()

    assert getattr(settings, field) == taken


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("DATA_DIR", "what?", "without a question mark"),
        ("OUTBOUND_ALLOW", "git.lan,10.0.0.7/8", "10.0.0.7/8 has host bits set"),
        ("OUTBOUND_ALLOW", "10.0.0", "must be addresses or networks"),
        ("OUTBOUND_ALLOW", "https://git.lan", "must be addresses or networks"),
        ("OUTBOUND_ALLOW", "*.lan", "must be hosts and networks"),
        ("OUTBOUND_PROXY", "proxy.lan:3128", "must be the address of a proxy"),
        ("OUTBOUND_PROXY", "socks5://proxy.lan", "must be the address of a proxy"),
        ("OUTBOUND_PROXY", "http://proxy.lan:99999", "must be the address of a proxy"),
        ("OUTBOUND_PROXY", "http://[proxy", "must be the address of a proxy"),
        ("PUBLIC_URL", "packages.example", "must begin with https:// or http://"),
        ("PUBLIC_URL", "ftp://packages.example", "must begin with https://"),
        ("PUBLIC_URL", "https://", "must name a host"),
        ("PUBLIC_URL", "https://a b", "must name a host and have no spaces"),
        ("PUBLIC_URL", "https://a.example/?x=1", "no query"),
        ("PUBLIC_URL", "https://a.example/#x", "no fragment"),
        ("PUBLIC_URL", "https://me:secret@a.example", "no user"),
        ("PUBLIC_URL", "https://a.example:port", "must be an address"),
        ("PUBLIC_URL", "https://a.example/x/../y", "plain path"),
        ("DATABASE_URL", "mysql://u@h/d", "other databases are not supported"),
        ("DATABASE_URL", "sqlite://", "must begin with postgresql://"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("DATABASE_URL", "sqlite:///x?mode=ro", "must name a file"),
        ("TRUSTED_PROXIES", "*", "must be addresses or networks"),
        ("TRUSTED_PROXIES", "10.0.0.7/8", "has host bits set"),
        ("SECRET_KEY", "short", "at least 32 characters"),
        ("SECRET_KEY_PREVIOUS", "short", "at least 32 characters"),
        ("MAX_ARCHIVE_BYTES", "lots", "must be a number of bytes"),
        ("MAX_ARCHIVE_BYTES", "0", "must be greater than 0"),
        ("MAX_ARCHIVE_ENTRIES", "many", "must be a valid integer"),
        ("DOWNLOAD_FLUSH_SECONDS", "5", "must be less than or equal to 1"),
        ("PASSWORD_CACHE_SECONDS", "601", "must be less than or equal to 600"),
        ("ACCEL_REDIRECT_PREFIX", "archives", "must be a path"),
        ("ACCEL_REDIRECT_PREFIX", "/", "must be a path"),
        ("LOG_LEVEL", "loud", "must be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, part: str
) -> None:
    monkeypatch.setenv(f"PACKISTRY_{variable}", value)

    with pytest.raises(InvalidSetting) as refusal:
        load_settings()

    sentence = refusal.value.sentence
    assert sentence.startswith(f"The setting {variable.lower()} (PACKISTRY_{variable}) ")
    assert part in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("variable", ["SECRET_KEY", "DATABASE_URL", "OUTBOUND_PROXY"])
def test_a_refused_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(f"PACKISTRY_{variable}", "hunter2-hunter2")

    with pytest.raises(InvalidSetting) as refusal:
        load_settings()

    assert "hunter2" not in str(refusal.value)


def test_secrets_are_not_in_the_representation() -> None:
    settings = Settings(secret_key=SecretStr("k" * 40), database_url="postgresql://me:hunter2@host/name")

    assert "k" * 40 not in repr(settings)
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "part"),
    [
        ("PACKISTRY_PUBLIC_ULR", "did you mean PACKISTRY_PUBLIC_URL?"),
        ("PACKISTRY_QQQQ", "docs/settings.md lists them all."),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, part: str
) -> None:
    monkeypatch.setenv(variable, "x")

    with pytest.raises(InvalidSetting, match=f"{variable} is not a setting") as refusal:
        load_settings()

    assert part in refusal.value.sentence


@pytest.mark.parametrize(
    "variable",
    [
        "PACKISTRY_PORT",
        "PACKISTRY_PORT_80_TCP_ADDR",
        "PACKISTRY_SERVICE_HOST",
        "PACKISTRY_DB_SERVICE_PORT_HTTP",
        "PACKISTRY_TEST_SEED",
    ],
)
def test_variables_that_kubernetes_or_the_tests_set_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "tcp://10.0.0.1:80")

    assert load_settings().log_level == "info"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b'public_ulr = "https://a.example"', "public_ulr is not a setting; did you mean public_url?"),
        (b"public_url = https://a.example", "packistry.toml is not valid TOML"),
        (b"max_archive_entries = [1]", "The setting max_archive_entries"),
        (b"trusted_proxies = 7", "The setting trusted_proxies"),
        (b"max_archive_bytes = 1.5", "The setting max_archive_bytes"),
        (b'public_url = "\xff"', "packistry.toml cannot be read"),
        ('public_url = "https://müller.example"'.encode(), "xn--mller-kva.example instead of müller.example"),
        ('public_url = "https://.ü"'.encode(), ".ü is no name of a host"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: bytes, part: str) -> None:
    (tmp_path / "packistry.toml").write_bytes(text)

    with pytest.raises(InvalidSetting) as refusal:
        load_settings()

    assert part in refusal.value.sentence


def test_a_named_file_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_CONFIG", "nowhere.toml")

    with pytest.raises(InvalidSetting, match=r"PACKISTRY_CONFIG names nowhere\.toml"):
        load_settings()


def test_settings_cannot_be_changed() -> None:
    settings = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.log_level = "debug"  # pyright: ignore[reportAttributeAccessIssue] the point of the test


def test_the_secret_key_is_made_once_and_kept_for_its_owner_alone(made_under: Settings) -> None:
    first = secret_key(made_under)

    path = made_under.data_dir / "secret.key"
    assert secret_key(made_under) == first
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made_under.data_dir.stat().st_mode) == 0o700
    assert [entry.name for entry in made_under.data_dir.iterdir()] == ["secret.key"]


def test_a_kept_key_given_as_a_setting_means_the_same(made_under: Settings) -> None:
    made = secret_key(made_under)
    text = (made_under.data_dir / "secret.key").read_text().strip()

    assert secret_key(Settings(secret_key=SecretStr(text))) == made
    assert previous_secret_keys(Settings(secret_key_previous=(SecretStr(text),))) == (made,)


def test_a_key_that_others_may_read_after_a_restore_is_closed_again(made_under: Settings) -> None:
    first = secret_key(made_under)
    path = made_under.data_dir / "secret.key"
    path.chmod(0o644)

    assert secret_key(made_under) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_whoever_makes_the_key_together_gets_the_same(made_under: Settings) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(secret_key, [made_under] * 64))

    assert len(keys) == 1
    assert [entry.name for entry in made_under.data_dir.iterdir()] == ["secret.key"]


@pytest.mark.parametrize(
    ("content", "part"), [(b"", "is damaged"), (b"short\n", "is damaged"), (b"\xff" * 64, "cannot be read")]
)
def test_a_damaged_key_is_refused_and_kept(made_under: Settings, content: bytes, part: str) -> None:
    path = prepare_data_dir(made_under) / "secret.key"
    path.write_bytes(content)

    with pytest.raises(InvalidSetting, match=part):
        secret_key(made_under)

    assert path.read_bytes() == content


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(InvalidSetting, match=r"data_dir .* cannot be made"):
        secret_key(Settings(data_dir=tmp_path / "data"))


def test_the_mode_of_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o750)

    prepare_data_dir(Settings(data_dir=tmp_path / "data"))

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o750
