"""A pattern of paths, taken apart: what bytes it asks for, in which order. Bytes and not letters, as PHP does.

Source: symfony/finder's Glob of 2026, read by PCRE between the braces that Composer puts around it.
"""

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

SLASH: Final = frozenset(b"/")
_NOT_SLASH: Final = frozenset(range(256)) - SLASH

# PCRE's names for bytes.
_CLASSES: Final = {
    b"alnum": b"[0-9A-Za-z]", b"alpha": b"[A-Za-z]", b"ascii": b"[\\x00-\\x7f]", b"blank": b"[ \\t]",
    b"cntrl": b"[\\x00-\\x1f\\x7f]", b"digit": b"[0-9]", b"graph": b"[!-~]", b"lower": b"[a-z]", b"print": b"[ -~]",
    b"punct": b"[!-/:-@\\[-`{-~]", b"space": b"[\\t-\\r ]", b"upper": b"[A-Z]", b"word": b"[0-9A-Za-z_]",
    b"xdigit": b"[0-9A-Fa-f]",
}  # fmt: skip
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
_NAMED: Final = re.compile(rb"\[:([a-z]+):\]")
# What looks to PCRE like a name for bytes; it refuses those it does not know, and any outside of a class.
_UNKNOWN: Final = re.compile(rb"\[([:=])(?:\\.|(?!\[\1)[^\]])*?\1\]", re.DOTALL)


class DeadPattern(Exception):
    """A pattern that PHP cannot compile. Composer passes over it, so it matches nothing."""


