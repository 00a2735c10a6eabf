"""One HTTP client for every request we make to others: guarded addresses, deadlines, caps, careful redirects, retries.

It knows no host and judges no status: an answer of any status is an `Answer`, and what never became one is refused.
"""

import logging
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

import httpx2
import stamina

from packistry.errors import AddressRefused, InvalidInput, Unreachable
from packistry.outbound.bodies import beginning, pieces
from packistry.outbound.connecting import GuardedTransport
from packistry.outbound.deadlines import deadline
from packistry.outbound.failures import Dropped, cause_of, explained
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
            # No credential is taken from an address, and no cookie from anybody.
            auth=httpx2.Auth(),
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
        form: Mapping[str, str] | None = None,
        max_bytes: int = 16 * MIB,
    ) -> Answer:
        """The answer, of whatever status, to a request with a body of JSON, of a form, or none. Refuses with
        Unreachable or AddressRefused.
        """
        request = self._built(method, url, {"accept-encoding": "gzip", **headers}, params, json=json, form=form)
        tries, seconds = self._limits.tries if request.method in REPEATABLE else 1, self._limits.deadline_seconds
        with deadline(request.url.host, seconds):
            return self._tried(tries, seconds, lambda: self._send_once(request, max_bytes))

    def download(self, url: str, into: BinaryIO, *, headers: Mapping[str, str] = NO_HEADERS, max_bytes: int) -> Answer:
        """Writes the body of a 2xx answer into `into`, whose Answer has none; of any other, nothing is written.

        Tried again only as long as nothing was written. Refuses with Unreachable or AddressRefused.
        """
        # An archive is packed already.
        request = self._built("GET", url, {"accept-encoding": "identity", **headers})
        tries, seconds = self._limits.tries, self._limits.download_seconds
        with deadline(request.url.host, seconds):
            return self._tried(tries, seconds, lambda: self._download_once(request, into, max_bytes))

    def close(self) -> None:
        self._client.close()

    def _built(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] = NO_HEADERS,
        *,
        json: object = None,
        form: Mapping[str, str] | None = None,
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
            address = _address(url).copy_merge_params(dict(params))
            return self._client.build_request(method, address, headers=headers, json=json, data=form and dict(form))
        except httpx2.InvalidURL as error:
            raise InvalidInput("The address of a request cannot be read: correct that of the source.") from error

    def _tried(self, tries: int, seconds: float, send: _Sending) -> Answer:
        attempts = stamina.retry_context(
            on=(Dropped, _PassingFailure),
            attempts=tries,
            # By itself it would not try again what took long to fail, though time is left.
            timeout=seconds,
            wait_initial=self._limits.pause_seconds,
            wait_jitter=0.5,
        )
        try:
            for attempt in attempts:
                with attempt:
                    return send()
        except _PassingFailure as failure:
            return failure.answer
        except Dropped as failure:
            raise Unreachable(failure.sentence) from failure
        raise AssertionError("a retry returns or raises")

    def _send_once(self, request: httpx2.Request, max_bytes: int) -> Answer:
        with self._answered(request) as response:
            body = b"".join(pieces(response, max_bytes))
        return _judged(response, body)

    def _download_once(self, request: httpx2.Request, into: BinaryIO, max_bytes: int) -> Answer:
        with self._answered(request) as response:
            if not response.is_success:
                return _judged(response, beginning(response))
            written = 0
            try:
                for piece in pieces(response, max_bytes):
                    into.write(piece)
                    written += len(piece)
            except (Dropped, httpx2.TransportError) as failure:
                if not written:
                    raise
                raise Unreachable(
                    f"{response.url.host} broke off after {written} bytes: {cause_of(failure)}; try again later."
                ) from failure
        return Answer(response.status_code, _headers(response), b"")

    @contextmanager
    def _answered(self, request: httpx2.Request) -> Generator[httpx2.Response]:
        """The answer after redirects, with its body still to be read."""
        for _ in range(self._limits.redirects + 1):
            with explained(request.url.host):
                response = self._client.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        yield response
                        return
                finally:
                    response.close()
                request = self._redirected(request, response)
        raise Unreachable(f"{request.url.host} redirects without end.")

    def _redirected(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
        """The request that follows a redirect; a credential goes along only to the same scheme, host and port."""
        host, target = request.url.host, request.url.join(response.headers["location"])
        if target.scheme not in {"http", "https"} or (request.url.scheme, target.scheme) == ("https", "http"):
            raise AddressRefused(f"{host} redirects to {target.scheme}://{target.host}, which is not safe.")
        target, is_same = _address(target), _origin(target) == _origin(request.url)
        # Followed as a GET, as browsers do, it would look like a change that was made. Those that keep the method are
        # how GitHub sends a change on to a renamed project.
        if request.method not in {"GET", "HEAD"} and not (is_same and response.status_code in {307, 308}):
            raise Unreachable(f"{host} redirects a {request.method} to {target.host}: correct the source's address.")
        kept = httpx2.Headers(request.headers)
        for name in {"host"} if is_same else {"host", *CREDENTIALS}:
            kept.pop(name, None)
        return self._client.build_request(request.method, target, headers=kept, content=request.read() or None)


def _judged(response: httpx2.Response, body: bytes) -> Answer:
    answer = Answer(response.status_code, _headers(response), body)
    if answer.status in PASSING:
        raise _PassingFailure(answer)
    return answer


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _address(url: str | httpx2.URL) -> httpx2.URL:
    """The address, read. Raises InvalidURL when nobody could be asked there."""
    address = httpx2.URL(url)
    port = 80 if address.port is None else address.port
    if not address.host or not 0 < port < 65536:
        raise httpx2.InvalidURL("no host or port")
    return address


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """What a credential belongs to; a port that is usual for the scheme is None."""
    return url.scheme, url.host, url.port
