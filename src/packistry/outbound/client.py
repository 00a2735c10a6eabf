"""One HTTP client for every request we make to others: guarded addresses, deadlines, caps, careful redirects, retries.

It knows no host and judges no status: an answer of any status is an `Answer`, and what never became one is refused.
"""

import logging
import re
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx2
import stamina

from packistry.errors import AddressRefused, InvalidInput, NameUnknown, Unreachable
from packistry.outbound.connecting import GuardedTransport
from packistry.outbound.deadlines import deadline
from packistry.outbound.guard import Guard

MIB: Final = 1024**2
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
USER_AGENT: Final = "Packistry"
# Never sent to another host than the one that the caller named.
CREDENTIALS: Final = frozenset({"authorization", "private-token", "job-token", "cookie", "proxy-authorization"})
# Repeating these does no harm. POST is never sent twice: the first may have been obeyed.
REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# A gateway in front of a host that is being restarted.
PASSING: Final = frozenset({502, 503, 504})
# What a host writes about a refusal.
ERROR_BYTES: Final = 64 * 1024
# A length with more is larger than any limit, and Python refuses to read one with thousands.
DIGITS: Final = 20
FIT_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


# By themselves they log each address, which may be signed, and at "debug" headers.
stamina.instrumentation.set_on_retry_hooks(())
for _library in ("httpx2", "httpcore2"):
    logging.getLogger(_library).setLevel(logging.WARNING)


