"""What really happened in the sandbox's Pub/Sub, per minute: the truth behind the service metrics and the dump.

Pub/Sub writes it, Monitoring serves it as ``pubsub.googleapis.com/...`` series, the dump prints it. An event belongs to the
minute ``[minute, minute + 60 s)`` that holds its own time.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

MINUTE_US = 60_000_000


@dataclass(slots=True)
class TopicMinute:
    """One minute of a topic."""

    messages: int = 0
    message_bytes: int = 0  # bodies and attributes, what topic/message_sizes adds up
    sizes: Counter[int] = field(default_factory=Counter)  # messages by bit_length of their size
    requests: int = 0  # publish requests that were accepted
    rejected: Counter[str] = field(default_factory=Counter)  # messages refused at publish, by code name


@dataclass(slots=True)
class SubscriptionMinute:
    """One minute of a subscription; the last four are the state at the minute's end, or None while it is not over."""

    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by (response_class, response_code)
    delivered: int = 0  # messages acknowledged by the destination
    dead_lettered: int = 0
    lost: int = 0  # messages acknowledged though they never arrived: a scenario's silent loss
    backlog: int | None = None
    backlog_bytes: int | None = None
    oldest_unacked_age_s: float | None = None  # 0 without backlog


class Ledger:
    """Minutes of topics and subscriptions by full resource name and minute start (microseconds)."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._topics: dict[str, dict[int, TopicMinute]] = {}
        self._subscriptions: dict[str, dict[int, SubscriptionMinute]] = {}

    def topic(self, name: str, at_us: int) -> TopicMinute:
        """The minute of a topic that holds a moment, made if need be."""
        minutes = self._topics.setdefault(name, {})
        start = at_us - at_us % MINUTE_US
        if start not in minutes:
            minutes[start] = TopicMinute()
        return minutes[start]

    def subscription(self, name: str, at_us: int) -> SubscriptionMinute:
        """The minute of a subscription that holds a moment, made if need be."""
        minutes = self._subscriptions.setdefault(name, {})
        start = at_us - at_us % MINUTE_US
        if start not in minutes:
            minutes[start] = SubscriptionMinute()
        return minutes[start]

    def topics(self) -> dict[str, dict[int, TopicMinute]]:
        """All minutes by topic; hold ``lock`` while reading."""
        return self._topics

    def subscriptions(self) -> dict[str, dict[int, SubscriptionMinute]]:
        """All minutes by subscription; hold ``lock`` while reading."""
        return self._subscriptions
