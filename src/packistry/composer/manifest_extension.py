"""The `php-ext` key: how a PHP extension is built and for which systems. PIE reads it; Composer passes it on.

A wrong value would build the wrong thing, so for packages that are extensions it is refused; others lose the key.
Source: Composer's ValidatingArrayLoader.
"""

from collections.abc import Callable
from typing import Any, Final

from packistry.composer.manifest_json import is_list, is_object, kind
from packistry.composer.manifest_reading import OMIT, Reading, as_map, as_values, quote, refusal

_TYPES: Final = ("php-ext", "php-ext-zend")
_SYSTEMS: Final = ("windows", "bsd", "darwin", "solaris", "linux", "unknown")
_DOWNLOADS: Final = ("composer-default", "pre-packaged-source", "pre-packaged-binary")


def php_extension(key: str, value: Any, reading: Reading) -> Any:
    """A map with sorted keys; ones Composer does not know are passed on, as PIE may."""
    if reading.type not in _TYPES:
        reading.warn(key, "left out: only packages of type php-ext or php-ext-zend may have it.")
        return OMIT
    table = as_map(value)
    if table is None:
        raise refusal(key, f"it must be an object, not {kind(value)}.")
    kept = dict(sorted(table.items()))
    if kept.get("os-families") is not None and kept.get("os-families-exclude") is not None:
        raise refusal(key, "os-families and os-families-exclude cannot both be there: keep one.")
    for part, content in kept.items():
        if content is not None and part in _PARTS:
            _PARTS[part](f"{key}.{part}", content)
    if kept.get("configure-options"):
        kept["configure-options"] = [dict(sorted(option.items())) for option in kept["configure-options"]]
    return kept or OMIT


def _text(key: str, content: Any) -> None:
    if not isinstance(content, str):
        raise refusal(key, f"it must be a text, not {kind(content)}.")


def _boolean(key: str, content: Any) -> None:
    if not isinstance(content, bool):
        raise refusal(key, f"it must be true or false, not {kind(content)}.")


def _integer(key: str, content: Any) -> None:
    if not isinstance(content, int) or isinstance(content, bool):
        raise refusal(key, f"it must be a whole number, not {kind(content)}.")


def _systems(key: str, content: Any) -> None:
    _choices(key, as_values(content), _SYSTEMS)


def _downloads(key: str, content: Any) -> None:
    _choices(key, [content] if isinstance(content, str) else as_values(content), _DOWNLOADS)


def _choices(key: str, values: list[Any] | None, allowed: tuple[str, ...]) -> None:
    if not values:
        raise refusal(key, f"it must be a list of one or more of {', '.join(allowed)}.")
    for value in values:
        if value not in allowed:
            raise refusal(key, f"{quote(value)} is none of {', '.join(allowed)}.")


def _options(key: str, content: Any) -> None:
    if not is_list(content):
        raise refusal(key, f"it must be a list of objects, not {kind(content)}.")
    for option in content:
        if not is_object(option) or not isinstance(option.get("name"), str):
            raise refusal(key, 'each option must be an object with a "name".')
        if option.get("needs-value") is not None:
            _boolean(f"{key}.needs-value", option["needs-value"])
        if option.get("description") is not None:
            _text(f"{key}.description", option["description"])


_PARTS: Final[dict[str, Callable[[str, Any], None]]] = {
    "extension-name": _text,
    "priority": _integer,
    "support-zts": _boolean,
    "support-nts": _boolean,
    "build-path": _text,
    "download-url-method": _downloads,
    "os-families": _systems,
    "os-families-exclude": _systems,
    "configure-options": _options,
}
