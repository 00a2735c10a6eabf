"""What programs are told of webhooks and deliveries, key by key; as in `subjects`, a key is never renamed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from packistry.documents.subjects import shown_path

if TYPE_CHECKING:
    from packistry.sources.deliveries import DeliverySummary
    from packistry.sources.hooks import HookSummary


@dataclass(frozen=True, slots=True)
class WebhookDocument:
    """What makes a code host tell us of pushes."""

    id: Annotated[int, "number"]
    source: Annotated[str, "name of its source"]
    project: Annotated[str, "full name at the host"]
    repository: Annotated[str, "path of where its packages go"]
    address: Annotated[str, "where the host posts to"]
    state: Annotated[str, "wanted, active, failing, polled or manual"]
    reason: Annotated[str | None, "why it does not work, and what to do"]
    checked_at: Annotated[datetime | None, "when the host was asked for it last"]
    last_delivery_at: Annotated[datetime | None, "when the host called last"]


@dataclass(frozen=True, slots=True)
class WebhookSecretDocument:
    """The secret of a webhook, where the host is not told of it by us. It is shown this once."""

    id: Annotated[int, "number of the webhook"]
    address: Annotated[str, "where to post to"]
    secret: Annotated[str | None, "what to sign with; null where the host is told by us"]


@dataclass(frozen=True, slots=True)
class DeliveryDocument:
    """One authentic call of a host, and what was answered."""

    id: Annotated[int, "number"]
    webhook: Annotated[int, "number of its webhook"]
    source: Annotated[str, "name of its source"]
    project: Annotated[str, "full name at the host"]
    event: Annotated[str, "what it tells, such as ref_changed"]
    status: Annotated[int, "status of the answer"]
    answer: Annotated[str, "why nothing was done, if it was not"]
    imports: Annotated[list[int], "numbers of the imports that it asked for"]
    replay_of: Annotated[int | None, "number of the delivery that was played again"]
    received_at: Annotated[datetime, "when it came"]


@dataclass(frozen=True, slots=True)
class WholeDeliveryDocument:
    """A delivery as it came, without what authenticates."""

    delivery: Annotated[DeliveryDocument, "what is known of it"]
    headers: Annotated[dict[str, str], "its headers"]
    body: Annotated[str, "its body"]


def webhook_document(summary: "HookSummary", address: str) -> WebhookDocument:
    """The webhook, as --json prints it."""
    hook = summary.hook
    return WebhookDocument(
        id=hook.id,
        source=summary.source.name,
        project=summary.project,
        repository=shown_path(summary.repository.path),
        address=address,
        state=hook.state,
        reason=hook.reason,
        checked_at=hook.checked_at,
        last_delivery_at=hook.last_delivery_at,
    )


def delivery_document(summary: "DeliverySummary") -> DeliveryDocument:
    """The delivery, as --json prints it."""
    delivery = summary.delivery
    return DeliveryDocument(
        id=delivery.id,
        webhook=delivery.hook_id,
        source=summary.source.name,
        project=summary.project,
        event=delivery.event,
        status=delivery.status,
        answer=delivery.answer,
        imports=delivery.runs,
        replay_of=delivery.replay_of,
        received_at=delivery.received_at,
    )
