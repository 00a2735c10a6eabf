"""A list as its address tells it: searched, filtered, sorted, and which page of it. Everything is in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from packistry.web.pages.visits import Visit

SIZES: Final = (25, 50, 100)
SEARCH_CHARACTERS: Final = 200
# Further than anybody turns pages; a database walks over all rows before.
MOST_PAGES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """What of a list is shown. `sort` begins with "-" for the largest first; `total` is set once it was counted."""

    path: str
    search: str
    sort: str
    filters: Mapping[str, str]
    page: int
    size: int
    standard_sort: str
    total: int = 0

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return min(self.offset + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.offset + self.size, self.total)

    @property
    def is_narrowed(self) -> bool:
        """Whether something was asked for, so that an empty list says "no result" and not "nothing yet"."""
        return bool(self.search) or any(self.filters.values())

    def counted(self, total: int) -> "Listing":
        """The same with the number of its rows; a page beyond the last becomes the last."""
        pages = max(1, -(-total // self.size))
        return replace(self, total=total, page=min(self.page, pages))

    def at(self, page: int) -> str:
        """The address of another page of it."""
        return self._address(page=str(page))

    def sorted_by(self, key: str) -> str:
        """The address of the list sorted by this; by the other end when it is already."""
        return self._address(sort=f"-{key}" if self.sort == key else key)

    def filtered(self, name: str, value: str) -> str:
        """The address of the list with another value of this filter."""
        return self._address(**{name: value})

    def hidden(self, *fields: str) -> list[tuple[str, str]]:
        """What a form with these fields has to send along; without any it is the one that searches."""
        return [(name, value) for name, value in self._words().items() if name not in (fields or ("q",))]

    def below(self, name: str, **other: str) -> str:
        """The address of something below the list, of what it is narrowed to."""
        words = {key: value for key, value in {**self._words(), **other}.items() if key != "size"}
        return f"{self.path}/{name}?{urlencode(words)}"

    def _address(self, **other: str) -> str:
        words = {name: value for name, value in {**self._words(), **other}.items() if value}
        return f"{self.path}?{urlencode(words)}" if words else self.path

    def _words(self) -> dict[str, str]:
        """What differs from the list as it is first shown."""
        words = {"q": self.search, **self.filters}
        if self.sort != self.standard_sort:
            words["sort"] = self.sort
        if self.size != SIZES[0]:
            words["size"] = str(self.size)
        return {name: value for name, value in words.items() if value}


def asked_for(
    visit: Visit, *, sorts: Sequence[str], standard_sort: str, filters: Mapping[str, Sequence[str]] | None = None
) -> Listing:
    """What the address asks for; what it may not ask for is passed over, as a link from somewhere may be old.

    `filters` names what may be chosen from, by the parameter; of an empty choice any word may be given.
    """
    query = visit.request.query_params
    sort = query.get("sort", standard_sort)
    chosen = {name: _chosen(query.get(name, ""), choice) for name, choice in (filters or {}).items()}
    return Listing(
        path=visit.prefix + visit.request.url.path,
        search=query.get("q", "").replace("\0", "").strip()[:SEARCH_CHARACTERS],
        sort=sort if sort.removeprefix("-") in sorts else standard_sort,
        filters=chosen,
        page=_number(query.get("page", "1"), range(1, MOST_PAGES + 1), 1),
        size=_number(query.get("size", ""), SIZES, SIZES[0]),
        standard_sort=standard_sort,
    )


def _chosen(value: str, choice: Sequence[str]) -> str:
    if choice:
        return value if value in choice else ""
    return value.replace("\0", "")[:SEARCH_CHARACTERS]


def _number(text: str, allowed: Sequence[int], otherwise: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else otherwise
    return number if number in allowed else otherwise
