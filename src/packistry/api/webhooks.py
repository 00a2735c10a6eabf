"""Webhooks: what makes code hosts tell of pushes, and the deliveries they made."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Id
from packistry.api.operations import list_of, operation
from packistry.db.engine import ReadSession
from packistry.db.types import MAX_ID
from packistry.documents.webhooks import (
    DeliveryDocument,
    WebhookDocument,
    WebhookSecretDocument,
    WholeDeliveryDocument,
    delivery_document,
    webhook_document,
)
from packistry.packages.documents import repository_base
from packistry.sources.deliveries import find_delivery, replay_delivery, unpack
from packistry.sources.desk import HookSecret
from packistry.sources.hooks import HookSummary, find_hook, hook_path
from packistry.sources.parts import DELIVERY_ORDERS, HOOK_ORDERS, part_of_deliveries, part_of_hooks
from packistry.sources.states import HookStatus

router: Final = APIRouter(tags=["webhooks"])
READ, WRITE = Ability.SOURCES_READ, Ability.SOURCES_WRITE

OfSource = Annotated[int | None, Query(ge=1, le=MAX_ID, description="Number of a source.")]


@operation(router, "GET", "/webhooks", ability=READ, answers=list_of(WebhookDocument))
def list_webhooks(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(HOOK_ORDERS)] = "id",
    source: OfSource = None,
    state: Annotated[HookStatus | None, Query(description="Only in this state.")] = None,
) -> Response:
    """Webhooks: where hosts post to, whether they do, and why not. Their projects are looked at anyway."""
    part = listing.part(HOOK_ORDERS, sort)
    with call.read() as session:
        found = part_of_hooks(session, call.actor, part, source_id=source, state=state)
        return call.listed(found, part, HOOK_ORDERS, lambda each: _document(session, call, each))


@operation(router, "GET", "/webhooks/{webhook_id}", ability=READ, answers=WebhookDocument)
def show_webhook(call: Ask, webhook_id: Id) -> Response:
    """A webhook."""
    with call.read() as session:
        return call.answer(_document(session, call, find_hook(session, call.actor, webhook_id)))


@operation(router, "POST", "/webhooks/{webhook_id}/rotate", ability=WRITE, answers=WebhookSecretDocument, status=201)
def rotate_webhook(call: Ask, webhook_id: Id) -> Response:
    """Give a webhook another secret. The one before works for an hour more, at least until the host has the new one."""
    known = call.parts.desk.rotate_hook(call.actor, webhook_id)
    return call.answer(secret_document(call, known), status=201, location=f"/webhooks/{webhook_id}")


@operation(router, "GET", "/deliveries", ability=READ, answers=list_of(DeliveryDocument))
def list_deliveries(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(DELIVERY_ORDERS)] = "-id",
    source: OfSource = None,
    webhook: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Number of a webhook.")] = None,
) -> Response:
    """Deliveries of the last 30 days. Those that were not signed are counted only."""
    part = listing.part(DELIVERY_ORDERS, sort)
    with call.read() as session:
        found = part_of_deliveries(session, call.actor, part, source_id=source, hook_id=webhook)
    return call.listed(found, part, DELIVERY_ORDERS, delivery_document)


@operation(router, "GET", "/deliveries/{delivery_id}", ability=READ, answers=WholeDeliveryDocument)
def show_delivery(call: Ask, delivery_id: Id) -> Response:
    """A delivery as it came, without its signature."""
    with call.read() as session:
        found = find_delivery(session, call.actor, delivery_id)
        body = unpack(found.delivery).decode("utf-8", "replace")
        return call.answer(WholeDeliveryDocument(delivery_document(found), found.delivery.headers, body))


@operation(router, "POST", "/deliveries/{delivery_id}/replay", ability=WRITE, answers=DeliveryDocument, status=201)
def replay(call: Ask, delivery_id: Id) -> Response:
    """Do again what a delivery asked for. The host is asked what its refs stand for now."""
    again = replay_delivery(call.database, call.actor, delivery_id).id
    with call.read() as session:
        document = delivery_document(find_delivery(session, call.actor, again))
    return call.answer(document, status=201, location=f"/deliveries/{again}")


def secret_document(call: Call, known: HookSecret) -> WebhookSecretDocument:
    """What a person needs to sign deliveries."""
    address = f"{repository_base(call.public_base, known.repository)}/{known.path}"
    return WebhookSecretDocument(known.hook_id, address, known.secret)


def _document(session: ReadSession, call: Call, summary: HookSummary) -> WebhookDocument:
    base = repository_base(call.public_base, summary.repository.path)
    return webhook_document(summary, f"{base}/{hook_path(session, summary.hook)}")