class _PassingFailure(Exception):
    """An answer that may be another one in a moment; kept, to be returned when it is not."""

    def __init__(self, answer: "Answer") -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered, redirects followed. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Dropped(Exception):
    """A failure to get an answer that another try may mend."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


_Sending = Callable[[], Answer]


@dataclass(frozen=True, slots=True)
class OutboundLimits:
    """Seconds, and how often. A deadline holds for one call as a whole, with its redirects, tries and pauses."""

    connect_seconds: float = 10.0
    # Between two pieces: large projects take their time to begin an archive.
    read_seconds: float = 60.0
    deadline_seconds: float = 120.0
    # 512 MiB, the largest archive by default, at 1 MiB a second.
    download_seconds: float = 600.0
    redirects: int = 5
    tries: int = 3
    # Before the second try; twice that before the third, with jitter.
    pause_seconds: float = 0.5


class Client:
    """Sends requests for one source. Thread-safe; `close` it."""

    def __init__(
        self, limits: OutboundLimits, guard: Guard, *, ca_file: Path | None = None, proxy: str | None = None
    ) -> None:
        self._limits = limits
        # The git program makes its own connections and follows the same rules.
        self.guard, self.ca_file, self.proxy = guard, ca_file, proxy
        self._client = httpx2.Client(
            headers={"user-agent": USER_AGENT},
            timeout=httpx2.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            transport=GuardedTransport(guard, ca_file=ca_file, proxy=proxy),
            # No cookie is taken from anybody.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        params: Mapping[str, str] = NO_HEADERS,
        json: object = None,
        max_bytes: int = 16 * MIB,
    ) -> Answer:
        """The answer, of whatever status. Refuses with Unreachable or AddressRefused."""
        request = self._built(method, url, {"accept-encoding": "gzip", **headers}, params, json)
        tries = self._limits.tries if request.method in REPEATABLE else 1
        with deadline(request.url.host, self._limits.deadline_seconds):
            return self._tried(tries, lambda: self._send_once(request, max_bytes))

    def download(self, url: str, into: BinaryIO, *, headers: Mapping[str, str] = NO_HEADERS, max_bytes: int) -> Answer:
        """Writes the body of a 2xx answer into `into`, whose Answer has none; of any other, nothing is written.

        Tried again only as long as nothing was written. Refuses with Unreachable or AddressRefused.
        """
        # An archive is packed already.
        request = self._built("GET", url, {"accept-encoding": "identity", **headers})
        with deadline(request.url.host, self._limits.download_seconds):
            return self._tried(self._limits.tries, lambda: self._download_once(request, into, max_bytes))

    def close(self) -> None:
        self._client.close()

    def _built(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] = NO_HEADERS,
        json: object = None,
    ) -> httpx2.Request:
        """A request. Refuses with InvalidInput a header that HTTP cannot carry, and an address that is none."""
        for name, value in headers.items():
            # Not left to the library: its message holds the value, and that is a credential.
            if not FIT_VALUE.fullmatch(value):
                raise InvalidInput(
                    f"What is sent as {name} holds line breaks or letters that HTTP cannot carry: enter it again.",
                    field="credential",
                )
        try:
            return self._client.build_request(
                method, httpx2.URL(url).copy_merge_params(dict(params)), headers=headers, json=json
            )
        except httpx2.InvalidURL as error:
            raise InvalidInput("The address of a request cannot be read: correct that of the source.") from error

    def _tried(self, tries: int, send: _Sending) -> Answer:
        attempts = stamina.retry_context(
            on=(_Dropped, _PassingFailure), attempts=tries, wait_initial=self._limits.pause_seconds, wait_jitter=0.5
        )
        try:
            for attempt in attempts:
                with attempt:
                    return send()
        except _PassingFailure as failure:
            return failure.answer
        except _Dropped as failure:
            raise Unreachable(failure.sentence) from failure
        raise AssertionError("a retry returns or raises")

    def _send_once(self, request: httpx2.Request, max_bytes: int) -> Answer:
        with self._answered(request) as response:
            body = b"".join(_pieces(response, max_bytes))
        return _judged(response, body)

    def _download_once(self, request: httpx2.Request, into: BinaryIO, max_bytes: int) -> Answer:
        with self._answered(request) as response:
            if not response.is_success:
                return _judged(response, _beginning(response))
            written = 0
            try:
                for piece in _pieces(response, max_bytes):
                    into.write(piece)
                    written += len(piece)
            except (_Dropped, httpx2.TransportError) as failure:
                if not written:
                    raise
                raise Unreachable(
                    f"{_host(response)} broke off after {written} bytes: {_cause(failure)}; try again later."
                ) from failure
        return Answer(response.status_code, _headers(response), b"")

    @contextmanager
    def _answered(self, request: httpx2.Request) -> Generator[httpx2.Response]:
        """The answer after redirects, with its body still to be read."""
        with _explained(request):
            response = self._client.send(request, stream=True)
            for _ in range(self._limits.redirects):
                if not response.has_redirect_location:
                    break
                response.close()
                request = self._redirected(request, response)
                response = self._client.send(request, stream=True)
            try:
                if response.has_redirect_location:
                    raise Unreachable(f"{_host(response)} redirects without end.")
                yield response
            finally:
                response.close()

    def _redirected(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
        """The request that follows a redirect; a credential goes along only to the same scheme, host and port."""
        target = request.url.join(response.headers["location"])
        if target.scheme not in {"http", "https"} or (request.url.scheme, target.scheme) == ("https", "http"):
            raise AddressRefused(f"{_host(response)} redirects to {target.scheme}://{target.host}, which is not safe.")
        if request.method not in {"GET", "HEAD"}:
            raise Unreachable(
                f"{_host(response)} redirects a {request.method} to {target.host}: correct the address of the source."
            )
        kept = httpx2.Headers(request.headers)
        del kept["host"]
        if _origin(target) != _origin(request.url):
            for name in CREDENTIALS & set(kept):
                del kept[name]
        return self._client.build_request(request.method, target, headers=kept)


@contextmanager
def _explained(request: httpx2.Request) -> Generator[None]:
    """Turns what goes wrong on the way into a sentence that names the host and never the address, which may tell."""
    host = request.url.host
    try:
        yield
    except NameUnknown as error:
        raise Unreachable(error.sentence) from error
    except httpx2.TransportError as error:
        cause = error.__cause__ or error
        if isinstance(cause, ssl.SSLError) or "CERTIFICATE" in str(error):
            raise Unreachable(
                f"The certificate of {host} cannot be trusted ({_cause(error)}): give its authority with "
                "PACKISTRY_OUTBOUND_CA_FILE."
            ) from error
        raise _Dropped(f"{host} does not answer ({_cause(error)}); try again later.") from error
    except httpx2.DecodingError as error:
        raise Unreachable(f"{host} sends an answer that cannot be unpacked.") from error
    except httpx2.InvalidURL as error:
        raise Unreachable(f"{host} leads to an address that cannot be read.") from error


def _pieces(response: httpx2.Response, max_bytes: int) -> Iterator[bytes]:
    """The body, unpacked. Its announced length is not believed, but spares reading what is too long anyway."""
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:DIGITS]) > max_bytes:
        raise _too_large(response, max_bytes)
    received = 0
    for piece in _unpacked(response):
        received += len(piece)
        # Counted as it came too: a stream that unpacks to nothing may still have no end.
        if max(received, response.num_bytes_downloaded) > max_bytes:
            raise _too_large(response, max_bytes)
        yield piece


def _unpacked(response: httpx2.Response) -> Iterator[bytes]:
    """The body in pieces of at most 1 MiB, however well it was packed, so that a bomb is counted as it goes off."""
    # Asked for at most gzip, once: several layers multiply.
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"gzip", "identity", ""}:
        raise Unreachable(f"{_host(response)} packs its answer in a way that it was not asked for.")
    yield from response.iter_bytes()


def _too_large(response: httpx2.Response, max_bytes: int) -> Unreachable:
    return Unreachable(f"{_host(response)} sends more than the {max_bytes} bytes that are allowed here.")


def _beginning(response: httpx2.Response) -> bytes:
    """The first part of what a host says about its refusal."""
    body = b""
    for piece in _unpacked(response):
        body += piece
        if len(body) >= ERROR_BYTES:
            break
    return body[:ERROR_BYTES]


def _judged(response: httpx2.Response, body: bytes) -> Answer:
    answer = Answer(response.status_code, _headers(response), body)
    if answer.status in PASSING:
        raise _PassingFailure(answer)
    return answer


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _host(response: httpx2.Response) -> str:
    return response.request.url.host


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, urlsplit(str(url)).port or {"http": 80, "https": 443}.get(url.scheme)


def _cause(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
