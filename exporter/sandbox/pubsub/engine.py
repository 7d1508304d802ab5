"""Pub/Sub as the rest of the sandbox knows it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from exporter.sandbox.conduct import InForce
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.ports import TableSink
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.delivery import Probe, Warehouse
from exporter.sandbox.pubsub.machine import Machine
from exporter.sandbox.pubsub.messages import Draft
from exporter.sandbox.pubsub.rows import ColumnsOf
from exporter.sandbox.pubsub.snapshots import Snapshots
from exporter.sandbox.pubsub.subscriptions import Subscriptions
from exporter.sandbox.pubsub.topics import Topics


class PubSub:
    """Topics, subscriptions and snapshots, and one machine that lets everything happen to them in order of time.

    Methods act at a time in microseconds that is given to them and never lies before :attr:`now_us` (``ValueError``); what is due
    by then happens first. They raise ``Refused`` as the service refuses. Thread-safe; hold :attr:`lock` to act more than once at
    the same time. ``probe`` says why a table refuses writes: with it, subscriptions to such tables cannot be made.
    ``columns_of`` gives a table's columns, without which ``use_table_schema`` knows no unknown fields.
    """

    def __init__(
        self,
        ledger: Ledger,
        sink: TableSink,
        *,
        seed: int,
        probe: Probe | None = None,
        columns_of: ColumnsOf | None = None,
        conduct: InForce | None = None,
    ) -> None:
        self.conduct = conduct or InForce()
        self._machine = Machine()
        self.topics = Topics(self._machine, ledger, seed, self.conduct)
        warehouse = Warehouse(sink, probe, columns_of, self.conduct)
        self.subscriptions = Subscriptions(self._machine, self.topics, ledger, warehouse, seed)
        self.snapshots = Snapshots(self._machine, self.topics, self.subscriptions)

    @property
    def lock(self) -> threading.RLock:
        """The lock under which everything happens."""
        return self._machine.lock

    @property
    def now_us(self) -> int:
        """Up to when everything has happened."""
        return self._machine.now_us

    def run_until(self, until_us: int) -> None:
        """Let everything happen that is due by a time; does nothing when that time has passed."""
        self._machine.run_until(until_us)

    def publish(self, topic: str, messages: Sequence[Draft], at_us: int) -> Sequence[str]:
        """One publish request, now or in the future; the ids that its messages get."""
        return self.topics.publish(topic, messages, at_us)

    def reject(self, topic: str, count: int, code: str, at_us: int) -> None:
        """Messages that were refused at publish, now or in the future; ``code`` as metrics write it (``invalid_argument``)."""
        self.topics.reject(topic, count, code, at_us)

    def set_behaviour(self, subscription: str, behaviour: Behaviour, at_us: int) -> None:
        """Let a BigQuery subscription behave differently from a time on, now or in the future."""
        self.subscriptions.set_behaviour(subscription, behaviour, at_us)
