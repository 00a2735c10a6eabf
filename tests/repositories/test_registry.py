"""What a worker keeps in memory of documents, and for whom."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from packistry.access.views import NOBODY, View
from packistry.house import House
from packistry.repositories import serve
from packistry.repositories.serve import Registry
from tests import factories

BASE = "https://packages.example.test"
EVERYTHING = View(actor=factories.OPERATOR, can_read=True, everything=True)


def with_registry(
    house: House, scenario: Callable[[Registry], Awaitable[None]], *, public_url: str | None = None
) -> None:
    """Runs the scenario in an event loop with a registry on this house."""

    async def run() -> None:
        with ThreadPoolExecutor(2) as executor:
            base = lambda: public_url  # noqa: E731 as the worker gives it
            await scenario(Registry(house.database, house.storage, executor, cache_bytes=10**6, public_url=base))

    asyncio.run(run())


def test_documents_of_any_number_of_repositories_are_kept(house: House) -> None:
    paths = [f"r{number}" for number in range(serve.MAX_BASES + 4)]
    for path in paths:
        factories.repository(house, path)
        factories.publish(house, repository=path)

    async def scenario(registry: Registry) -> None:
        for path in paths:
            await registry.document(EVERYTHING, BASE, path, "acme/lib")
        assert all(registry.kept_document(BASE, path, "acme/lib") for path in paths)

    with_registry(house, scenario)


def test_strangers_with_made_up_hosts_do_not_take_the_places_of_others(house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house)

    async def scenario(registry: Registry) -> None:
        for number in range(serve.MAX_BASES + 4):
            await registry.document(NOBODY, f"http://made-up-{number}.test", "acme", "acme/lib")
        await registry.document(EVERYTHING, BASE, "acme", "acme/lib")
        assert registry.kept_document(BASE, "acme", "acme/lib")
        assert registry.kept_document("http://made-up-1.test", "acme", "acme/lib") is None

    with_registry(house, scenario)


def test_the_public_address_always_has_a_place(house: House) -> None:
    factories.repository(house, "open", public=True)
    factories.publish(house, repository="open")

    async def scenario(registry: Registry) -> None:
        for number in range(serve.MAX_BASES):
            await registry.document(NOBODY, f"http://made-up-{number}.test", "open", "acme/lib")
        await registry.document(NOBODY, BASE, "open", "acme/lib")
        await registry.document(NOBODY, "http://one-more.test", "open", "acme/lib")
        assert registry.kept_document(BASE, "open", "acme/lib")
        assert registry.kept_document("http://one-more.test", "open", "acme/lib") is None

    with_registry(house, scenario, public_url=BASE)


def test_an_address_that_nobody_asks_for_gives_up_its_place(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.repository(house, "open", public=True)
    factories.publish(house, repository="open")

    async def scenario(registry: Registry) -> None:
        for number in range(serve.MAX_BASES):
            await registry.document(NOBODY, f"http://old-{number}.test", "open", "acme/lib")
        monkeypatch.setattr(serve, "BASE_SECONDS", -1.0)
        await registry.document(NOBODY, BASE, "open", "acme/lib")
        assert registry.kept_document(BASE, "open", "acme/lib")

    with_registry(house, scenario)


def test_a_root_that_became_private_meanwhile_is_not_kept_for_those_who_see_all(house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house)

    async def scenario(registry: Registry) -> None:
        facts = await registry.repository("acme")
        assert facts is not None
        # As a worker knew it before the change: public.
        stale = serve.RepositoryFacts(facts.id, "acme", True, True, facts.listing_modified)
        await registry.root(BASE, NOBODY, stale)
        assert b'"acme/*"' in (await registry.root(BASE, EVERYTHING, facts)).body

    with_registry(house, scenario)


def test_a_root_has_the_date_of_its_own_snapshot(house: House) -> None:
    factories.repository(house, "acme")

    async def scenario(registry: Registry) -> None:
        facts = await registry.repository("acme")
        assert facts is not None
        stale = serve.RepositoryFacts(facts.id, "acme", False, True, facts.listing_modified - 100)
        assert (await registry.root(BASE, EVERYTHING, stale)).modified == facts.listing_modified

    with_registry(house, scenario)
