"""One subscription: its backlog, exactly, and the account of every message that ever entered it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from exporter.sandbox.ledger import MINUTE_US, Ledger
from exporter.sandbox.pubsub.messages import Message
from exporter.sandbox.pubsub.resources import Proto, settings_of


@dataclass(slots=True)
class Tally:
    """What became of a subscription's messages since it exists.

    ``published + replayed = filtered + delivered + lost + expired + dead_lettered + purged + backlog`` at any time; ``replayed``
    and ``purged`` are messages that a seek (or detaching) put back and took out.
    """

    published: int = 0
    replayed: int = 0
    filtered: int = 0
    delivered: int = 0
    lost: int = 0
    expired: int = 0
    dead_lettered: int = 0
    purged: int = 0


class Delivery(Protocol):
    """Takes a subscription's messages to their destination; a message that left the backlog meanwhile is dropped."""

    def arrive(self, messages: list[Message], at_us: int) -> None:
        """Take messages that are to be delivered, for the first time or again."""
        ...

    def configure(self, at_us: int) -> None:
        """Take over the subscription's changed settings."""
        ...

    def stop(self) -> None:
        """Deliver nothing any more."""
        ...


Forward = Callable[["Subscription", Message, str | None, int], bool]
"""Publish a message to the dead-letter topic, with the reason if one is known; False when there is no such topic."""


class Subscription:
    """State of a subscription; whoever calls holds the engine's lock."""

    def __init__(self, resource: Proto, ledger: Ledger) -> None:
        self.name: str = resource.name
        self.resource = resource
        self.settings = settings_of(resource)
        self.backlog: dict[str, Message] = {}  # in order of publishing
        self.backlog_bytes = 0
        self.attempts: dict[str, int] = {}  # failed deliveries, of messages that had any
        self.retained: deque[Message] | None = deque() if self.settings.retain_acked else None
        self.tally = Tally()
        self.delivery: Delivery
        self._ledger = ledger
        self._oldest_us = 0  # no message of the backlog is older

    def configure(self, resource: Proto) -> None:
        """Change the subscription to a completed resource."""
        self.resource = resource
        self.settings = settings_of(resource)
        if not self.settings.retain_acked:
            self.retained = None
        elif self.retained is None:
            self.retained = deque()

    def receive(self, messages: list[Message], at_us: int) -> None:
        """Take messages of the topic; those that the filter drops are acknowledged at once."""
        self.tally.published += len(messages)
        messages = self.filtered(messages)
        if not messages:
            return
        self._add(messages)
        if self.retained is not None:
            self.retained.extend(messages)
        self.delivery.arrive(messages, at_us)

    def filtered(self, messages: list[Message]) -> list[Message]:
        """The messages that pass the subscription's filter; the others are counted."""
        matches = self.settings.matches
        if matches is None:
            return messages
        passed = [message for message in messages if matches(message.attributes)]
        self.tally.filtered += len(messages) - len(passed)
        return passed

    def _add(self, messages: Iterable[Message]) -> None:
        backlog, size = self.backlog, 0
        for message in messages:
            backlog[message.id] = message
            size += message.size
        self.backlog_bytes += size

    def _remove(self, messages: Iterable[Message]) -> int:
        backlog, attempts, count = self.backlog, self.attempts, 0
        for message in messages:
            if backlog.pop(message.id, None) is not None:
                self.backlog_bytes -= message.size
                count += 1
                if attempts:
                    attempts.pop(message.id, None)
        return count

    def acknowledge(self, messages: Iterable[Message], at_us: int) -> None:
        """The destination has the messages."""
        count = self._remove(messages)
        self.tally.delivered += count
        with self._ledger.lock:
            self._ledger.subscription(self.name, at_us).delivered += count

    def lose(self, messages: Iterable[Message], at_us: int) -> None:
        """The messages count as delivered though they never arrived."""
        count = self._remove(messages)
        self.tally.lost += count
        with self._ledger.lock:
            self._ledger.subscription(self.name, at_us).lost += count

    def dead_letter(self, message: Message, at_us: int) -> None:
        """The message was forwarded to the dead-letter topic."""
        count = self._remove((message,))
        self.tally.dead_lettered += count
        with self._ledger.lock:
            self._ledger.subscription(self.name, at_us).dead_lettered += count

    def attempted(self, response: tuple[str, str], count: int, at_us: int) -> None:
        """Count delivery attempts by (response_class, response_code)."""
        with self._ledger.lock:
            self._ledger.subscription(self.name, at_us).attempts[response] += count

    def expire(self, at_us: int) -> None:
        """Drop the messages whose retention has ended by a time."""
        horizon_us = at_us - self.settings.retention_us
        if horizon_us < self._oldest_us:
            return
        gone = []
        self._oldest_us = at_us
        for message in self.backlog.values():
            if message.publish_us > horizon_us:
                self._oldest_us = message.publish_us
                break
            gone.append(message)
        self.tally.expired += self._remove(gone)

    def replace_backlog(self, messages: list[Message], at_us: int) -> None:
        """Make exactly these messages, oldest first, the backlog, as a seek does."""
        kept = {message.id for message in messages}
        self.tally.purged += self._remove([message for message in self.backlog.values() if message.id not in kept])
        fresh = [message for message in messages if message.id not in self.backlog]
        self.tally.replayed += len(fresh)
        self._add(fresh)
        self.backlog = {message.id: message for message in messages}
        self._oldest_us = 0
        if fresh:
            self.delivery.arrive(fresh, at_us)

    def close_minute(self, end_us: int) -> None:
        """Write the state at the end of a minute into the ledger."""
        self.expire(end_us)
        if self.retained:
            self._trim(self.retained, end_us)
        oldest = next(iter(self.backlog.values()), None)
        with self._ledger.lock:
            minute = self._ledger.subscription(self.name, end_us - MINUTE_US)
            minute.backlog = len(self.backlog)
            minute.backlog_bytes = self.backlog_bytes
            minute.oldest_unacked_age_s = 0.0 if oldest is None else (end_us - oldest.publish_us) / 1_000_000

    def _trim(self, retained: deque[Message], at_us: int) -> None:
        horizon_us = at_us - self.settings.retention_us
        while retained and retained[0].publish_us <= horizon_us:
            retained.popleft()
