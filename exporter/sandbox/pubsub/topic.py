"""One topic: who reads it, what it retains, and the ids of its messages."""

from __future__ import annotations

from collections import deque

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.messages import Message, MessageIds
from exporter.sandbox.pubsub.resources import Proto, to_us
from exporter.sandbox.pubsub.subscription import Subscription


class Snapshot:
    """What a subscription had not acknowledged at a moment, and what its topic was given later."""

    __slots__ = ("later", "resource", "unacknowledged")

    def __init__(self, resource: Proto, unacknowledged: list[Message]) -> None:
        self.resource = resource
        self.unacknowledged = unacknowledged
        self.later: list[Message] = []


class Topic:
    """State of a topic; whoever calls holds the engine's lock."""

    def __init__(self, resource: Proto, ids: MessageIds, ledger: Ledger) -> None:
        self.name: str = resource.name
        self.resource = resource
        self.ids = ids
        self.subscriptions: dict[str, Subscription] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.retained: deque[Message] = deque()
        self.deleted = False
        self._ledger = ledger

    @property
    def retention_us(self) -> int:
        """How long the topic retains messages for seeks, in microseconds; 0 when it does not."""
        return to_us(self.resource.message_retention_duration)

    def publish(self, at_us: int, messages: list[Message]) -> None:
        """Hand the messages of one publish request to whoever reads the topic now."""
        if self.deleted:
            return
        with self._ledger.lock:
            minute = self._ledger.topic(self.name, at_us)
            minute.requests += 1
            minute.messages += len(messages)
            for message in messages:
                minute.message_bytes += message.size
                minute.sizes[message.size.bit_length()] += 1
        if self.retention_us:
            self.retained.extend(messages)
        for snapshot in self.snapshots.values():
            snapshot.later.extend(messages)
        for subscription in self.subscriptions.values():
            subscription.receive(messages, at_us)

    def reject(self, at_us: int, refusal: tuple[str, int]) -> None:
        """Count messages that were refused at publish: (code, messages)."""
        code, count = refusal
        with self._ledger.lock:
            self._ledger.topic(self.name, at_us).rejected[code] += count

    def close_minute(self, end_us: int) -> None:
        """Forget what is retained no longer."""
        horizon_us = end_us - self.retention_us
        while self.retained and self.retained[0].publish_us <= horizon_us:
            self.retained.popleft()
