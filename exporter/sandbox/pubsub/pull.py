"""Delivery to clients that pull: messages on lease, and what becomes of them when the lease ends."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from exporter.sandbox.pubsub.agenda import DELIVER, Agenda
from exporter.sandbox.pubsub.errors import invalid
from exporter.sandbox.pubsub.messages import Message
from exporter.sandbox.pubsub.redelivery import Redelivery
from exporter.sandbox.pubsub.subscription import Forward, Subscription

MAX_RESPONSE_BYTES = 3_500_000
"""A gRPC client takes 4 MB unless told otherwise; the first message of a response is exempt."""

_ACK_ID = "{subscription}|{lease}"


class Received(NamedTuple):
    """A message on lease; ``delivery_attempt`` is 0 without a dead-letter policy."""

    ack_id: str
    message: Message
    delivery_attempt: int


class _Lease(NamedTuple):
    message: Message
    deadline_us: int


class PullDelivery:
    """Hands messages out, oldest first, nacked ones last; a lease that has ended can no longer be acknowledged.

    In an ordered subscription a message with an ordering key is handed out only after all earlier ones of its key, and when one
    of them comes back, so do the later ones.
    """

    def __init__(
        self, subscription: Subscription, agenda: Agenda, forward: Forward, arrived: Callable[[], None]
    ) -> None:
        self._subscription = subscription
        self._agenda = agenda
        self._redelivery = Redelivery(subscription, agenda, forward, pushed=False)
        self._arrived = arrived
        self._ready: OrderedDict[str, Message] = OrderedDict()
        self._leases: dict[str, _Lease] = {}
        self._count = 0

    def arrive(self, messages: list[Message], at_us: int) -> None:  # noqa: ARG002 - the protocol's
        """Make messages available."""
        for message in messages:
            self._ready[message.id] = message
        self._arrived()

    def configure(self, at_us: int) -> None:
        """Take over changed settings; leases keep their deadlines."""

    def stop(self) -> None:
        """Forget every message and lease."""
        self._ready.clear()
        self._leases.clear()
        self._arrived()

    def pull(self, limit: int, at_us: int, *, deadline_us: int | None = None) -> list[Received]:
        """Lease up to ``limit`` messages, for the acknowledgement deadline or ``deadline_us`` from ``at_us`` on."""
        self._subscription.expire(at_us)
        ends_us = at_us + (self._subscription.settings.ack_deadline_us if deadline_us is None else deadline_us)
        chosen: list[Message] = []
        size = 0
        for message in islice(self._next(), limit):
            size += message.size
            if chosen and size > MAX_RESPONSE_BYTES:
                break
            chosen.append(message)
        received = [self._lease(message, ends_us) for message in chosen]
        if received:
            self._agenda.put(ends_us, DELIVER, self._end, [lease.ack_id for lease in received])
        return received

    def _next(self) -> Iterator[Message]:
        """The messages that may be handed out now, in order."""
        backlog, ready = self._subscription.backlog, self._ready
        if not self._subscription.settings.ordered:
            while ready and next(iter(ready)) not in backlog:
                ready.popitem(last=False)
            yield from (message for message in ready.values() if message.id in backlog)
            return
        held_back: set[str] = set()
        for message in backlog.values():
            if message.id not in ready:
                held_back.add(message.ordering_key)
            elif not message.ordering_key or message.ordering_key not in held_back:
                yield message

    def _lease(self, message: Message, ends_us: int) -> Received:
        self._count += 1
        text = _ACK_ID.format(subscription=self._subscription.name, lease=self._count)
        ack_id = urlsafe_b64encode(text.encode()).decode()
        self._leases[ack_id] = _Lease(message, ends_us)
        del self._ready[message.id]
        attempt = 0
        if self._subscription.settings.dead_letter_topic is not None:
            attempt = self._subscription.attempts.get(message.id, 0) + 1
        return Received(ack_id, message, attempt)

    def leased(self, ack_ids: set[str]) -> set[str]:
        """Those of the leases that have not ended."""
        return ack_ids & self._leases.keys()

    def acknowledge(self, ack_ids: Sequence[str], at_us: int) -> None:
        """End leases, successfully; those that have ended already are passed over."""
        check_ack_ids(ack_ids)
        messages = [lease.message for ack_id in ack_ids if (lease := self._leases.pop(ack_id, None)) is not None]
        self._subscription.acknowledge(messages, at_us)
        self._arrived()

    def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int, at_us: int) -> None:
        """Let leases end ``seconds`` from now; with 0 they end at once and the messages are nacked."""
        check_ack_ids(ack_ids)
        ends_us = at_us + seconds * 1_000_000
        known = [ack_id for ack_id in ack_ids if ack_id in self._leases]
        for ack_id in known:
            self._leases[ack_id] = self._leases[ack_id]._replace(deadline_us=ends_us)
        if seconds:
            self._agenda.put(ends_us, DELIVER, self._end, known)
        else:
            self._end(at_us, known)

    def _end(self, at_us: int, ack_ids: Sequence[str]) -> None:
        """Take back the messages of leases that end now without acknowledgement."""
        ended = [
            self._leases.pop(ack_id).message
            for ack_id in ack_ids
            if ack_id in self._leases and self._leases[ack_id].deadline_us <= at_us
        ]
        self._subscription.expire(at_us)
        ended = [message for message in ended if message.id in self._subscription.backlog]
        if self._subscription.settings.ordered:
            self._take_back_followers(ended, at_us)
        self._redelivery.failed([(message, None) for message in ended], at_us)
        self._arrived()

    def _take_back_followers(self, ended: Sequence[Message], at_us: int) -> None:
        """End the leases of later messages with the same ordering key, which count no failed delivery."""
        first = {message.ordering_key: int(message.id) for message in reversed(ended) if message.ordering_key}
        followers = [
            ack_id
            for ack_id, lease in self._leases.items()
            if int(lease.message.id) > first.get(lease.message.ordering_key, int(lease.message.id))
        ]
        self.arrive([self._leases.pop(ack_id).message for ack_id in followers], at_us)


def check_ack_ids(ack_ids: Sequence[str]) -> None:
    """Refuse a list of ack ids that is empty or holds something that never was one."""
    if not ack_ids:
        raise invalid("You have not specified an ack ID in the request.")
    for ack_id in ack_ids:
        try:
            subscription, _, lease = urlsafe_b64decode(ack_id.encode()).decode().rpartition("|")
        except ValueError:
            subscription, lease = "", ""
        if not (subscription.startswith("projects/") and lease.isdigit()):
            raise invalid(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).")
