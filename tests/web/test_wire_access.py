"""The table of cases: who asks for what, and what the wire says; each row for the root and for /r/acme.

In a world, both hold acme/lib, acme/other and beta/tool and are private, public, or unclaimed: private, and leaving
names that they do not have to the client's next repository.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from packistry.settings import Settings
from tests.factories import package_zip
from tests.lending import Lender
from tests.web.test_identity import MALFORMED
from tests.web.worlds import LIB, ROOT, SUB, Headers, World, base, bearer, settings_in, world

NEW = package_zip("acme/new", version="1.0.0")
MakeWorld = Callable[[str], World]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def a_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeWorld]:
    """Gives the world of a kind, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("worlds")
    made: dict[str, World] = {}
    with ExitStack() as stack:

        def settings(kind: str) -> Settings:
            if request.param == "sqlite":
                return settings_in(folder / kind, request.getfixturevalue("migrated_file"))
            databases: Lender = request.getfixturevalue("migrated_databases")
            name = databases.take()
            stack.callback(databases.give_back, name)
            return Settings(data_dir=folder / kind, database_url=databases.cluster.url(name))

        def find(kind: str) -> World:
            if kind not in made:
                made[kind] = stack.enter_context(world(settings(kind), kind))
            return made[kind]

        yield find
    shutil.rmtree(folder)


def get(rest: str) -> Callable[[World, str, Headers], Any]:
    return lambda here, path, caller: here.ask("GET", path, rest, caller)


def archive(name: str) -> Callable[[World, str, Headers], Any]:
    return lambda here, path, caller: here.ask("GET", path, here.dists[path, name], caller)


def send(name: str, content: bytes) -> Callable[[World, str, Headers], Any]:
    return lambda here, path, caller: here.ask(
        "POST", path, f"/{name}", caller, files={"file": content}, data={"version": "1.0.0"}
    )


def report(here: World, path: str, caller: Headers) -> Any:
    installs = {"downloads": [{"name": "acme/lib", "version": "1.0.0.0"}]}
    return here.ask("POST", path, "/-/notify", caller, json=installs)


# The columns of the table, in its order. "lib" and "dist" are of acme/lib, "other" and "hidden" of acme/other, which a
# caller with a single package does not see; the vendor acme is hosted here, nobody is not.
ROUTES: dict[str, Callable[[World, str, Headers], Any]] = {
    "root": get("/packages.json"),
    "list": get("/list.json"),
    "search": get("/search.json?q=lib"),
    "lib": get("/p2/acme/lib.json"),
    "other": get("/p2/acme/other.json"),
    "unknown": get("/p2/acme/unknown.json"),
    "alien": get("/p2/nobody/unknown.json"),
    "dist": archive("acme/lib"),
    "hidden": archive("acme/other"),
    "version": get("/acme/lib/1.0.0"),
    "providers": get("/-/providers/ext-redis.json"),
    "notify": report,
    "again": send("acme/lib", LIB),
    "new": send("acme/new", NEW),
}
P2 = ("lib", "other", "unknown", "alien")


@dataclass(frozen=True)
class Row:
    """One caller in one world. There is a status for each column; 200e is 200 with an empty list of versions."""

    kind: str
    caller: str
    reads: str
    writes: str
    why: str
    # What the 401 of a reading column says to the one who holds the credential; and of a writing one on public.
    says: str = ""

    @property
    def expected(self) -> dict[str, str]:
        """By column."""
        return dict(zip(ROUTES, f"{self.reads} {self.writes}".split(), strict=True))


