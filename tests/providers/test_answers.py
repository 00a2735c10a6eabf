"""Asking any host: pages to the end and not beyond, limits kept, refusals in words."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from packistry.clock import now
from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    NotFound,
    RateLimited,
    Refusal,
    ScopeMissing,
)
from packistry.outbound.client import Client
from packistry.providers.answers import Host, escaped, header_text, link_to
from tests.fakes.loopback import Loopback, Reply, Request

Answering = Callable[[Request], Reply]
Ask = Callable[[Answering], Host]


@pytest.fixture
def ask(client: Client) -> Iterator[Ask]:
    """A host in front of a server that answers with a function."""
    servers: list[Loopback] = []

    def open_host(answering: Answering) -> Host:
        servers.append(Loopback(answering))
        servers[-1].start()
        return Host("Host", servers[-1].address, client, {"authorization": "Bearer t"})

    yield open_host
    for server in servers:
        server.stop()


def rows_of(host: Host) -> list[str]:
    return [row.text("x") for row in host.rows(host.address("list"), what="rows", params={"size": "2"})]


def test_pages_are_followed_by_link_with_the_parameters_it_names(ask: Ask) -> None:
    def answer(request: Request) -> Reply:
        if request.query == {"size": "2"}:
            return Reply(200, [{"x": "a"}, {"x": "b"}], {"Link": '<?cursor=2>; rel="next"'})
        assert request.query == {"cursor": "2"}
        return Reply(200, [{"x": "c"}])

    assert rows_of(ask(answer)) == ["a", "b", "c"]


@pytest.mark.parametrize("link", ["?size=2", "?p=1"])
def test_a_page_that_was_there_before_ends_in_a_refusal(ask: Ask, link: str) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return Reply(200, [], {"Link": f"<{link}>; rel=next"})

    with pytest.raises(HostUnavailable, match="does not come to an end"):
        rows_of(ask(answer))
    assert len(asked) <= 3


def test_endless_paging_ends(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packistry.providers.answers.MAX_PAGES", 20)
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return Reply(200, [], {"Link": f"<?page={len(asked)}>; rel=next"})

    with pytest.raises(HostUnavailable, match="does not come to an end"):
        rows_of(ask(answer))
    assert len(asked) == 20


@pytest.mark.parametrize("link", ["http://127.0.0.1:9/x", "https://evil.example/", "//evil.example/", "file:///x"])
def test_a_next_page_at_another_host_is_refused_before_it_is_asked(ask: Ask, link: str) -> None:
    host = ask(lambda request: Reply(200, [], {"Link": f"<{link}>; rel=next"}))

    with pytest.raises(HostUnavailable, match="at another host"):
        rows_of(host)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, HostRefused),
        (401, CredentialRefused),
        (403, ScopeMissing),
        (404, NotFound),
        (409, HostRefused),
        (410, NotFound),
        (422, HostRefused),
        (429, RateLimited),
        (451, HostRefused),
        (500, HostUnavailable),
    ],
)
def test_each_status_has_its_refusal(ask: Ask, status: int, kind: type[Refusal]) -> None:
    host = ask(lambda request: Reply(status, b"secret words of the host"))

    with pytest.raises(Refusal) as refused:
        host.get(host.address("x"), what="project 12", needs="the scope `x`")

    assert type(refused.value) is kind
    assert "secret words" not in refused.value.sentence


def test_a_refusal_keeps_the_words_of_the_host_for_administrators(ask: Ask) -> None:
    host = ask(lambda request: Reply(422, b"Hook already exists" + b"!" * 5000))

    with pytest.raises(HostRefused) as refused:
        host.get(host.address("x"), what="project 12")

    assert refused.value.detail.startswith("Hook already exists")
    assert len(refused.value.detail) == 500


def test_a_missing_scope_is_named(ask: Ask) -> None:
    host = ask(lambda request: Reply(403))

    with pytest.raises(ScopeMissing, match=r"does not give project 12 to this credential\. It needs the scope `x`"):
        host.get(host.address("x"), what="project 12", needs="the scope `x`")


def test_a_host_shows_no_header_when_it_is_printed(ask: Ask) -> None:
    assert "Bearer" not in repr(ask(lambda request: Reply(200)))


def test_a_host_near_its_limit_is_asked_more_slowly(ask: Ask) -> None:
    def answer(request: Request) -> Reply:
        headers = {"X-RateLimit-Remaining": "3", "X-RateLimit-Limit": "60"}
        return Reply(200, {}, {**headers, "X-RateLimit-Reset": str(int(now().timestamp()) + 2)})

    host, before = ask(answer), now()
    host.get(host.address("x"), what="x")

    assert now() - before > timedelta(seconds=0.2)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://h/x?page=2>; rel="next", <https://h/x?page=9>; rel="last"', "https://h/x?page=2"),
        ('<https://h/x?page=9>; rel="last", <https://h/x?a=1,2&page=2>; rel="next"', "https://h/x?a=1,2&page=2"),
        ("<https://h/x>; rel=next", "https://h/x"),
        ('<https://h/x>; title="more"; rel="next last"', "https://h/x"),
        ('<https://h/x>; rel="NEXT"', "https://h/x"),
        ('<https://h/x>; rel="prev"', None),
        ('<https://h/x>; rel="nextpage"', None),
        ("rel=next", None),
        ("", None),
    ],
)
def test_a_link_is_found_by_its_relation(header: str, expected: str | None) -> None:
    assert link_to({"link": header}, "next") == expected


@pytest.mark.parametrize(
    ("segment", "expected"),
    [("a b", "a%20b"), ("a/b", "a%2Fb"), ("ä", "%C3%A4"), ("a?b#c", "a%3Fb%23c"), ("%2e", "%252e"), ("...", "...")],
)
def test_a_segment_stays_one_segment(segment: str, expected: str) -> None:
    assert escaped(segment) == expected


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_segment_that_leads_elsewhere_is_refused(segment: str) -> None:
    with pytest.raises(NotFound):
        escaped(segment)


def test_a_secret_loses_the_line_end_it_was_copied_with() -> None:
    assert header_text(" token\n") == "token"


@pytest.mark.parametrize("secret", ["", " \n", "to\nken", "töken", "to\0ken"])
def test_a_secret_that_no_header_carries_is_refused_and_not_told(secret: str) -> None:
    with pytest.raises(CredentialRefused) as refused:
        header_text(secret)

    assert "ken" not in refused.value.sentence