@dataclass(frozen=True, slots=True)
class One:
    """One byte of these."""

    of: frozenset[int]


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of repetitions."""

    parts: "Parts"


@dataclass(frozen=True, slots=True)
class Either:
    """One of these."""

    choices: "tuple[Parts, ...]"


@dataclass(frozen=True, slots=True)
class NoDot:
    """There is a next byte, and it is no dot: "*" at the begin of a name finds nothing hidden."""


Part: TypeAlias = One | Many | Either | NoDot
Parts: TypeAlias = tuple[Part, ...]

_ANY: Final = One(_NOT_SLASH)
_STAR: Final = Many((_ANY,))
_FOLDERS: Final = Many((NoDot(), _ANY, _STAR, One(SLASH)))
# "**" at the end of a pattern: the last one may be a file.
_ANYTHING: Final = Many((NoDot(), _ANY, _STAR, Either(((One(SLASH),), ()))))
_MAYBE_SLASH: Final = Either(((One(SLASH),), ()))


def parse_glob(glob: bytes) -> Parts:
    """What the pattern asks for from its first byte on. Refuses with DeadPattern.

    Not as Composer: a bracket with a slash in it is dead here; there it is a class that spans two folders.
    """
    everywhere = glob.startswith(b"**/")
    parts = _Parser(b"/" + glob if everywhere else glob).parse()
    return (parts[0], _MAYBE_SLASH, *parts[2:]) if everywhere else parts


@dataclass(slots=True)
class _Brace:
    """An open "{": the parts between its commas so far."""

    choices: list[list[Part]] = field(default_factory=lambda: [[]])


class _Parser:
    """Reads one pattern from front to back."""

    def __init__(self, glob: bytes) -> None:
        self._glob = glob
        self._at = 0
        self._open = [_Brace()]
        # Braces that reach PHP unescaped: it counts them, to find the one that ends the expression.
        self._raw = 0

    def parse(self) -> Parts:
        starts_name = True
        escaped = False
        while self._at < len(self._glob):
            byte = self._glob[self._at : self._at + 1]
            if starts_name and byte != b".":
                self._add(NoDot())
            starts_name = byte == b"/"
            escaped = False if starts_name and self._take_folders() else self._take(byte, escaped=escaped)
        if self._raw:
            raise DeadPattern
        self._take_back()
        return tuple(self._open[0].choices[0])

    def _take_folders(self) -> bool:
        """Whether "/**/" stood here, or "/**" at the end: any number of folders."""
        ahead = self._glob[self._at + 1 : self._at + 4]
        if ahead not in {b"**", b"**/"}:
            return False
        self._add(One(SLASH), _ANYTHING if ahead == b"**" else _FOLDERS)
        self._at += 1 + len(ahead)
        return True

    def _take(self, byte: bytes, *, escaped: bool) -> bool:
        """Whether the next byte is escaped."""
        self._at += 1
        if byte == b"\\" and not escaped:
            return True
        is_open = len(self._open) > 1
        if escaped:
            self._literal(byte)
        elif byte == b"*":
            self._add(_STAR)
        elif byte == b"?":
            self._add(_ANY)
        elif byte == b"{":
            self._open.append(_Brace())
        elif byte == b"}" and is_open:
            closed = self._open.pop()
            self._add(Either(tuple(tuple(choice) for choice in closed.choices)))
        elif byte == b"," and is_open:
            self._open[-1].choices.append([])
        elif byte == b"[":
            self._bracket()
        else:
            self._literal(byte)
        return False

    def _add(self, *parts: Part) -> None:
        self._open[-1].choices[-1] += parts

    def _literal(self, byte: bytes) -> None:
        if byte == b"}":
            self._braces(byte)
        self._add(One(frozenset(byte)))

    def _braces(self, regex: bytes) -> None:
        for byte in regex:
            self._raw += {ord("{"): 1, ord("}"): -1}.get(byte, 0)
            if self._raw < 0:
                raise DeadPattern

    def _take_back(self) -> None:
        """A "{" that nothing closes is a letter, and so are its commas."""
        while len(self._open) > 1:
            brace = self._open.pop()
            for mark, choice in zip([b"{", *[b","] * len(brace.choices)], brace.choices, strict=False):
                self._add(One(frozenset(mark)), *choice)

    def _bracket(self) -> None:
        """A class like "[a-z_]", once its "[" is read; without a "]" it is a letter. Nothing in it means "not"."""
        members: list[frozenset[int] | bytes] = []
        at = self._at
        while at < len(self._glob):
            byte = self._glob[at : at + 1]
            if byte == b"]" and at > self._at:
                if _UNKNOWN.match(self._glob, self._at - 1):
                    raise DeadPattern
                self._braces(_ESCAPED.sub(b"", self._glob[self._at : at]))
                self._add(One(_class(members)))
                self._at = at + 1
                return
            if self._glob[at : at + 2].lstrip(b"\\").startswith(b"/"):
                raise DeadPattern
            at = self._member(members, byte, at)
        self._literal(b"[")

    def _member(self, members: list[frozenset[int] | bytes], byte: bytes, at: int) -> int:
        """Where the next member begins. Bytes are a "-" that may stand for a range, or an unknown name; others sets."""
        if named := _NAMED.match(self._glob, at):
            members.append(_named(named[1]))
            return named.end()
        if byte == b"\\":
            members.append(frozenset(self._glob[at + 1 : at + 2]))
            return at + 2
        if _UNKNOWN.match(self._glob, at):
            members.append(byte)
        else:
            members.append(byte if byte == b"-" else frozenset(byte))
        return at + 1


def _named(name: bytes) -> frozenset[int] | bytes:
    if name not in _CLASSES:
        return name
    return frozenset(byte for byte in range(256) if re.match(_CLASSES[name], bytes([byte])))


def _class(members: list[frozenset[int] | bytes]) -> frozenset[int]:
    """All bytes of a class; a "-" between two of them stands for those between."""
    if any(isinstance(member, bytes) and member != b"-" for member in members):
        raise DeadPattern
    found: frozenset[int] = frozenset()
    at = 0
    while at < len(members):
        last = members[at + 2] if members[at + 1 : at + 2] == [b"-"] and at + 2 < len(members) else None
        found |= _set(members[at]) if last is None else _range(_set(members[at]), _set(last))
        at += 1 if last is None else 3
    return found


def _set(member: frozenset[int] | bytes) -> frozenset[int]:
    return frozenset(member)


def _range(first: frozenset[int], last: frozenset[int]) -> frozenset[int]:
    # PCRE refuses ranges that run backwards or from a named class.
    if len(first) != 1 or len(last) != 1 or first > last or min(first) > min(last):
        raise DeadPattern
    return frozenset(range(min(first), min(last) + 1))
