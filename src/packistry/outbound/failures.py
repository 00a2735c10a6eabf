"""What goes wrong on the way to a host and back, told in a sentence that names the host.

Never the whole address: a host may have signed it, and what is signed opens doors.
"""

import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

import httpx2

from packistry.errors import NameUnknown, Unreachable

# A library may quote what the host sent, which has no end.
CAUSE_CHARACTERS: Final = 200


class Dropped(Exception):
    """A failure to get an answer that another try may mend."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@contextmanager
def explained(host: str) -> Generator[None]:
    """Turns a failure on the way to `host` into Dropped, and one that trying again does not mend into Unreachable."""
    try:
        yield
    except NameUnknown as error:
        raise Unreachable(error.sentence) from error
    except httpx2.TransportError as error:
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error)):
            raise Unreachable(
                f"The certificate of {host} cannot be trusted ({cause_of(error)}): if its authority is your own, "
                "name the file with it in PACKISTRY_OUTBOUND_CA_FILE."
            ) from error
        if any(isinstance(each, ssl.SSLError) for each in _chain(error)):
            raise Unreachable(f"{host} does not speak TLS as we do ({cause_of(error)}).") from error
        raise Dropped(f"{host} does not answer ({cause_of(error)}); try again later.") from error
    except httpx2.DecodingError as error:
        raise Unreachable(f"{host} sends an answer that cannot be unpacked.") from error
    except httpx2.InvalidURL as error:
        raise Unreachable(f"{host} redirects to an address that cannot be read.") from error


def cause_of(error: Exception) -> str:
    """The library's own few words."""
    return str(error).strip().rstrip(".")[:CAUSE_CHARACTERS] or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # The pool hides what it raises from; there the context still tells.
        error = error.__cause__ or error.__context__
