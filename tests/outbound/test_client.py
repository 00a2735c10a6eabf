"""What a request becomes: answers of any status, tries, redirects, credentials that stay where they belong."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import stamina

from packistry.errors import AddressRefused, InvalidInput, Unreachable
from packistry.outbound.client import Client
from packistry.outbound.guard import Guard
from tests.fakes.host import Loopback, Reply, Request
from tests.outbound.conftest import PATIENCE

Start = Callable[[Callable[[Request], Reply]], Loopback]

SECRETS = {"authorization": "Bearer s3cret", "private-token": "s3cret", "job-token": "s3cret", "cookie": "a=s3cret"}


def redirecting(status: int, location: str) -> Callable[[Request], Reply]:
    """Answers /begin with a redirect, and everything else with "there"."""
    return lambda request: (
        Reply(status, headers={"Location": location}) if request.path == "/begin" else Reply(200, b"there")
    )


@pytest.mark.parametrize("status", [200, 304, 404, 429, 500])
def test_an_answer_of_any_status_is_an_answer(client: Client, loopback: Start, status: int) -> None:
    host = loopback(lambda _request: Reply(status, b"body", {"X-Rate": "7"}))

    answer = client.send("HEAD" if status == 304 else "GET", host.address + "/x")

    assert (answer.status, answer.headers["x-rate"], len(host.requests)) == (status, "7", 1)


def test_a_request_carries_its_parts_and_our_name(client: Client, loopback: Start) -> None:
    host = loopback(lambda _request: Reply(201, {"id": 1}))

    answer = client.send("POST", host.address + "/x?a=1", params={"b": "ü"}, headers={"X-Own": "2"}, json={"c": 3})

    (request,) = host.requests
    assert answer.body == b'{"id": 1}'
    assert (request.query, request.json) == ({"a": "1", "b": "ü"}, {"c": 3})
    assert request.headers["x-own"] == "2"
    assert request.headers["user-agent"].startswith("Packistry")


def test_a_request_may_carry_a_form(client: Client, loopback: Start) -> None:
    host = loopback(lambda _request: Reply(200))

    client.send("POST", host.address, form={"grant_type": "client_credentials", "scope": "a&b=c d"})

    (request,) = host.requests
    assert request.body == b"grant_type=client_credentials&scope=a%26b%3Dc+d"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_what_took_long_to_fail_is_tried_again_while_time_is_left(
    loopback: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, spans = loopback(lambda _request: Reply(200)), list[object]()
    begin = stamina.retry_context

    def noted(**given: Any) -> object:
        spans.append(given["timeout"])
        return begin(**given)

    monkeypatch.setattr(stamina, "retry_context", noted)
    client = Client(replace(PATIENCE, deadline_seconds=70, download_seconds=500), Guard(["127.0.0.1"]))

    client.send("GET", host.address)
    client.download(host.address, io.BytesIO(), max_bytes=9)

    assert spans == [70, 500]
    client.close()


def test_no_cookie_is_kept(client: Client, loopback: Start) -> None:
    host = loopback(lambda _request: Reply(200, headers={"Set-Cookie": "session=1; Path=/"}))

    client.send("GET", host.address)
    client.send("GET", host.address)

    assert all("cookie" not in request.headers for request in host.requests)


def test_variables_of_the_environment_name_no_proxy(
    client: Client, loopback: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    host = loopback(lambda _request: Reply(200))

    fresh = Client(PATIENCE, Guard(["127.0.0.1"]))

    assert fresh.send("GET", host.address).status == 200
    fresh.close()


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize(
    ("method", "tries"), [("GET", 3), ("HEAD", 3), ("PUT", 3), ("DELETE", 3), ("POST", 1), ("PATCH", 1)]
)
def test_a_passing_failure_is_tried_again_where_that_is_safe(
    client: Client, loopback: Start, status: int, method: str, tries: int
) -> None:
    host = loopback(lambda _request: Reply(status, b"soon"))

    answer = client.send(method, host.address)

    assert (answer.status, len(host.requests)) == (status, tries)


def test_the_answer_of_a_later_try_counts(client: Client, loopback: Start) -> None:
    replies = iter([Reply(503), Reply(502), Reply(200, b"yes")])
    host = loopback(lambda _request: next(replies))

    assert client.send("GET", host.address).body == b"yes"


def test_nobody_listening_is_said_with_the_name(client: Client) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 does not answer"):
        client.send("GET", "http://127.0.0.1:1/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(client: Client, loopback: Start, status: int) -> None:
    host = loopback(redirecting(status, "/end?x=1"))

    answer = client.send("GET", host.address + "/begin", headers=SECRETS)

    assert (answer.status, answer.body) == (200, b"there")
    assert host.requests[-1].query == {"x": "1"}
    assert host.requests[-1].headers["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("status", [301, 307])
def test_another_host_gets_no_credential(client: Client, loopback: Start, status: int) -> None:
    other = loopback(lambda _request: Reply(200, b"there"))
    host = loopback(redirecting(status, other.address + "/end"))

    answer = client.send("GET", host.address + "/begin", headers={**SECRETS, "accept": "text/plain"})

    assert answer.body == b"there"
    assert "s3cret" not in str(other.requests[0].headers)
    assert other.requests[0].headers["accept"] == "text/plain"


def test_a_credential_does_not_come_back_after_a_detour(client: Client, loopback: Start) -> None:
    home = loopback(
        lambda request: Reply(302, headers={"Location": away.address}) if request.path == "/begin" else Reply(200)
    )
    away = loopback(lambda _request: Reply(302, headers={"Location": home.address + "/end"}))

    client.send("GET", home.address + "/begin", headers=SECRETS)

    assert [("authorization" in request.headers) for request in home.requests] == [True, False]


def test_a_redirect_gives_no_credential_of_its_own(client: Client, loopback: Start) -> None:
    other = loopback(lambda _request: Reply(200))
    host = loopback(redirecting(302, other.address.replace("//", "//me:pw@")))

    client.send("GET", host.address + "/begin")

    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "//10.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
    ],
)
def test_a_redirect_leads_nowhere_that_is_not_allowed(client: Client, loopback: Start, location: str) -> None:
    host = loopback(redirecting(302, location))
    into = io.BytesIO()

    with pytest.raises(AddressRefused):
        client.send("GET", host.address + "/begin")
    with pytest.raises(AddressRefused):
        client.download(host.address + "/begin", into, max_bytes=10)

    assert (into.getvalue(), len(host.requests)) == (b"", 2)


@pytest.mark.parametrize("location", ["http://[", "http://\x80/", "http://a b/", "http://127.0.0.1:99999/"])
def test_a_redirect_to_what_is_no_address_is_refused(client: Client, loopback: Start, location: str) -> None:
    host = loopback(redirecting(302, location))

    with pytest.raises((AddressRefused, Unreachable)):
        client.send("GET", host.address + "/begin")


def test_redirects_have_an_end(client: Client, loopback: Start) -> None:
    host = loopback(lambda request: Reply(302, headers={"Location": request.path + "x"}))

    with pytest.raises(Unreachable, match="redirects without end"):
        client.send("GET", host.address + "/begin")

    assert len(host.requests) == 6


@pytest.mark.parametrize("status", [307, 308])
def test_a_change_follows_a_redirect_that_keeps_it_one(client: Client, loopback: Start, status: int) -> None:
    host = loopback(redirecting(status, "/end"))

    answer = client.send("POST", host.address + "/begin", headers=SECRETS, json={"a": 1})

    assert answer.status == 200
    assert [(request.method, request.json) for request in host.requests] == [("POST", {"a": 1})] * 2
    assert host.requests[1].headers["private-token"] == "s3cret"


@pytest.mark.parametrize("status", [307, 308])
def test_a_change_is_not_sent_on_to_another_host(client: Client, loopback: Start, status: int) -> None:
    other = loopback(lambda _request: Reply(200))
    host = loopback(redirecting(status, other.address))

    with pytest.raises(Unreachable, match="redirects a POST"):
        client.send("POST", host.address + "/begin", json={"secret": "of a hook"})

    assert other.requests == []


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_change_does_not_become_a_question(client: Client, loopback: Start, method: str, status: int) -> None:
    host = loopback(redirecting(status, "/end"))

    with pytest.raises(Unreachable, match=f"redirects a {method}"):
        client.send(method, host.address + "/begin", json={})

    assert [request.path for request in host.requests] == ["/begin"]


def test_a_name_is_resolved_once_for_each_connection(loopback: Start) -> None:
    host = loopback(lambda _request: Reply(200))
    asked: list[str] = []

    def resolver(name: str, _port: int) -> Sequence[str]:
        # The second answer would lead to a service of ours that listens elsewhere on loopback.
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    client = Client(PATIENCE, Guard(["127.0.0.1"], resolver=resolver))
    address = host.address.replace("127.0.0.1", "git.example")

    answers = [client.send("GET", address).status for _ in range(2)]

    assert (answers, asked) == ([200, 200], ["git.example"])
    # The name is still what the host is asked by.
    assert host.requests[0].headers["host"].startswith("git.example:")
    client.close()


def test_a_name_that_moves_inside_is_refused_at_its_next_connection(loopback: Start) -> None:
    host = loopback(lambda _request: Reply(200, headers={"Connection": "close"}))
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    client = Client(PATIENCE, Guard(["127.0.0.1"], resolver=lambda _host, _port: next(answers)))
    address = host.address.replace("127.0.0.1", "git.example")

    client.send("GET", address)
    with pytest.raises(AddressRefused, match="PACKISTRY_OUTBOUND_ALLOW"):
        client.send("GET", address)

    client.close()


def test_an_address_that_does_not_answer_gives_way_to_the_next(loopback: Start) -> None:
    host = loopback(lambda _request: Reply(200))
    client = Client(PATIENCE, Guard(["git.example"], resolver=lambda _host, _port: ["::1", "127.0.0.1"]))

    assert client.send("GET", host.address.replace("127.0.0.1", "git.example")).status == 200
    client.close()


def test_an_unknown_name_is_said(client: Client) -> None:
    def resolver(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    unknowing = Client(PATIENCE, Guard(resolver=resolver))

    with pytest.raises(Unreachable, match=r"no address for the name git\.example"):
        unknowing.send("GET", "https://git.example/")

    unknowing.close()


@pytest.mark.parametrize("value", ["s3cret\r\nX-Evil: 1", "s3cret\n", "s3crét", "s3cret\x00"])
def test_a_credential_that_http_cannot_carry_is_not_repeated(client: Client, value: str) -> None:
    with pytest.raises(InvalidInput, match="authorization") as refusal:
        client.send("GET", "http://127.0.0.1:1/", headers={"authorization": f"Bearer {value}"})

    assert "s3cr" not in str(refusal.value)


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999/", "http://a\x00b/"])
def test_an_address_that_cannot_be_read_is_refused(client: Client, url: str) -> None:
    with pytest.raises(InvalidInput):
        client.send("GET", url)


def test_a_download_is_written_as_it_comes(client: Client, loopback: Start) -> None:
    host = loopback(redirecting(302, "/end"))
    into = io.BytesIO()

    answer = client.download(host.address + "/begin", into, max_bytes=10)

    assert (answer.status, answer.body, into.getvalue()) == (200, b"", b"there")


def test_a_refused_download_tells_why_and_writes_nothing(client: Client, loopback: Start) -> None:
    host = loopback(lambda _request: Reply(403, b"x" * 100_000))
    into = io.BytesIO()

    answer = client.download(host.address, into, max_bytes=10)

    assert (answer.status, len(answer.body), into.getvalue()) == (403, 64 * 1024, b"")
