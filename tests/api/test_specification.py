"""The document is the one that was written down, and its examples are what it says."""

from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from packistry.access.permissions import Ability
from packistry.api.operations import ABILITY
from tests.api.specification import SNAPSHOT, document

FOUND: dict[str, Any] = orjson.loads(document())
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in FOUND["paths"].items()
    for method, operation in methods.items()
}


def test_the_document_is_the_one_that_was_written_down() -> None:
    assert document() == SNAPSHOT.read_bytes(), "look at what changed, then run `make openapi`"


@pytest.mark.parametrize("name", sorted(FOUND["components"]["schemas"]))
def test_an_example_is_what_its_schema_says(name: str) -> None:
    schema = FOUND["components"]["schemas"][name]
    validator = Draft202012Validator({**schema, "components": FOUND["components"]})

    assert [error.message for example in schema.get("examples", ()) for error in validator.iter_errors(example)] == []


def test_every_answer_and_every_body_has_an_example() -> None:
    schemas = FOUND["components"]["schemas"]
    used = {
        part["schema"]["$ref"].rpartition("/")[2]
        for operation in OPERATIONS.values()
        for told in (operation.get("requestBody", {}), *operation["responses"].values())
        for part in told.get("content", {}).values()
        if "$ref" in part["schema"]
    }

    assert len(used) > 40
    assert sorted(name for name in used if not schemas[name].get("examples")) == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_names_an_ability_and_reading_changes_nothing(name: str) -> None:
    ability = Ability(OPERATIONS[name][ABILITY])

    assert ability.value.endswith(":read") is name.startswith("GET ")


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)
    assert all(operation["summary"] and operation["description"] for operation in OPERATIONS.values())
