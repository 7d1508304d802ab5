"""A look at the messages that nobody could deliver, which leaves them where they are: pulled, and given back at once."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import ModifyAckDeadlineRequest, PullRequest

from exporter import calls
from exporter.calls import Caller, OnCall
from exporter.circuits import Circuits
from exporter.console.messages_trouble import Kind, Trouble, kind_of
from exporter.model import System

MAX_DATA_BYTES = 64 * 2**10
MAX_MESSAGES = 100
PULL_S = 5.0
"""How long an empty subscription is waited for; Pub/Sub by itself would hold the call for much longer."""

_GIVE_BACK_S = 10.0

NOTE = (
    "Messages are pulled and given back at once, none is acknowledged. Each look counts as a delivery attempt: if the subscription has "
    "a dead-letter policy of its own, too many of them forward a message. Until a message is given back, no other subscriber gets it. "
    "Pub/Sub chooses which messages to give, may give fewer than there are, and promises no order."
)
_NOTHING = (
    "No message came within {waited_s:.1f} s: there is none, or other subscribers hold those that there are, "
    "or Pub/Sub was slow to answer. "
)
_KEPT = "They could not be given back: other subscribers get them again when the acknowledgement deadline of the subscription has passed. "


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message; ``text`` is None where its data is not UTF-8, and both forms of the data are cut where ``truncated``.

    ``delivery_attempt`` is None where the subscription has no dead-letter policy, which alone makes Pub/Sub count.
    """

    message_id: str
    publish_time: datetime
    delivery_attempt: int | None
    ordering_key: str
    attributes: Mapping[str, str]
    text: str | None
    data_base64: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Some messages of a dead-letter subscription, and what looking at them did."""

    messages: tuple[DeadLetter, ...]
    note: str


class DeadLetters:
    """Looks at dead-letter subscriptions; may be used from several threads."""

    def __init__(
        self, client: SubscriberClient, on_call: OnCall, *, circuits: Circuits | None = None, pull_s: float = PULL_S
    ) -> None:
        self._client = client
        # A pull that ran out of time found nothing: a second one would only wait as long again.
        self._pull = Caller(on_call, pull_s, circuits=circuits, unrepeatable=_is_late)
        self._give_back = Caller(on_call, _GIVE_BACK_S, circuits=circuits)

    def look(self, system: System, limit: int) -> Look:
        """Up to ``limit`` messages, by one pull; raises ``Trouble``."""
        subscription = system.dead_letter_subscription
        if subscription is None:
            raise Trouble(
                Kind.MISSING,
                "the system has no dead-letter subscription: name the one that keeps its dead letters under `dead_letter_subscription` "
                "in systems.yaml",
            )
        with _troubles(subscription):
            begun_s = time.monotonic()
            received = self._received(subscription, limit)
            waited_s = time.monotonic() - begun_s
        kept = not self._returned(subscription, [each.ack_id for each in received])
        note = (_KEPT if kept else "") + NOTE if received else _NOTHING.format(waited_s=waited_s) + NOTE
        return Look(tuple(_dead_letter(each) for each in received), note)

    def _received(self, subscription: str, limit: int) -> Sequence[Any]:
        request = PullRequest(subscription=subscription, max_messages=limit)
        try:
            answer = self._pull("pubsub", "Pull", self._client.pull, request, project=_project(subscription))
        except exceptions.DeadlineExceeded:
            return ()
        return list(answer.received_messages)

    def _returned(self, subscription: str, ack_ids: Sequence[str]) -> bool:
        """Give messages back, before anything else can go wrong; False where that did not work, and time has to do it."""
        if not ack_ids:
            return True
        request = ModifyAckDeadlineRequest(subscription=subscription, ack_ids=ack_ids, ack_deadline_seconds=0)
        call = self._client.modify_ack_deadline
        try:
            self._give_back("pubsub", "ModifyAckDeadline", call, request, project=_project(subscription))
        except exceptions.GoogleAPICallError:
            return False
        return True


def _dead_letter(received: Any) -> DeadLetter:
    message = received.message
    data = bytes(message.data)
    shown = data[:MAX_DATA_BYTES]
    return DeadLetter(
        message_id=message.message_id,
        publish_time=message.publish_time.astimezone(UTC),
        delivery_attempt=received.delivery_attempt or None,
        ordering_key=message.ordering_key,
        attributes=dict(message.attributes),
        text=_text(data, shown),
        data_base64=base64.b64encode(shown).decode(),
        truncated=len(shown) < len(data),
    )


def _text(data: bytes, shown: bytes) -> str | None:
    """The shown part as text where all the data is UTF-8; a letter that the cut went through is left out."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return shown.decode(errors="ignore")


@contextmanager
def _troubles(subscription: str) -> Iterator[None]:
    """Say what a failed pull means for whoever wants to look."""
    try:
        yield
    except exceptions.GoogleAPICallError as error:
        source = calls.source_error(error, "")
        kind = kind_of(source)
        sentences = {
            Kind.MISSING: f"{subscription} does not exist: name another under `dead_letter_subscription` in systems.yaml",
            Kind.DENIED: (
                f"Pub/Sub denies it: grant the exporter's service account pubsub.subscriptions.consume on {subscription} "
                "(docs/permissions.md)"
            ),
            Kind.UNFIT: f"{subscription} cannot be pulled from: only a subscription of type pull, attached to its topic, can be looked at",
            Kind.UNAVAILABLE: f"Pub/Sub cannot be asked now ({source.reason}): try again later",
        }
        refused = f"Pub/Sub gives no messages of {subscription} ({source.reason})"
        raise Trouble(kind, sentences.get(kind, refused)) from error


def _is_late(error: exceptions.GoogleAPICallError) -> bool:
    return isinstance(error, exceptions.DeadlineExceeded)


def _project(subscription: str) -> str:
    return "/".join(subscription.split("/")[:2])
