"""The OpenAPI document as it is, and as it was written down: `python -m tests.api.specification` writes it anew."""

from pathlib import Path

import orjson

from packistry.api.application import make_application
from packistry.api.specification import specification

SNAPSHOT = Path(__file__).parent / "openapi.json"


def document() -> bytes:
    """The document of the code, in lines that a person can compare."""
    found = orjson.loads(specification(make_application()))
    # It changes with each release, and nothing else does with it.
    found["info"]["version"] = "0"
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    SNAPSHOT.write_bytes(document())
