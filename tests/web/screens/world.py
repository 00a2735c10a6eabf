"""A registry as it looks after some months: what its pages show when they are looked at."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert, select, update

from packistry import clock
from packistry.access.grants import Grant
from packistry.access.permissions import Role
from packistry.db.engine import WriteSession
from packistry.db.models import Download, Hook, ImportRef, ImportRun, Package, Repository, Source, Version
from packistry.house import House
from packistry.providers.base import Project as HostProject
from packistry.sources.actions import add_project
from packistry.sources.connecting import filled_in
from packistry.sources.states import HookStatus, RefState, RunState
from tests import factories
from tests.factories import OPERATOR

ADMINISTRATOR: Final = "ada@example.test"
# Was given the repository customers.
CUSTOMER: Final = "cleo@example.test"
NOBODY: Final = "bob@example.test"
RICH: Final = "acme/http-client"
VERSIONS: Final = ("1.0.0", "1.1.0", "2.0.0-RC1", "2.0.0", "2.1.3", "dev-main", "dev-feature/retry")
LONG: Final = "Its description is no shorter: " + "words " * 30
PACKAGES: Final = (
    ("acme/event-bus", "Events between services, kept until each of them was told.", ""),
    ("acme/billing-sdk", "Invoices and payments of Acme.", "customers"),
    ("acme/ui-kit", "Components for the back office.", ""),
    (
        "acme/a-package-whose-name-goes-on-and-on-as-some-of-them-do",
        "Its description is no shorter: " + "words " * 30,
        "",
    ),
)
# Rows without an archive, so that there is a second page.
MODULES: Final = 27
README: Final = """# HTTP client

A PSR-18 client with **retries** and a circuit breaker, see [the guide](docs/guide.md).

## Use

```php
$client = new Client(retries: 3);
$response = $client->send($request); // retried when the host is busy
```

| option | default | what it does |
|---|---|---|
| retries | 3 | how often a request is sent again |
| timeout | 10 s | how long it waits |

> A circuit that is open answers at once.

- [x] PSR-18
- [ ] HTTP/3

