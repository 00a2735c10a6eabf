"""`packistry webhook`: what makes code hosts tell us of pushes, and what they told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from packistry.cli.imports import Wait, document_of, told
from packistry.cli.opening import desk_of, opened, operator, public_url
from packistry.cli.options import AsJSON
from packistry.cli.printing import answer, facts, moment, table
from packistry.cli.verbs import noun, verb
from packistry.documents.webhooks import (
    DeliveryDocument,
    WebhookDocument,
    WebhookSecretDocument,
    WholeDeliveryDocument,
    delivery_document,
    webhook_document,
)

if TYPE_CHECKING:
    from packistry.house import House
    from packistry.sources.desk import HookSecret

app = noun("webhook", "What makes code hosts tell of pushes, and what they told.")

Number = Annotated[int, typer.Argument(metavar="DELIVERY", help="Its number.")]


@verb(app, "list", "webhook list", "webhook list --source github", prints=WebhookDocument, several=True)
def list_all(
    *,
    source: Annotated[str | None, typer.Option(metavar="SOURCE", help="Only those of this source.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Show all webhooks: where hosts post to, whether they do, and why not. Their projects are polled anyway."""
    from packistry.packages.documents import repository_base
    from packistry.sources.hooks import hook_path, list_hooks
    from packistry.sources.queries import find_source

    with opened() as house, house.database.read() as session:
        found = None if source is None else find_source(session, operator(), source)
        base = public_url(house)
        documents = [
            webhook_document(each, f"{repository_base(base, each.repository.path)}/{hook_path(session, each.hook)}")
            for each in list_hooks(session, operator(), found)
        ]
    rows = [
        (each.id, each.source, each.project, each.state, moment(each.last_delivery_at), each.address, each.reason or "")
        for each in documents
    ]
    headers = ("WEBHOOK", "SOURCE", "PROJECT", "STATE", "LAST CALL", "ADDRESS", "REASON")
    answer(documents, table(headers, rows, empty="There is no webhook; `packistry package add`."), as_json=as_json)


@verb(
    app,
    "deliveries",
    "webhook deliveries",
    "webhook deliveries acme/widgets --limit 5",
    prints=DeliveryDocument,
    several=True,
)
def deliveries(
    of: Annotated[str | None, typer.Argument(metavar="[SOURCE|PROJECT]", help="Name of either.")] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="At most so many.")] = 50,
    as_json: AsJSON = False,
) -> None:
    """Show the latest deliveries of the last 30 days. Those that were not signed are counted only."""
    from packistry.sources.deliveries import list_deliveries

    with opened() as house, house.database.read() as session:
        found = list_deliveries(session, operator(), named=of, limit=limit)
        documents = [delivery_document(each) for each in found]
    rows = [
        (each.id, moment(each.received_at), each.source, each.project, each.event, each.status, _outcome(each))
        for each in documents
    ]
    headers = ("DELIVERY", "CAME", "SOURCE", "PROJECT", "EVENT", "STATUS", "ANSWER")
    answer(documents, table(headers, rows, empty="There is no delivery."), as_json=as_json)


@verb(app, "show", "webhook show 7", prints=WholeDeliveryDocument)
def show(delivery: Number, *, as_json: AsJSON = False) -> None:
    """Show a delivery as it came, without its signature."""
    from packistry.sources.deliveries import find_delivery, unpack

    with opened() as house, house.database.read() as session:
        found = find_delivery(session, operator(), delivery)
        body = unpack(found.delivery).decode("utf-8", "replace")
        document = WholeDeliveryDocument(delivery_document(found), found.delivery.headers, body)
    answer(document, _details(document), as_json=as_json)


@verb(app, "replay", "webhook replay 7", "webhook replay 7 --wait", prints=DeliveryDocument)
def replay(delivery: Number, *, wait: Wait = False, as_json: AsJSON = False) -> None:
    """Do again what a delivery asked for. The host is asked what its refs stand for now."""
    from packistry.sources.deliveries import find_delivery, replay_delivery

    with opened() as house:
        again = replay_delivery(house.database, operator(), delivery).id
        with house.database.read() as session:
            document = delivery_document(find_delivery(session, operator(), again))
        lines = [f"Delivery {delivery} was played again as {document.id}: {document.status} {_outcome(document)}"]
        failed = False
        if document.imports and wait:
            from packistry.cli.waiting import wait_for

            wait_for(house, document.imports)
            imports = [document_of(house, run) for run in document.imports]
            failed = any(each.state != "done" or each.counts.get("failed") for each in imports)
            lines += told(imports, waited=True)
    answer(document, lines, as_json=as_json)
    if failed:
        raise typer.Exit(1)


@verb(app, "rotate", "webhook rotate 7", prints=WebhookSecretDocument)
def rotate(
    webhook: Annotated[int, typer.Argument(metavar="WEBHOOK", help="Its number.")], *, as_json: AsJSON = False
) -> None:
    """Give a webhook another secret. The one before works for an hour more, at least until the host has the new one."""
    with opened() as house:
        document = secret_document(house, desk_of(house).rotate_hook(operator(), webhook))
    if document.secret is None:
        lines = [f"Webhook {webhook} has another secret; the host is told of it in a moment."]
    else:
        lines = [f"Webhook {webhook} has another secret, shown this once:", *secret_lines(document)]
    answer(document, lines, as_json=as_json)


def secret_document(house: "House", known: "HookSecret") -> WebhookSecretDocument:
    """What a person needs to sign deliveries, as --json prints it."""
    from packistry.packages.documents import repository_base

    address = f"{repository_base(public_url(house), known.repository)}/{known.path}"
    return WebhookSecretDocument(known.hook_id, address, known.secret)


def secret_lines(document: WebhookSecretDocument) -> Iterator[str]:
    """The same for a person."""
    yield from facts([("address", document.address), ("secret", document.secret)])


def _outcome(document: DeliveryDocument) -> str:
    return document.answer or ", ".join(f"import {run}" for run in document.imports)


def _details(document: WholeDeliveryDocument) -> Iterator[str]:
    known = document.delivery
    yield from facts(
        [
            ("delivery", known.id),
            ("came", moment(known.received_at)),
            ("webhook", known.webhook),
            ("source", known.source),
            ("project", known.project),
            ("event", known.event),
            ("answer", f"{known.status} {_outcome(known)}".rstrip()),
        ]
    )
    yield ""
    yield from (f"{name}: {value}" for name, value in document.headers.items())
    yield ""
    yield document.body
