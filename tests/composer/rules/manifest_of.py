"""The smallest composer.json with a key of interest, read."""

from typing import Any

import orjson
import pytest

from packistry.composer.manifest import Manifest, read_manifest
from packistry.errors import InvalidManifest


def manifest_of(*, name: Any = "acme/lib", **keys: Any) -> Manifest:
    """The manifest of a package with these keys; an underscore in a name stands for a dash."""
    return read_manifest(orjson.dumps({"name": name, **{key.replace("_", "-"): value for key, value in keys.items()}}))


def published(**keys: Any) -> Any:
    """What is published of the one key given, or of "extra" given with "type"; None if nothing is."""
    return manifest_of(**keys).published.get(list(keys)[-1].replace("_", "-"))


def refusal_of(**keys: Any) -> InvalidManifest:
    """Why a package with these keys is refused."""
    with pytest.raises(InvalidManifest) as caught:
        manifest_of(**keys)
    return caught.value
