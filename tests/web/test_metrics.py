"""What monitoring reads: whom it is told, that it is right, and that asking often costs nothing."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from packistry import clock
from packistry.app import Worker
from packistry.db.models import Source
from packistry.house import House
from packistry.settings import Settings
from packistry.sources.actions import add_source
from packistry.web.exposition import Family, Sample, exposition
from packistry.web.gauges import families
from tests import factories
from tests.server import Installation
from tests.tools import free_port

TOKEN = "a-token-of-more-than-32-characters"
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"
# prometheus.io, exposition formats: a name, labels in braces if there are any, a value.
LINE = re.compile(
    r'# (?:HELP|TYPE) \w+ .+|\w+(?:\{\w+="(?:[^"\\\n]|\\.)*"(?:,\w+="(?:[^"\\\n]|\\.)*")*\})? -?[\d.e+-]+'
)

# Whether a token is set, where the caller is, what it sends, and the answer.
CALLERS: dict[str, tuple[bool, str, Mapping[str, str], int]] = {
    "this machine": (False, HERE, {}, 200),
    "this machine, IPv6": (False, "::1", {}, 200),
    "another machine": (False, ELSEWHERE, {}, 403),
    "another machine through a proxy here": (False, HERE, {"X-Forwarded-For": HERE}, 403),
    "another machine through a proxy that says Via": (False, HERE, {"Via": "1.1 proxy"}, 403),
    "a caller whose address is none": (False, "testclient", {}, 403),
    "the token": (True, ELSEWHERE, {"Authorization": f"Bearer {TOKEN}"}, 200),
    "another token": (True, ELSEWHERE, {"Authorization": f"Bearer {TOKEN}x"}, 401),
    "a token that is no ASCII": (True, ELSEWHERE, {"Authorization": "Bearer \xe9"}, 401),
    "the token as a password": (True, ELSEWHERE, {"Authorization": f"Basic {TOKEN}"}, 401),
    "this machine without the token that is set": (True, HERE, {}, 401),
}


@pytest.mark.parametrize(("has_token", "address", "headers", "status"), CALLERS.values(), ids=CALLERS)
def test_metrics_are_told_to_whom_they_may_be(
    tmp_path: Path, has_token: bool, address: str, headers: Mapping[str, str], status: int
) -> None:
    settings = Settings(data_dir=tmp_path / "data", metrics_token=SecretStr(TOKEN) if has_token else None)

    with TestClient(Worker(settings), client=(address, 5)) as client:
        sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        answer = client.get("/metrics", headers=sent)

    assert answer.status_code == status
    assert (status == 200) == ("packistry_database_up 1" in answer.text)
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_every_line_is_as_prometheus_reads_it(settings: Settings) -> None:
    with TestClient(Worker(settings), client=(HERE, 5)) as client:
        answer = client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert [line for line in answer.text.splitlines() if not LINE.fullmatch(line)] == []
    assert answer.text.endswith("\n")


def test_labels_hold_whatever_a_name_holds() -> None:
    told = exposition([Family("toys", "Toys.", [Sample(1.5, {"source": 'a"b\\c\nd'})])]).decode()

    assert told.splitlines()[-1] == 'packistry_toys{source="a\\"b\\\\c\\nd"} 1.5'


def test_what_is_told_is_what_the_rows_say(house: House) -> None:
    factories.repository(house)
    factories.publish(house)
    _source(house, refused="no", ends_in=timedelta(days=-1))

    told = _told(house)

    assert told["packistry_packages"] == told["packistry_versions"] == 1
    assert told['packistry_sources{state="refused"}'] == 1
    assert told['packistry_source_credential_refused{source="github"}'] == 1
    assert told['packistry_source_credential_expires_seconds{source="github"}'] == pytest.approx(-86_400, abs=60)
    assert told['packistry_source_refused_deliveries_total{source="github"}'] == 3
    assert told['packistry_import_runs{state="failed"}'] == told["packistry_jobs_processes"] == 0


def test_a_database_that_is_gone_is_told_of(tmp_path: Path) -> None:
    from packistry.db.engine import Database

    database = Database(f"postgresql+psycopg://nobody:secret@127.0.0.1:{free_port()}/nothing")

    told = exposition(families(database, tmp_path)).decode()

    database.dispose()
    assert "packistry_database_up 0" in told
    assert "packistry_packages" not in told


def test_asking_again_at_once_reads_nothing(settings: Settings) -> None:
    with TestClient(Worker(settings), client=(HERE, 5)) as client:
        first = client.get("/metrics")
        again = client.get("/metrics")

    # The free room and the memory of a process are never the same twice.
    assert again.text == first.text


def _source(house: House, *, refused: str | None, ends_in: timedelta) -> None:
    with house.database.write() as session:
        source: Source = add_source(
            session,
            factories.OPERATOR,
            name="github",
            provider="github",
            address="https://api.github.com",
            credential=b"sealed",
            settings={},
        )
        source.credential_refused, source.credential_expires_at = refused, clock.now() + ends_in
        source.refused_deliveries = 3


def _told(house: House) -> dict[str, float]:
    lines = exposition(families(house.database, house.settings.data_dir)).decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def test_a_worker_tells_of_the_whole_server(tmp_path: Path) -> None:
    with Installation(tmp_path / "data").serve(workers=2) as server:
        told = httpx2.get(f"{server.url}/metrics").text

    roles = re.findall(r'packistry_process_resident_memory_bytes\{process="(\w+)"', told)
    assert sorted({*roles}) == ["jobs", "supervisor", "web"]
    assert roles.count("web") == 2
