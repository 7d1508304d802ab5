"""All subscriptions: made, changed, pulled from."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from google.pubsub_v1 import types

from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.agenda import CONFIGURE
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.delivery import BigQueryDelivery, Warehouse
from exporter.sandbox.pubsub.errors import Refused, already_exists, invalid, invalid_argument, not_found
from exporter.sandbox.pubsub.machine import Machine
from exporter.sandbox.pubsub.pull import PullDelivery, Received
from exporter.sandbox.pubsub.resources import (
    Proto,
    complete_subscription,
    inherit_state,
    set_state,
    updated_subscription,
)
from exporter.sandbox.pubsub.subscription import Delivery, Subscription, Tally
from exporter.sandbox.pubsub.topics import Topics, of_project
from exporter.sandbox.pubsub.validation import check_ack_deadline, check_name


class Subscriptions:
    """All subscriptions by full name; every method raises ``Refused`` as the service refuses."""

    def __init__(self, machine: Machine, topics: Topics, ledger: Ledger, warehouse: Warehouse, seed: int) -> None:
        self.arrived = threading.Condition()  # notified when something may have become available to pull
        self._machine = machine
        self._topics = topics
        self._ledger = ledger
        self._warehouse = warehouse
        self._seed = seed
        self._all: dict[str, Subscription] = {}
        machine.at_minute_ends(self._close_minute)

    def state(self, name: str) -> Subscription:
        """The live subscription of a full name; hold the machine's lock."""
        check_name(name, "subscriptions")
        if name not in self._all:
            raise not_found(name)
        return self._all[name]

    def create(self, subscription: types.Subscription, at_us: int) -> types.Subscription:
        """Make a subscription, which gets what is published from now on."""
        with self._machine.acting(at_us):
            resource = complete_subscription(subscription)
            if resource.name in self._all:
                raise already_exists(resource.name)
            topic = self._topics.state(resource.topic)
            self._check_dead_letter_topic(resource)
            self._check_table(resource)
            set_state(resource, None)
            state = Subscription(resource, self._ledger)
            state.delivery = self._delivery(state)
            self._all[state.name] = topic.subscriptions[state.name] = state
            return self._described(state)

    def _close_minute(self, end_us: int) -> None:
        for subscription in self._all.values():
            subscription.close_minute(end_us)

    def _check_dead_letter_topic(self, resource: Proto) -> None:
        if resource.HasField("dead_letter_policy"):
            self._topics.state(resource.dead_letter_policy.dead_letter_topic)

    def _check_table(self, resource: Proto) -> None:
        """Refuse a table that cannot be written to, as far as that is known (Pub/Sub docs, "Unable to create subscription")."""
        if not resource.HasField("bigquery_config") or self._warehouse.probe is None:
            return
        table = resource.bigquery_config.table
        state = self._warehouse.probe(table)
        if state == "NOT_FOUND":
            raise Refused("NOT_FOUND", f"Resource not found (table={table}).")
        if state == "SCHEMA_MISMATCH":
            raise invalid(f"The schema of the table {table} does not fit the subscription.")
        if state is not None:
            raise Refused("PERMISSION_DENIED", "The caller does not have permission")

    def _delivery(self, subscription: Subscription) -> Delivery:
        agenda, forward, target = self._machine.agenda, self._topics.forward, subscription.settings.target
        if target is None:
            return PullDelivery(subscription, agenda, forward, self._notify)
        return BigQueryDelivery(subscription, target, agenda, self._warehouse, self._seed, forward)

    def _notify(self) -> None:
        with self.arrived:
            self.arrived.notify_all()

    def _described(self, subscription: Subscription) -> types.Subscription:
        resource = subscription.resource
        topic = self._topics.find(resource.topic)
        if topic is not None and topic.retention_us:
            resource.topic_message_retention_duration.CopyFrom(topic.resource.message_retention_duration)
        else:
            resource.ClearField("topic_message_retention_duration")
        return types.Subscription(resource)

    def get(self, name: str) -> types.Subscription:
        """The subscription of a full name."""
        with self._machine.lock:
            return self._described(self.state(name))

    def list(self, project: str) -> list[types.Subscription]:
        """The subscriptions of ``projects/ID``, by name."""
        with self._machine.lock:
            return [self._described(self._all[name]) for name in of_project(self._all, project)]

    def update(self, subscription: types.Subscription, paths: Sequence[str], at_us: int) -> types.Subscription:
        """Replace the fields of a subscription that a mask names."""
        with self._machine.acting(at_us):
            state = self.state(subscription.name)
            resource = complete_subscription(updated_subscription(state.resource, subscription, paths))
            if "dead_letter_policy" in paths:
                self._check_dead_letter_topic(resource)
            if "bigquery_config" in paths:
                self._check_table(resource)
            inherit_state(resource, state.resource)
            before = state.settings.target
            state.configure(resource)
            if (before is None) is (state.settings.target is None):
                state.delivery.configure(at_us)
            else:
                self._replace_delivery(state, at_us)
            return self._described(state)

    def _replace_delivery(self, subscription: Subscription, at_us: int) -> None:
        """Let a subscription deliver to BigQuery that was pulled before, or the other way round."""
        subscription.delivery.stop()
        set_state(subscription.resource, None)
        subscription.delivery = self._delivery(subscription)
        subscription.delivery.arrive(list(subscription.backlog.values()), at_us)

    def delete(self, name: str, at_us: int) -> None:
        """Remove a subscription with its backlog."""
        with self._machine.acting(at_us):
            subscription = self.state(name)
            del self._all[name]
            self._part(subscription, at_us)

    def detach(self, name: str, at_us: int) -> None:
        """Cut a subscription off its topic and drop its backlog."""
        with self._machine.acting(at_us):
            subscription = self.state(name)
            subscription.resource.detached = True
            self._part(subscription, at_us)

    def _part(self, subscription: Subscription, at_us: int) -> None:
        topic = self._topics.find(subscription.resource.topic)
        if topic is not None:
            topic.subscriptions.pop(subscription.name, None)
        subscription.delivery.stop()
        subscription.replace_backlog([], at_us)

    def tally(self, name: str) -> Tally:
        """What became of a subscription's messages so far."""
        with self._machine.lock:
            return replace(self.state(name).tally)

    def set_behaviour(self, name: str, behaviour: Behaviour, at_us: int) -> None:
        """Let a BigQuery subscription behave differently from a time on, now or in the future."""
        with self._machine.lock:
            delivery = self.state(name).delivery
            if not isinstance(delivery, BigQueryDelivery):
                raise ValueError(f"{name} does not deliver to BigQuery")  # noqa: TRY004 - of the argument's value
            self._machine.put(at_us, CONFIGURE, delivery.behave, behaviour)

    def _puller(self, name: str) -> PullDelivery:
        subscription = self.state(name)
        if subscription.resource.detached:
            raise Refused("FAILED_PRECONDITION", "The subscription is detached from its topic.")
        if not isinstance(subscription.delivery, PullDelivery):
            raise Refused("FAILED_PRECONDITION", "This method is not supported for this subscription type.")
        return subscription.delivery

    def pull(self, name: str, limit: int, at_us: int, *, deadline_s: int | None = None) -> Sequence[Received]:
        """Lease up to ``limit`` messages, for the subscription's acknowledgement deadline or another."""
        with self._machine.acting(at_us):
            puller = self._puller(name)
            if limit < 1:
                raise invalid_argument("max_messages")
            return puller.pull(limit, at_us, deadline_us=None if deadline_s is None else deadline_s * 1_000_000)

    def acknowledge(self, name: str, ack_ids: Sequence[str], at_us: int) -> None:
        """End leases: the messages have arrived."""
        with self._machine.acting(at_us):
            self._puller(name).acknowledge(ack_ids, at_us)

    def modify_ack_deadline(self, name: str, ack_ids: Sequence[str], seconds: int, at_us: int) -> None:
        """Let leases end ``seconds`` from now; 0 is a nack."""
        with self._machine.acting(at_us):
            puller = self._puller(name)
            check_ack_deadline(seconds)
            puller.modify_ack_deadline(ack_ids, seconds, at_us)

    def leased(self, name: str, ack_ids: set[str]) -> set[str]:
        """Those of a subscription's leases that have not ended."""
        with self._machine.lock:
            return self._puller(name).leased(ack_ids)
