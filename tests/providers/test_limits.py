"""How long to wait, by what the headers of an answer tell."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from packistry.providers.limits import limited_until, pause_seconds

MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)
EPOCH = int(MOMENT.timestamp())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "90"}, 90),
        ({"retry-after": "Fri, 01 May 2026 12:02:00 GMT"}, 120),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "Fri, 01 May 2026 11:00:00 GMT"}, 1),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "999999999"}, 86400),
        ({"retry-after": "9" * 40}, 60),
        ({"retry-after": "-5"}, 60),
        ({}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 1800)}, 1800),
        ({"ratelimit-remaining": "0", "ratelimit-reset": str(EPOCH + 30)}, 30),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH - 30)}, 1),
        # A secondary limit while the primary has plenty left: its window tells nothing.
        ({"x-ratelimit-remaining": "4000", "x-ratelimit-reset": str(EPOCH + 1800)}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}, 86400),
    ],
)
def test_the_time_to_wait_is_read_from_the_headers(headers: Mapping[str, str], expected: int) -> None:
    assert limited_until(headers, MOMENT) == MOMENT + timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("remaining", "limit", "reset", "expected"),
    [
        ("4999", "5000", EPOCH + 1800, 0),  # plenty
        ("501", "5000", EPOCH + 1800, 0),
        ("499", "5000", EPOCH + 1000, 2.0),  # the last tenth is spread over what is left of the window
        ("9", "5000", EPOCH + 1800, 5.0),  # and never holds one request longer
        ("0", "5000", EPOCH + 2, 2.0),
        ("0", "5000", EPOCH + 1800, 0),  # waiting a little would not help: the next request is told until when
        ("0", "5000", EPOCH - 60, 0),  # our clock is ahead
        ("0", "0", EPOCH + 60, 0),
        ("many", "5000", EPOCH + 60, 0),
    ],
)
def test_the_last_tenth_of_a_limit_is_used_slowly(remaining: str, limit: str, reset: int, expected: float) -> None:
    for prefix in ("x-ratelimit", "ratelimit"):
        headers = {f"{prefix}-remaining": remaining, f"{prefix}-limit": limit, f"{prefix}-reset": str(reset)}

        assert pause_seconds(headers, MOMENT) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("remaining", "interval", "rate", "expected"),
    [
        ("7", "60", "20", 0),  # plenty
        ("6", "60", "20", 3.0),  # as fast as the bucket fills
        ("0", "60", "20", 3.0),
        ("0", "3600", "5", 5.0),
        ("0", "60", "0", 0),
        ("0", "60", "", 0),
    ],
)
def test_the_rest_of_a_bucket_is_used_as_fast_as_it_fills(
    remaining: str, interval: str, rate: str, expected: float
) -> None:
    headers = {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-interval-seconds": interval,
        "x-ratelimit-fillrate": rate,
    }

    assert pause_seconds(headers, MOMENT) == expected
