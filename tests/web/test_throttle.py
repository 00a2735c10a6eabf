"""Whom a failed password counts against."""

import pytest

from packistry.web.throttle import MAX_KEYS, Throttle, caller_of

CALLERS = [
    ("192.0.2.7", "192.0.2.7", "an IPv4 address is one caller"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", "a customer has a whole network"),
    ("2001:db8:1:2:ffff::1", "2001:db8:1:2::", "the same customer"),
    ("2001:db8:1:3::1", "2001:db8:1:3::", "the customer next door"),
    ("::ffff:192.0.2.7", "192.0.2.7", "an IPv4 address, as some sockets write it"),
    ("fe80::1%eth0", "fe80::", "a zone is no part of the address"),
    ("no address: at all", "no address: at all", "what a server could not tell"),
    (None, None, "a socket without an address"),
]


@pytest.mark.parametrize(("address", "caller", "why"), CALLERS, ids=[row[2] for row in CALLERS])
def test_an_address_stands_for_a_caller(address: str | None, caller: str | None, why: str) -> None:
    assert caller_of(address) == caller, why


def test_who_has_a_network_of_addresses_has_no_more_attempts() -> None:
    throttle = Throttle(attempts=2, window_seconds=300)

    throttle.failed("ada@example.test", "2001:db8::1")
    throttle.failed("ada@example.test", "2001:db8::2")

    assert throttle.wait_seconds("ada@example.test", "2001:db8::3") > 0
    assert throttle.wait_seconds("ada@example.test", "2001:db8:0:1::3") == 0


def test_an_account_is_the_same_in_any_case() -> None:
    throttle = Throttle(attempts=1, window_seconds=300)

    throttle.failed("Ada@example.test ", "192.0.2.1")

    assert throttle.wait_seconds("ada@EXAMPLE.test", "192.0.2.1") > 0


def test_long_names_take_no_more_room_than_short_ones() -> None:
    throttle = Throttle(attempts=1, window_seconds=300)

    throttle.failed("a" * 100_000, "192.0.2.1")

    (own, _), *_ = throttle._failures  # pyright: ignore[reportPrivateUsage] - what is kept is the point
    assert len(own) <= 16
    assert MAX_KEYS * 16 < 1_000_000
