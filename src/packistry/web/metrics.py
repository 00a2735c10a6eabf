"""GET /metrics: what monitoring reads, for those who may read it, made at most once in a few seconds."""

import hmac
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from packistry.errors import Forbidden, Refusal, Unauthenticated, answer_for
from packistry.settings import Settings
from packistry.web.exposition import CONTENT_TYPE
from packistry.web.sending import error_document

# Prometheus asks each 15 s or so; whoever asks faster gets the same text again, and the database is left alone.
KEPT_SECONDS: Final = 5.0
# A proxy on this machine that sends requests of others on to us adds at least one of these.
FORWARDING: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Metrics:
    """Answers the requests of one worker; `make` reads what is told. Thread-safe."""

    def __init__(self, settings: Settings, make: Callable[[], bytes]) -> None:
        self._token = settings.metrics_token
        self._make = make
        self._kept = b""
        self._until = 0.0
        self._making = threading.Lock()

    def routes(self) -> Sequence[Route]:
        return [Route("/metrics", self.answer, methods=["GET"])]

    def answer(self, request: Request) -> Response:
        try:
            self._admit(request)
        except Refusal as refusal:
            return _refused(refusal)
        return Response(self._text(), media_type=CONTENT_TYPE, headers={"cache-control": "no-store"})

    def _admit(self, request: Request) -> None:
        """Refuses callers without the token; where none is set, all but those that call from this machine."""
        if self._token is not None:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            expected = self._token.get_secret_value().encode()
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), expected):
                raise Unauthenticated("Metrics need PACKISTRY_METRICS_TOKEN, sent as Authorization: Bearer.")
        elif not _is_local(request):
            raise Forbidden(
                "Metrics are told to callers on this machine only, and not through a proxy; to read them elsewhere "
                "set PACKISTRY_METRICS_TOKEN."
            )

    def _text(self) -> bytes:
        # Whoever comes while it is made waits for it, and takes it: a storm of callers costs one reading.
        with self._making:
            if time.monotonic() >= self._until:
                self._kept = self._make()
                self._until = time.monotonic() + KEPT_SECONDS
            return self._kept


def _is_local(request: Request) -> bool:
    """Whether the caller itself is on this machine. What a proxy says of the caller is not asked: nobody checks it."""
    if request.client is None or any(name in request.headers for name in FORWARDING):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _refused(refusal: Refusal) -> Response:
    answer = answer_for(refusal)
    headers = {"www-authenticate": 'Bearer realm="metrics"'} if isinstance(refusal, Unauthenticated) else {}
    body = error_document(answer.status, answer.code, refusal.sentence)
    return Response(body, answer.status, {**headers, "cache-control": "no-store"}, "application/json")
