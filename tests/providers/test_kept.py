"""Pages kept with their ETag, and what is never kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.outbound.client import Answer, Client
from packistry.providers.answers import Host
from packistry.providers.kept import KeptPages, page_key
from tests.fakes.loopback import Loopback, Reply, Request

KEY = page_key("https://host.example/list", {}, {})
PAGE = Answer(200, {"etag": '"1"', "link": "<?page=2>; rel=next", "x-secret": "s"}, b'[{"x": "a"}]')


def test_a_page_is_found_again_with_the_headers_that_it_is_read_by(tmp_path: Path) -> None:
    KeptPages(tmp_path / "pages").keep(KEY, PAGE)

    found = KeptPages(tmp_path / "pages").find(KEY)

    assert found == Answer(200, {"etag": '"1"', "link": "<?page=2>; rel=next"}, PAGE.body)


def test_a_page_of_the_same_place_takes_it(tmp_path: Path) -> None:
    pages = KeptPages(tmp_path / "pages")
    other = KEY[:2] + bytes(len(KEY) - 2)

    pages.keep(KEY, PAGE)
    pages.keep(other, PAGE)

    assert pages.find(KEY) is None
    assert pages.find(other)
    assert len(list((tmp_path / "pages").iterdir())) == 1


@pytest.mark.parametrize("content", [b"", KEY, KEY + b"no zlib", b"x" * 1000])
def test_a_file_that_was_damaged_is_as_none(tmp_path: Path, content: bytes) -> None:
    pages = KeptPages(tmp_path / "pages")
    pages.keep(KEY, PAGE)
    [file] = (tmp_path / "pages").iterdir()
    file.write_bytes(content)

    assert pages.find(KEY) is None


def test_nothing_is_kept_without_a_folder_or_an_etag_or_where_nobody_may_write(tmp_path: Path) -> None:
    KeptPages(None).keep(KEY, PAGE)
    KeptPages(tmp_path / "pages").keep(KEY, Answer(200, {}, b"[]"))
    KeptPages(tmp_path / "missing" / "pages").keep(KEY, PAGE)

    assert KeptPages(None).find(KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_another_credential_is_another_page() -> None:
    mine, yours = (page_key("https://h/x", {"a": "1"}, {"authorization": token}) for token in ("mine", "yours"))

    assert mine != yours
    assert mine == page_key("https://h/x", {"a": "1"}, {"authorization": "mine"})


class Lister:
    """A host with a list in pages of two, each with an ETag; counts what it sent in full."""

    def __init__(self) -> None:
        self.rows = ["a", "b", "c"]
        self.sent: list[int] = []

    def answer(self, request: Request) -> Reply:
        page = int(request.query.get("page", 1))
        rows = self.rows[2 * page - 2 : 2 * page]
        etag = f'"{rows}"'
        if request.headers.get("if-none-match") == etag:
            return Reply(304)
        self.sent.append(page)
        link = f"<?per_page=2&page={page + 1}>; rel=next" if len(self.rows) > 2 * page else ""
        return Reply(200, [{"x": row} for row in rows], {"ETag": etag, "Link": link})


@pytest.fixture
def lister() -> Iterator[tuple[Lister, str]]:
    """The host and its address."""
    lister = Lister()
    server = Loopback(lister.answer)
    server.start()
    yield lister, server.address
    server.stop()


def rows_of(address: str, client: Client, folder: Path) -> list[str]:
    host = Host("Host", address, client, {}, kept=KeptPages(folder / "pages"))
    return [row.text("x") for row in host.rows(host.address("list"), what="rows", params={"per_page": "2"})]


def test_a_list_that_did_not_change_is_not_sent_again(
    lister: tuple[Lister, str], client: Client, tmp_path: Path
) -> None:
    host, address = lister

    first = rows_of(address, client, tmp_path)
    again = rows_of(address, client, tmp_path)

    assert first == again == ["a", "b", "c"]
    assert host.sent == [1, 2]


@pytest.mark.parametrize(
    "rows", [["a", "b"], ["a", "b", "c", "d"], ["a", "b", "c", "d", "e"], ["a", "b", "d"], ["b", "c"], []]
)
def test_a_list_that_changed_is_read_whole(
    lister: tuple[Lister, str], client: Client, tmp_path: Path, rows: list[str]
) -> None:
    host, address = lister
    rows_of(address, client, tmp_path)

    host.rows = rows

    assert rows_of(address, client, tmp_path) == rows


def test_a_row_beyond_a_full_last_page_is_not_overlooked(
    lister: tuple[Lister, str], client: Client, tmp_path: Path
) -> None:
    host, address = lister
    host.rows = ["a", "b"]
    rows_of(address, client, tmp_path)

    host.rows = ["a", "b", "c"]

    assert rows_of(address, client, tmp_path) == ["a", "b", "c"]
