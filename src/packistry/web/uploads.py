"""Taking in an upload: a multipart body, streamed to disk as it comes, never held in memory."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from packistry.errors import ArchiveTooLarge, BadRequest, InvalidArchive, UnsupportedMediaType
from packistry.web.requests import Request

# Handed to a thread for writing when this much has come; a larger buffer only costs memory.
BUFFER_BYTES: Final = 1024 * 1024
# Fields beside the file: a version is short, and what is not ours is passed over, but not for ever.
FIELDS_BYTES: Final = 64 * 1024
# `repository` is a form's; at Composer's address it is in the address.
FIELDS: Final = frozenset({"version", "default-branch", "repository"})
MAX_PARTS: Final = 100
FIELD_NAME: Final = re.compile(rb'(?:^|;)\s*name="?([^";]*)"?', re.IGNORECASE)

# Writes bytes to the incoming file, in a thread.
Write = Callable[[bytes], Awaitable[int]]


async def read_upload(request: Request, write: Write, *, max_file_bytes: int) -> dict[str, str]:
    """Writes the field `file` and returns the other fields. Refuses what is cut off or too large."""
    form = _Form(max_file_bytes)
    parser = MultipartParser(
        _boundary(request),
        {
            "on_part_begin": form.begin_part,
            "on_header_field": form.header_name,
            "on_header_value": form.header_value,
            "on_header_end": form.end_header,
            "on_part_data": form.data,
            "on_part_end": form.end_part,
            "on_end": form.end,
        },
    )
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The body was cut off; nothing was kept of it.")
        more = message.get("more_body", False)
        _feed(parser, message.get("body", b""))
        if len(form.buffer) >= BUFFER_BYTES or not more:
            await write(bytes(form.buffer))
            form.buffer.clear()
    if not form.finished:
        raise BadRequest("The multipart body has no end; it was cut off, and nothing was kept of it.")
    if not form.has_file:
        raise InvalidArchive('Send the archive in the field "file".', field="file")
    return form.fields


def _feed(parser: MultipartParser, chunk: bytes) -> None:
    try:
        parser.write(chunk)
    except FormParserError as fault:
        raise BadRequest(f"The multipart body is malformed: {fault}") from fault


def _boundary(request: Request) -> bytes:
    kind, parameters = parse_options_header(request.headers.get(b"content-type", b""))
    if kind != b"multipart/form-data" or not parameters.get(b"boundary"):
        raise UnsupportedMediaType('Send the archive as multipart/form-data, in the field "file".')
    return parameters[b"boundary"]


class _Form:
    """What the parser says, gathered: the file's bytes in `buffer` until somebody writes them, the rest in `fields`."""

    def __init__(self, max_file_bytes: int) -> None:
        self.buffer = bytearray()
        self.fields: dict[str, str] = {}
        self.has_file = False
        self.finished = False
        self._max_file_bytes = max_file_bytes
        self._file_bytes = 0
        self._fields_bytes = 0
        self._parts = 0
        self._header = (bytearray(), bytearray())
        self._part: str | None = None
        self._value = bytearray()

    def begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BadRequest(f"The form has more than {MAX_PARTS} fields.")
        self._part = None
        self._value = bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def end_header(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            found = FIELD_NAME.search(value)
            self._part = found[1].decode("utf-8", "replace") if found else None
        self._header = (bytearray(), bytearray())

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._file_bytes += end - start
            if self._file_bytes > self._max_file_bytes:
                raise ArchiveTooLarge(
                    f"The archive is larger than the {self._max_file_bytes:,} bytes allowed here; leave out what an "
                    "installed package does not need, or ask the administrator to raise max_archive_bytes.",
                    field="file",
                )
            self.buffer += memoryview(data)[start:end]
            return
        self._fields_bytes += end - start
        if self._fields_bytes > FIELDS_BYTES:
            raise BadRequest(f"The fields beside the file are larger than {FIELDS_BYTES:,} bytes.")
        self._value += memoryview(data)[start:end]

    def end_part(self) -> None:
        if self._part == "file":
            if self.has_file:
                raise BadRequest('The field "file" was sent twice; send one archive at a time.')
            self.has_file = True
        elif self._part in FIELDS:
            self.fields[self._part] = self._value.decode("utf-8", "replace")

    def end(self) -> None:
        self.finished = True
