"""Looking whether a port is free, before the server takes it.

The workers share their port (SO_REUSEPORT), so a second server would be let in beside the first, and callers would
reach one or the other by chance.
"""

import errno
import socket
import time
from typing import Final

from packistry.errors import Conflict, InvalidInput

# Workers of a killed server end within a second: whoever starts it again at once must not be refused.
PATIENCE_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.1
CONNECT_SECONDS: Final = 0.5
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 to be reached here, not to bind


def address_of(host: str) -> str:
    """The address of a host name, IPv4 first; addresses stay as they are. Refuses names that are not known."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        sentence = f"The host {host} is not known here; give an address of this machine."
        raise InvalidInput(sentence, field="host") from error
    return str(min(found, key=lambda entry: entry[0] != socket.AF_INET)[4][0])


def require_free_port(address: str, port: int) -> None:
    """Refuses a port that cannot be taken, or on which somebody still answers after a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _taken(address, port):
        if time.monotonic() > deadline:
            raise Conflict(
                f"Another server answers on {address} port {port}; stop it, or choose another port with --port.",
                field="port",
            )
        time.sleep(LOOK_SECONDS)


def _taken(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as caller:
        caller.settimeout(CONNECT_SECONDS)
        if caller.connect_ex((EVERYWHERE.get(address, address), port)) == 0:
            return True
    with socket.socket(family) as listener:
        # Without SO_REUSEPORT it is refused by any listener; with SO_REUSEADDR not by connections just closed.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise InvalidInput(f"{address} port {port} cannot be used: {error.strerror}.", field="port") from error
    return False