# fmt: off
#           root list search  lib other unknown alien  dist hidden version  providers notify
NOTHING   = "401 401 401      401 401   401     401    401  401    401      401       401"
NOT_FOUND = "404 404 404      404 404   404     404    404  404    404      404       404"
WHOLE     = "200 200 200      200 200   200e    404    200  200    200      200       201"
PART      = "200 200 200      200 200e  200e    404    200  404    200      200       201"
# Without claiming, names that are not here or hidden are left to the next repository.
UNCLAIMED = "200 200 200      200 200   404     404    200  200    200      200       201"
NAMED     = "200 200 200      200 404   404     404    200  404    200      200       201"
TABLE = [
    #                                                  again new
    Row("private", "nobody",                NOTHING,   "401 401", "Composer asks when challenged", "needs a token"),
    Row("private", "nonsense",              NOTHING,   "401 401", "a bad credential is none", "missing or wrong"),
    Row("private", "unknown token",         NOTHING,   "401 401", "of another server", "not known here"),
    Row("private", "expired",               NOTHING,   "401 401", "the holder is told", "expired on 2026-03-05"),
    Row("private", "revoked",               NOTHING,   "401 401", "the holder is told", "was revoked on"),
    Row("private", "rotated",               NOTHING,   "401 401", "the holder is told", "Use the new secret"),
    Row("private", "wrong prefix",          NOTHING,   "401 401", "the prefix must fit the owner", "not known here"),
    Row("private", "user switched off",     NOTHING,   "401 401", "tokens go with their user", "switched off"),
    Row("private", "only writes",           NOTHING,   "200 201", "publishing is not reading", "the ability read"),
    Row("private", "only writes elsewhere", NOTHING,   "404 404", "nor is it here", "the ability read"),
    Row("private", "tied elsewhere",        NOT_FOUND, "404 404", "a good credential that has no business here"),
    Row("private", "tied next door",        NOT_FOUND, "404 404", "a tie to the root opens nothing below /r/"),
    Row("private", "user without grants",   NOT_FOUND, "404 404", "users see what was given to them"),
    Row("private", "reader",                WHOLE,     "403 403", "seen, but not to be written"),
    Row("private", "PHP product",           WHOLE,     "403 403", "its tokens are taken over by their digest alone"),
    Row("private", "writer",                WHOLE,     "200 201", "a tie is for writing too"),
    Row("private", "one package",           PART,      "200 403", "hidden looks like unknown; no new names"),
    Row("private", "reads one package",     PART,      "403 403", "and without the ability no versions either"),
    Row("private", "user who may read",     WHOLE,     "403 403", "the ability to write is not the right to"),
    Row("private", "user who may write",    WHOLE,     "200 201", "both the right and the ability"),
    Row("private", "may write, reads",      WHOLE,     "403 403", "nor is the right the ability"),
    Row("private", "administrator",         WHOLE,     "200 201", "everything"),
    Row("private", "admin, reads",          WHOLE,     "403 403", "an administrator's token is cut down too"),
    Row("private", "password",              WHOLE,     "403 403", "a password reads and never writes"),
    Row("private", "admin's password",      WHOLE,     "403 403", "nor does an administrator's"),

    Row("public", "nobody",                 WHOLE,     "401 401", "everybody reads, nobody writes", "needs a token"),
    Row("public", "nonsense",               WHOLE,     "401 401", "a bad credential shuts nothing", "missing or wrong"),
    Row("public", "expired",                WHOLE,     "401 401", "nor does an expired one", "expired on 2026-03-05"),
    Row("public", "revoked",                WHOLE,     "401 401", "nor does a revoked one", "was revoked on"),
    Row("public", "tied elsewhere",         WHOLE,     "403 403", "seeing is not writing"),
    Row("public", "only writes elsewhere",  WHOLE,     "403 403", "whom nobody else may read, it may"),
    Row("public", "only writes",            WHOLE,     "200 201", "tied here"),
    Row("public", "one package",            WHOLE,     "200 403", "a single package hides nothing that is public"),
    Row("public", "user without grants",    WHOLE,     "403 403", "being public gives nobody write"),
    Row("public", "administrator",          WHOLE,     "200 201", "everything"),

    Row("unclaimed", "nobody",              NOTHING,   "401 401", "private all the same", "needs a token"),
    Row("unclaimed", "reader",              UNCLAIMED, "403 403", "unknown names are left to others"),
    Row("unclaimed", "one package",         NAMED,     "200 403", "and hidden names look like unknown ones"),
]
# fmt: on


@pytest.mark.parametrize("path", [ROOT, SUB], ids=["root", "sub"])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.kind}, {row.caller}")
def test_the_wire_answers_by_the_table(a_world: MakeWorld, row: Row, path: str) -> None:
    here = a_world(row.kind)
    caller = here.caller(row.caller, path)

    answers = {column: ask(here, path, caller) for column, ask in ROUTES.items()}

    told = {column: told_as(column, answer) for column, answer in answers.items()}
    # Whoever comes first finds it new.
    told["new"] = "201" if told["new"] == "200" else told["new"]
    assert told == row.expected, row.why
    for column, answer in answers.items():
        check_facts(column, answer, row)


