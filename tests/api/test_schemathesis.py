"""Schemathesis asks whether the API keeps to its document: once of each operation here, more by `make schemathesis`."""

# pyright: reportUnknownVariableType=false
# The types of schemathesis leave its cases open.

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from starlette.testclient import TestClient

from packistry.access.permissions import Ability, Role
from packistry.app import Worker
from packistry.house import House, open_house
from tests import factories
from tests.api.calling import Caller, by_token
from tests.api.specification import document
from tests.web.worlds import settings_in

# Of each operation.
EXAMPLES: Final = int(os.environ.get("API_EXAMPLES", "1"))

# Not asked: what fits the schema is refused for many a reason (a name that is taken, a cursor of another list), and who
# may come in is asked in test_door.py, where the callers are known.
OTHERWISE: Final[list[Any]] = [positive_data_acceptance, ignored_auth]
SCHEMA: Final[Any] = schemathesis.openapi.from_dict(orjson.loads(document()))


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Caller]:
    """An administrator of a small registry."""
    chosen = settings_in(tmp_path_factory.mktemp("api") / "data", migrated_file)
    chosen = chosen.model_copy(update={"api_requests_per_minute": 1_000_000})
    with open_house(chosen) as house, TestClient(Worker(chosen), base_url="http://packistry.test") as client:
        fill(house)
        ada = factories.user(house, "ada@example.test", role=Role.ADMINISTRATOR)
        # Others' ids come first: what is deleted here is not who asks.
        yield by_token(client, house, ada, Ability.ADMIN_WRITE)


def fill(house: House) -> None:
    """Something of most kinds, with the ids that are tried first."""
    factories.repository(house)
    factories.user(house, "bob@example.test")
    factories.deploy_token(house, "acme")
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        factories.publish(house, version=version)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES < 50,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_every_operation_keeps_to_the_document(case: Any, caller: Caller) -> None:
    options = case.as_transport_kwargs(base_url="http://packistry.test/api/v1", headers=caller.headers)
    # What clients send: any bytes in a header, and a body as it is.
    headers = [(name, value.encode()) for name, value in options.pop("headers").items() if name.lower() != "cookie"]
    data = options.pop("data", None)
    content = {"content": data} if isinstance(data, (bytes, str)) else {"data": data}
    asked = {name: options[name] for name in ("method", "url", "params", "json", "files") if name in options}

    client: Any = caller.client
    answer = client.request(**asked, **content, headers=headers)
    # The checks look at what was sent, also where it was a file.
    answer.request.read()

    # That a host does not answer is no fault of ours.
    hosts: list[Any] = [not_a_server_error] if answer.status_code in {502, 503} else []
    case.validate_response(answer, excluded_checks=[*OTHERWISE, *hosts])
