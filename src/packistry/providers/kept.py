"""Pages of lists, kept with their ETag: asked again, a host says "unchanged", which GitHub counts against no limit."""

import hashlib
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from packistry.outbound.client import Answer

# A page goes to the place that its key begins with, and takes it from another: so many are kept and never more. They
# are the pages of about 2,000 projects, 5 KB each.
_PLACE_DIGITS = 3

_KEY_BYTES = 32

# What of the headers is needed to read a page.
_KEPT_HEADERS = ("etag", "link")


class KeptPages:
    """Pages in a folder of one source; without a folder nothing is kept. Losing them costs requests, nothing else."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, key: bytes) -> Answer | None:
        """The page that was kept under this key."""
        if self._folder is None:
            return None
        try:
            content = self._place(self._folder, key).read_bytes()
            head, _, body = zlib.decompress(content[_KEY_BYTES:]).partition(b"\n")
            headers: dict[str, str] = orjson.loads(head)
        except (FileNotFoundError, zlib.error, orjson.JSONDecodeError):
            return None
        return Answer(200, headers, body) if content.startswith(key) else None

    def keep(self, key: bytes, answer: Answer) -> None:
        """Keeps a page that has an ETag."""
        if self._folder is None or "etag" not in answer.headers:
            return
        head = orjson.dumps({name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers})
        place = self._place(self._folder, key)
        incoming = place.with_name(f"{place.name}-{secrets.token_hex(8)}")
        # A full disk must not end an import here: the page is only asked for once more.
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            try:
                incoming.write_bytes(key + zlib.compress(head + b"\n" + answer.body))
                incoming.replace(place)
            finally:
                incoming.unlink(missing_ok=True)

    @staticmethod
    def _place(folder: Path, key: bytes) -> Path:
        return folder / key.hex()[:_PLACE_DIGITS]


def page_key(url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """What is asked for and with which credential, as a digest: another credential may be shown another page."""
    asked = orjson.dumps([url, sorted(params.items()), sorted(headers.items())])
    return hashlib.blake2b(asked, digest_size=_KEY_BYTES).digest()