def told_as(column: str, answer: Any) -> str:
    """The status as the table writes it."""
    empty = answer.status_code == 200 and column in P2 and list(answer.json()["packages"].values()) == [[]]
    return "200e" if empty else str(answer.status_code)


def check_facts(column: str, answer: Any, row: Row) -> None:
    """What holds of every answer with this status."""
    assert not (column in P2 and answer.status_code == 403), "403 on metadata ends the whole command"
    if answer.status_code == 401:
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith('Basic realm="')
        assert challenge.endswith('charset="UTF-8"')
        assert answer.json()["warning"]
        # Nobody is told what reading needs where publishing was tried.
        assert row.says in answer.json()["warning"] or (row.caller == "nobody" and column in ("again", "new"))
        assert answer.json()["status"] == 401
    else:
        assert "www-authenticate" not in answer.headers
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["message"]
        assert "no-store" in answer.headers["cache-control"]
    if answer.status_code == 404 and column in P2:
        assert "warning" not in answer.json(), "routine: Composer would print it for every name it asks us for"


# Nobody who sees nothing at /r/acme may learn that it is there.
BLIND = ["nobody", "nonsense", "unknown token", "tied elsewhere", "only writes elsewhere", "user without grants"]


@pytest.mark.parametrize("caller", BLIND)
@pytest.mark.parametrize("column", [column for column in ROUTES if column not in ("dist", "hidden")])
def test_an_unknown_path_looks_like_a_private_one(a_world: MakeWorld, caller: str, column: str) -> None:
    here = a_world("private")
    shown = here.caller(caller, SUB)

    private, unknown = (ROUTES[column](here, path, shown) for path in (SUB, "nowhere"))

    assert (private.status_code, private.content, dict(private.headers)) == (
        unknown.status_code,
        unknown.content,
        dict(unknown.headers),
    )


@pytest.mark.parametrize("path", [ROOT, SUB], ids=["root", "sub"])
@pytest.mark.parametrize("kind", ["private", "unclaimed"])
def test_a_hidden_package_looks_like_one_that_is_not_there(a_world: MakeWorld, kind: str, path: str) -> None:
    here = a_world(kind)
    caller = here.caller("one package", path)

    for hidden, unknown in [("acme/other", "acme/others"), ("acme/other~dev", "acme/others~dev")]:
        answers = [here.ask("GET", path, f"/p2/{name}.json", caller) for name in (hidden, unknown)]
        said = [(answer.status_code, answer.text.replace("others", "other")) for answer in answers]
        assert said[0] == said[1]
        dated = [answer.headers.get("last-modified") for answer in answers]
        assert dated[0] == dated[1]
    archives = [
        here.ask("GET", path, address, caller)
        for address in (here.dists[path, "acme/other"], "/-/dist/acme/others/99/x.zip", "/acme/other/1.0.0")
    ]
    assert {(answer.status_code, answer.content) for answer in archives} == {(404, archives[0].content)}


@pytest.mark.parametrize("path", [ROOT, SUB], ids=["root", "sub"])
@pytest.mark.parametrize(
    ("kind", "patterns"),
    [("private", ["acme/*"]), ("unclaimed", ["acme/lib"])],
    ids=["a vendor is claimed as a whole", "without claiming, names alone"],
)
def test_a_repository_seen_through_one_package_lists_only_that(
    a_world: MakeWorld, kind: str, patterns: list[str], path: str
) -> None:
    here = a_world(kind)
    caller = here.caller("one package", path)

    root, names, found = (
        here.ask("GET", path, rest, caller).json() for rest in ("/packages.json", "/list.json", "/search.json?q=")
    )

    assert root["available-package-patterns"] == patterns
    assert names["packageNames"] == ["acme/lib"]
    assert [hit["name"] for hit in found["results"]] == ["acme/lib"]
    assert found["total"] == 1


