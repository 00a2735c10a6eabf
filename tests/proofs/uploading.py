"""A client that uploads many small versions at once, and remembers what it was promised."""

import hashlib
import http.client
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests import factories

BOUNDARY = "----packistry-proof"
THREADS = 8


@dataclass(frozen=True)
class Promise:
    """An upload that was answered 201: it must be there for ever."""

    package: str
    version: str
    dist: str
    sha1: str


@dataclass
class Uploader:
    """Uploads `1.0.N` of ten packages in turn to one server."""

    port: int
    token: str
    repository: str = "acme"
    promises: list[Promise] = field(default_factory=list[Promise])
    refused: list[str] = field(default_factory=list[str])
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self, uploads: int) -> None:
        """Sends this many, eight at a time; ends early when the server is gone."""
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(uploads):
                pool.submit(self._one)

    def _one(self) -> None:
        if self._stop.is_set():
            return
        number = next(self._numbers)
        package, version = f"acme/p{number % 10}", f"1.0.{number}"
        archive = factories.package_zip(package, description=f"number {number}", files={"data": bytes(number % 5000)})
        try:
            status, body = self.post(package, version, archive)
        except (OSError, http.client.HTTPException):
            # Killed in the middle: nothing was promised.
            self._stop.set()
            return
        if status == 201:
            answer = json.loads(body)
            path = "/" + answer["dist"].split("/", 3)[3]
            self.promises.append(Promise(package, version, path, hashlib.sha1(archive).hexdigest()))  # noqa: S324
        else:
            self.refused.append(f"{status} {body.decode(errors='replace')}")

    def post(self, package: str, version: str, archive: bytes) -> tuple[int, bytes]:
        """One upload; status and body of the answer."""
        body = form(version, archive)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", f"/r/{self.repository}/{package}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """What is at this address for the token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def form(version: str, archive: bytes) -> bytes:
    """The multipart body of an upload."""
    text = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="version"\r\n\r\n{version}\r\n'
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return text.encode() + file.encode() + archive + f"\r\n--{BOUNDARY}--\r\n".encode()
