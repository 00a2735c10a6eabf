"""Where callers come from: which address is believed, and what of it is kept with a token."""

from ipaddress import ip_network

import pytest

from packistry.settings import Settings
from packistry.web.requests import Origin

PROXY, CLIENT, OTHER = "10.0.0.1", "203.0.113.9", "198.51.100.7"
# Peer, X-Forwarded-For, the address that counts, why.
CHAINS: list[tuple[str, str | None, str, str]] = [
    (CLIENT, None, CLIENT, "nobody in between"),
    (CLIENT, OTHER, CLIENT, "a stranger may say what he likes"),
    (PROXY, None, PROXY, "a proxy that says nothing"),
    (PROXY, "", PROXY, "or an empty word"),
    (PROXY, CLIENT, CLIENT, "a proxy says who asked"),
    (PROXY, f"{OTHER}, {CLIENT}", CLIENT, "what the client had written itself stands before"),
    (PROXY, f"{OTHER}, {CLIENT}, 10.0.0.2", CLIENT, "two proxies"),
    (PROXY, "10.0.0.3, 10.0.0.2", "10.0.0.3", "somebody inside"),
    (PROXY, "'; DROP TABLE users, 10.0.0.2", "10.0.0.2", "somebody inside who writes nonsense"),
    (PROXY, "x" * 5_000, PROXY, "more than a column holds"),
    (PROXY, f"fe80::1%{'x' * 5_000}", PROXY, "an address with more of a zone than a column holds"),
    (PROXY, f"{OTHER},,10.0.0.2", "10.0.0.2", "a gap"),
    (PROXY, "2001:db8::1", "2001:db8::1", "the newer kind of address"),
]


@pytest.mark.parametrize(("peer", "forwarded", "counts", "why"), CHAINS, ids=[row[3] for row in CHAINS])
def test_the_last_address_that_is_no_trusted_proxy_counts(
    peer: str, forwarded: str | None, counts: str, why: str
) -> None:
    origin = Origin(Settings(trusted_proxies=(ip_network("10.0.0.0/8"),)))
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]

    assert origin.address({"client": (peer, 1), "headers": headers}) == counts, why


def test_proxies_that_add_a_line_of_their_own_are_read_like_one_line() -> None:
    origin = Origin(Settings(trusted_proxies=(ip_network("10.0.0.0/8"),)))
    headers = [(b"x-forwarded-for", CLIENT.encode()), (b"x-forwarded-for", b"10.0.0.2")]

    assert origin.address({"client": (PROXY, 1), "headers": headers}) == CLIENT


def test_without_trusted_proxies_the_peer_counts() -> None:
    origin = Origin(Settings())

    assert origin.address({"client": (PROXY, 1), "headers": [(b"x-forwarded-for", CLIENT.encode())]}) == PROXY
    assert origin.address({"client": None, "headers": []}) is None