@pytest.mark.parametrize("path", [ROOT, SUB], ids=["root", "sub"])
def test_different_views_of_one_address_have_different_dates(a_world: MakeWorld, path: str) -> None:
    """Composer's cache knows the address alone: of two tokens on one machine none is told 304 for the other's view."""
    here = a_world("unclaimed")
    callers = [here.caller(name, path) for name in ("reader", "one package")]
    callers.append(bearer(_token_for(here, path, "acme/other")))

    for rest in ("/packages.json", "/list.json"):
        answers = [here.ask("GET", path, rest, caller) for caller in callers]
        dates = [answer.headers["last-modified"] for answer in answers]
        assert len(set(dates)) == len(callers)
        for caller in callers:
            asked = [here.ask("GET", path, rest, caller | {"If-Modified-Since": date}).status_code for date in dates]
            assert asked.count(304) == 1, "only its own"


def _token_for(here: World, path: str, package: str) -> str:
    from packistry.access.grants import Grant
    from tests import factories

    return factories.deploy_token(here.house, Grant(path, package))


@pytest.mark.parametrize("rest", ["/packages.json", "/p2/acme/lib.json", "/acme/lib/1.0.0", "/list.json"])
def test_an_empty_path_is_not_the_root(a_world: MakeWorld, rest: str) -> None:
    here = a_world("public")

    assert here.client.get(f"/r/{rest}").status_code == 404
    assert here.client.get(rest).status_code == 200


def test_nothing_is_published_to_an_empty_path(a_world: MakeWorld) -> None:
    here = a_world("private")

    answer = here.client.post("/r//acme/lib", files={"file": LIB}, headers=here.caller("writer", ROOT))

    assert answer.status_code == 404


HOSTILE = [
    "/packages.json%00",
    "/p2/acme/lib%00.json",
    "/p2/acme/lib.json%00.json",
    "/-/dist/acme/lib/1/%00.zip",
    "/-/dist/acme/%00/1/x.zip",
    "/-/dist/acme/lib/99999999999999999999/x.zip",
    "/-/dist/acme/lib/٣/x.zip",
    "/-/dist/acme/lib/-1/x.zip",
    "/-/dist/acme/lib.zip",
    "/-/dist/.zip",
    "/-/providers/%00.json",
    "/-/providers/.json",
    "/acme/lib/1.0.0%00",
    "/acme/%00/1.0.0",
    "/acme/lib/%ff%fe",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/list.json?filter=%00",
    "/list.json?vendor=%00&type=%00",
    "/search.json?q=%00",
    "/search.json?q=%ff",
    "/search.json?page=99999999999999999999",
    "/search.json?per_page=-1",
    "/search.json?" + "a=1&" * 200,
]


@pytest.mark.parametrize("path", [ROOT, SUB, "%00", "a%00b", "%ff"])
@pytest.mark.parametrize("caller", ["reader", "nobody"])
def test_no_address_is_a_fault(a_world: MakeWorld, caller: str, path: str) -> None:
    here = a_world("private")
    shown = here.caller(caller, ROOT)

    for rest in HOSTILE:
        answer = here.ask("GET", path, rest, shown)
        assert answer.status_code in (200, 400, 401, 404), (rest, answer.text)
    posted = here.ask("POST", path, "/acme/lib%00", shown, files={"file": LIB})
    assert posted.status_code in (401, 404, 422), posted.text


@pytest.mark.parametrize(("header", "why"), MALFORMED, ids=[row[1] for row in MALFORMED])
def test_at_the_door_a_malformed_credential_is_401(a_world: MakeWorld, header: bytes, why: str) -> None:
    here = a_world("private")

    for method, rest in (("GET", "/packages.json"), ("GET", "/p2/acme/lib.json"), ("POST", "/acme/lib")):
        answer = here.client.request(method, base(SUB) + rest, headers=[(b"authorization", header)])
        assert answer.status_code == 401, why
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.json()["warning"]


def test_a_report_of_names_that_cannot_be_is_passed_over(a_world: MakeWorld) -> None:
    here = a_world("private")
    installs = [
        {"name": "acme/lib\0", "version": "1.0.0.0"},
        {"name": "acme/lib", "version": "\0"},
        {"name": 1, "version": 2},
    ]

    answer = here.ask("POST", ROOT, "/-/notify", here.caller("reader", ROOT), json={"downloads": installs})

    assert (answer.status_code, answer.json()["status"]) == (200, "partial")
