"""Looking whether a port is free."""

import socket

import pytest

from packistry.errors import Conflict, InvalidInput
from packistry.web.ports import address_of, require_free_port
from tests.tools import free_port


def test_a_free_port_is_taken_without_a_word() -> None:
    port = free_port()

    require_free_port("127.0.0.1", port)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"], ids=["same", "every"])  # noqa: S104 nothing listens
def test_a_port_on_which_somebody_answers_is_refused(address: str) -> None:
    with socket.socket() as listener:
        # As our own workers listen: it would let us in beside it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        with pytest.raises(Conflict, match="--port"):
            require_free_port(address, listener.getsockname()[1])


def test_a_port_that_is_taken_but_silent_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(Conflict):
            require_free_port("127.0.0.1", taken.getsockname()[1])


def test_connections_that_were_just_closed_are_no_reason_to_refuse() -> None:
    with socket.socket() as listener:
        # As our workers do.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        caller = socket.create_connection(("127.0.0.1", port))
        answering, _ = listener.accept()
        # Whoever closes first keeps the port for a while.
        answering.close()
        caller.close()

    require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"203\.0\.113\.7"):
        require_free_port("203.0.113.7", free_port())


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1")], ids=str
)
def test_a_host_is_an_address(host: str, address: str) -> None:
    assert address_of(host) == address


@pytest.mark.parametrize("host", ["no host", "", "a" * 300], ids=["a space", "nothing", "too long"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="host"):
        address_of(host)
