"""What a composer.json tells people: texts, addresses, licences, authors, support, funding. No client acts on it.

So nothing here refuses a version: what Composer's validator would not pass is left out, with a warning.
Source: Composer's ValidatingArrayLoader; sorted keys as Packagist writes them, so that neighbours stay identical.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from packistry.composer.manifest_json import is_number, is_object, kind
from packistry.composer.manifest_reading import OMIT, Reading, as_map, as_values, quote

# Begins with what it looks for: with blanks in front, a megabyte of blanks would take hours.
_LINE_BREAKS = re.compile(r"[\r\n\t]+ *")
_KEYWORD = re.compile(r"[\w .-]+")
# Not the grammar of mail: enough to know an address from a name. Nobody but people reads it. It is only tried on a
# line no longer than an address can be (RFC 5321), as it tries every dot against the rest.
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_EMAIL_LENGTH = 320
_WEB = ("http", "https")
_CHAT = ("irc", "ircs")


def text(key: str, value: Any, reading: Reading) -> Any:
    """One line of text."""
    if not isinstance(value, str):
        reading.warn(key, f"left out: it must be a text, not {kind(value)}.")
        return OMIT
    line = _LINE_BREAKS.sub(" ", value)
    if line != value:
        reading.warn(key, "line breaks were replaced by spaces.")
    return line if line.strip() else OMIT


def web_address(key: str, value: Any, reading: Reading) -> Any:
    """An http or https address."""
    return _address(key, value, reading, _WEB)


def keywords(key: str, value: Any, reading: Reading) -> Any:
    """A list of words."""
    values = as_values(value)
    if values is None:
        reading.warn(key, f"left out: it must be a list of words, not {kind(value)}.")
        return OMIT
    kept: list[str] = []
    for word in values:
        # Composer reads a number among keywords as its text.
        written = str(word) if is_number(word) else word
        if isinstance(written, str) and _KEYWORD.fullmatch(written):
            kept.append(written)
        else:
            reading.warn(key, f"{quote(word)} left out: a keyword takes letters, digits, spaces and . _ - only.")
    return kept


def licence(key: str, value: Any, reading: Reading) -> Any:
    """A list of licences, as written: which of them SPDX knows is not checked, "proprietary" is common here."""
    values = [value] if isinstance(value, str) else as_values(value)
    if values is None:
        reading.warn(key, f"left out: it must be a text or a list of texts, not {kind(value)}.")
        return OMIT
    kept: list[str] = []
    for name in values:
        if not isinstance(name, str):
            reading.warn(key, f"{quote(name)} left out: a licence is a text.")
            continue
        if name != name.strip():
            reading.warn(key, f"spaces around {quote(name)} were taken off.")
        if name.strip():
            kept.append(name.strip())
    return kept


def authors(key: str, value: Any, reading: Reading) -> Any:
    """A list of people, each with some of email, homepage, name and role."""
    fields = {"email": _email, "homepage": web_address, "name": text, "role": text}
    return _cards(key, value, reading, fields)


def funding(key: str, value: Any, reading: Reading) -> Any:
    """A list of ways to give, each with type and url."""
    return _cards(key, value, reading, {"type": text, "url": web_address})


def support(key: str, value: Any, reading: Reading) -> Any:
    """Where to ask; Packagist and Composer pass on kinds they do not know, and so do we, if they are texts."""
    table = as_map(value)
    if table is None:
        reading.warn(key, f"left out: it must be an object, not {kind(value)}.")
        return OMIT
    known = dict.fromkeys(("issues", "forum", "wiki", "source", "docs", "chat", "security", "rss"), web_address)
    return _fields(key, table, reading, {**dict.fromkeys(table, text), **known, "email": _email, "irc": _irc})


def _cards(key: str, value: Any, reading: Reading, fields: dict[str, Any]) -> Any:
    values = as_values(value)
    if values is None:
        reading.warn(key, f"left out: it must be a list of objects, not {kind(value)}.")
        return OMIT
    kept: list[dict[str, Any]] = []
    for card in values:
        if not is_object(card):
            reading.warn(key, f"{quote(card)} left out: each entry must be an object.")
            continue
        for unknown in [name for name in card if name not in fields]:
            reading.warn(f"{key}.{unknown}", "left out: Composer knows no such field.")
        if entry := _fields(key, card, reading, fields):
            kept.append(entry)
    return kept


def _fields(key: str, table: dict[str, Any], reading: Reading, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that pass their check, sorted."""
    kept: dict[str, Any] = {}
    for name in sorted(table.keys() & fields.keys()):
        value = table[name]
        checked = OMIT if value is None else fields[name](f"{key}.{name}", value, reading)
        if checked is not OMIT:
            kept[name] = checked
    return kept


def _address(key: str, value: Any, reading: Reading, schemes: tuple[str, ...]) -> Any:
    line = text(key, value, reading)
    if line is OMIT or _is_address(line, schemes):
        return line
    reading.warn(key, f"{quote(line)} left out: it must be an address with {schemes[0]}:// or {schemes[1]}://.")
    return OMIT


def _is_address(line: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(line)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.netloc)


def _irc(key: str, value: Any, reading: Reading) -> Any:
    return _address(key, value, reading, _CHAT)


def _email(key: str, value: Any, reading: Reading) -> Any:
    line = text(key, value, reading)
    if line is OMIT or (len(line) <= _EMAIL_LENGTH and _EMAIL.fullmatch(line)):
        return line
    reading.warn(key, f"{quote(line)} left out: it must be an e-mail address.")
    return OMIT