![Build](https://badges.example.test/build.svg)
"""
# What a host that cannot be reached says, as long as hosts are.
REASON: Final = "composer.json: the name Acme/Widgets has capital letters. Write it in small letters and push again."


def only_an_administrator(house: House) -> None:
    """As it is after the first step of the set-up."""
    factories.user(house, ADMINISTRATOR, role=Role.ADMINISTRATOR)


def fill(house: House) -> None:
    """People, packages, tokens, a source with runs of every kind. It is alike each time."""
    factories.repository(house, "customers", public=True)
    factories.user(house, ADMINISTRATOR, role=Role.ADMINISTRATOR)
    factories.user(house, CUSTOMER, Grant("customers"))
    factories.user(house, NOBODY)
    for version in VERSIONS:
        _publish_rich(house, version)
    for name, description, repository in PACKAGES:
        factories.publish(house, name, "1.0.0", repository=repository, description=description, license="MIT")
    factories.deploy_token(house, "customers", name="CI of Customers")
    factories.deploy_token(house, "", name="Deployment", expires_at=clock.now() + timedelta(days=20))
    factories.personal_token(house, 1, name="Laptop")
    source = _connect(house)
    with house.database.write() as session:
        _add_modules(session)
        _count_downloads(session)
        _import(session, source)


def _publish_rich(house: House, version: str) -> None:
    facts: dict[str, Any] = {
        "description": "PSR-18 HTTP client with retries and a circuit breaker.",
        "license": "MIT",
        "require": {"php": ">=8.2", "psr/http-client": "^1.0", "acme/event-bus": "^2.0"},
        "require-dev": {"phpunit/phpunit": "^11"},
        "suggest": {"ext-curl": "Ten times the requests"},
        "authors": [{"name": "Ada Lovelace", "email": "ada@example.test"}],
        "keywords": ["http", "psr-18"],
        "homepage": "https://example.test/http-client",
        "support": {"source": "https://example.test/source", "docs": "https://example.test/docs"},
    }
    archive = factories.package_zip(RICH, files={"README.md": README, "of.txt": version}, **facts)
    factories.publish(house, RICH, version, repository="", archive=archive, default_branch=version == "dev-main")


def _add_modules(session: WriteSession) -> None:
    root = session.scalars(select(Repository.id).where(Repository.path == "")).one()
    facts = {"repository_id": root, "vendor": "acme", "type": "library", "latest_version": "1.0.0"}
    for number in range(MODULES):
        about = {"name": f"acme/module-{number}", "description": f"Module {number} of the shop."}
        session.add(Package(**facts, **about, created_at=clock.now(), updated_at=clock.now()))


def _count_downloads(session: WriteSession) -> None:
    chance = random.Random(1)
    today = clock.now().date()
    versions = session.scalars(
        select(Version.id)
        .join(Package, Package.id == Version.package_id)
        .where(Package.name.in_([RICH, "acme/ui-kit"]))
    ).all()
    session.execute(
        insert(Download),
        [
            {
                "version_id": version,
                "day": today - timedelta(days=day),
                "downloads": chance.randint(0, 9),
                "installs": 1,
            }
            for version in versions
            for day in range(90)
        ],
    )
    session.execute(update(Package).where(Package.name == RICH).values(downloads=20_919))
    session.execute(update(Package).where(Package.name == "acme/ui-kit").values(downloads=412))


def _connect(house: House) -> int:
    filled = filled_in("gitlab", "https://git.example.test", {"token": "glpat-invented"})
    return house.desk.connect(OPERATOR, "Acme GitLab", filled).id


def _import(session: WriteSession, source_id: int) -> None:
    """Projects with hooks that work and not, and a run of each kind. Nothing is due: no job takes any of it up."""
    source = session.get_one(Source, source_id)
    source.last_contact_at = clock.now() - timedelta(minutes=3)
    source.credential_expires_at = clock.now() + timedelta(days=12)
    root = session.scalars(select(Repository).where(Repository.path == "")).one()
    for number, name in enumerate(("acme/http-client", "acme/event-bus", "acme/widgets", "acme/gone"), 1):
        address = f"https://git.example.test/{name}"
        found = HostProject(str(number), name, address, f"{address}.git", "main")
        project = add_project(session, OPERATOR, source, root, found)
        session.flush()
        project.package_id = session.scalar(select(Package.id).where(Package.name == name))
        project.synced_at = clock.now() - timedelta(hours=number)
        if name == "acme/gone":
            project.problem = "The project is not there any more, or the token does not see it."
    for hook, (state, reason) in zip(session.scalars(select(Hook).order_by(Hook.id)), HOOKS, strict=True):
        hook.state, hook.reason, hook.due_at = state, reason, clock.now() + timedelta(days=300)
    for number, (state, reason, refs) in enumerate(RUNS):
        _run(session, number % 3 + 1, state, reason, refs)


HOOKS: Final = (
    (HookStatus.ACTIVE, None),
    (HookStatus.FAILING, "The host says that its calls get no answer: is the public address right?"),
    (HookStatus.POLLED, "The token may not make webhooks. The project is looked at every 5 minutes."),
    (HookStatus.ACTIVE, None),
)
RUNS: Final[Sequence[tuple[RunState, str | None, dict[RefState, int]]]] = (
    (RunState.DONE, None, {RefState.IMPORTED: 5, RefState.UNCHANGED: 2}),
    (RunState.DONE, None, {RefState.IMPORTED: 40, RefState.FAILED: 3, RefState.SKIPPED: 2, RefState.KEPT: 1}),
    (RunState.FAILED, "git.example.test answered 401. The token has expired: give another one.", {}),
    (RunState.CANCELLED, None, {RefState.CANCELLED: 4}),
    (RunState.RUNNING, None, {RefState.IMPORTED: 12, RefState.WAITING: 30}),
    (RunState.WAITING, None, {}),
)


def _run(session: WriteSession, project: int, state: RunState, reason: str | None, refs: dict[RefState, int]) -> None:
    begun = clock.now() - timedelta(minutes=5)
    far = clock.now() + timedelta(days=300)
    ended = None if state in (RunState.RUNNING, RunState.WAITING) else clock.now()
    run = ImportRun(project_id=project, cause="push", state=state, priority=10, listed=True, due_at=far, reason=reason)
    run.created_at = run.started_at = begun
    run.finished_at = ended
    session.add(run)
    session.flush()
    states = [each for each, count in refs.items() for _ in range(count)]
    session.add_all(
        ImportRef(
            run_id=run.id,
            kind="tag",
            name=f"v1.{number}.0",
            commit=f"{number:040x}",
            position=number,
            state=each,
            reason=REASON if each in (RefState.FAILED, RefState.KEPT) else None,
            finished_at=None if each == RefState.WAITING else begun,
        )
        for number, each in enumerate(states)
    )
