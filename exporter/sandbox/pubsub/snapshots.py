"""Snapshots of what subscriptions had not acknowledged, and seeks: to a snapshot or to a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from google.protobuf import field_mask_pb2
from google.pubsub_v1 import types

from exporter.sandbox.pubsub.errors import Refused, already_exists, invalid, not_found
from exporter.sandbox.pubsub.machine import Machine
from exporter.sandbox.pubsub.messages import Message
from exporter.sandbox.pubsub.resources import DAY_US, SECOND_US
from exporter.sandbox.pubsub.subscription import Subscription
from exporter.sandbox.pubsub.subscriptions import Subscriptions
from exporter.sandbox.pubsub.topic import Snapshot
from exporter.sandbox.pubsub.topics import Topics, of_project
from exporter.sandbox.pubsub.validation import check_labels, check_name

LIFE_US = 7 * DAY_US
"""A snapshot lives seven days, less the age of the oldest message in it, and at least an hour (API protos, ``Snapshot``)."""

MIN_LIFE_US = 3600 * SECOND_US


class Snapshots:
    """All snapshots by full name, and the seeks; every method raises ``Refused`` as the service refuses."""

    def __init__(self, machine: Machine, topics: Topics, subscriptions: Subscriptions) -> None:
        self._machine = machine
        self._topics = topics
        self._subscriptions = subscriptions
        self._all: dict[str, Snapshot] = {}
        machine.at_minute_ends(self._close_minute)

    def _state(self, name: str) -> Snapshot:
        check_name(name, "snapshots")
        if name not in self._all:
            raise not_found(name)
        return self._all[name]

    def create(self, request: types.CreateSnapshotRequest, at_us: int) -> types.Snapshot:
        """Take a snapshot of a subscription."""
        with self._machine.acting(at_us):
            check_name(request.name, "snapshots")
            check_labels(request.labels)
            subscription = self._subscriptions.state(request.subscription)
            if request.name in self._all:
                raise already_exists(request.name)
            topic = self._topics.state(subscription.resource.topic)
            unacknowledged = list(subscription.backlog.values())
            expire_us = (unacknowledged[0].publish_us if unacknowledged else at_us) + LIFE_US
            if expire_us < at_us + MIN_LIFE_US:
                raise Refused("FAILED_PRECONDITION", "The snapshot would expire in less than an hour.")
            resource = types.Snapshot.pb()(name=request.name, topic=topic.name, labels=dict(request.labels))
            resource.expire_time.FromMicroseconds(expire_us)
            snapshot = Snapshot(resource, unacknowledged)
            self._all[request.name] = topic.snapshots[request.name] = snapshot
            return types.Snapshot(resource)

    def _close_minute(self, end_us: int) -> None:
        gone = [
            name for name, snapshot in self._all.items() if snapshot.resource.expire_time.ToMicroseconds() <= end_us
        ]
        for name in gone:
            self._drop(name)

    def get(self, name: str) -> types.Snapshot:
        """The snapshot of a full name."""
        with self._machine.lock:
            return types.Snapshot(self._state(name).resource)

    def list(self, project: str) -> list[types.Snapshot]:
        """The snapshots of ``projects/ID``, by name."""
        with self._machine.lock:
            return [types.Snapshot(self._all[name].resource) for name in of_project(self._all, project)]

    def update(self, given: types.Snapshot, paths: Sequence[str], at_us: int) -> types.Snapshot:
        """Replace the fields of a snapshot that a mask names: labels or expire_time."""
        with self._machine.acting(at_us):
            resource = self._state(given.name).resource
            if not paths or not set(paths) <= {"labels", "expire_time"}:
                raise invalid(
                    "Invalid update_mask provided in the UpdateSnapshotRequest: only labels and expire_time are mutable."
                )
            check_labels(given.labels)
            field_mask_pb2.FieldMask(paths=paths).MergeMessage(
                types.Snapshot.pb(given), resource, replace_message_field=True, replace_repeated_field=True
            )
            return types.Snapshot(resource)

    def delete(self, name: str, at_us: int) -> None:
        """Forget a snapshot."""
        with self._machine.acting(at_us):
            self._state(name)
            self._drop(name)

    def _drop(self, name: str) -> None:
        topic = self._topics.find(self._all.pop(name).resource.topic)
        if topic is not None:
            topic.snapshots.pop(name, None)

    def seek(self, subscription: str, name: str, at_us: int) -> None:
        """Make what a snapshot holds the subscription's backlog."""
        with self._machine.acting(at_us):
            state, snapshot = self._subscriptions.state(subscription), self._state(name)
            if state.resource.topic != snapshot.resource.topic:
                raise Refused("FAILED_PRECONDITION", "The snapshot is of another topic than the subscription.")
            _replay(state, [*snapshot.unacknowledged, *snapshot.later], lambda _: True, at_us)

    def seek_to_time(self, subscription: str, time_us: int, at_us: int) -> None:
        """Acknowledge what was published before a time, and put back what was published later and is retained."""
        with self._machine.acting(at_us):
            state = self._subscriptions.state(subscription)
            topic = self._topics.find(state.resource.topic)
            retained = [*(state.retained or ()), *(topic.retained if topic is not None else ())]
            _replay(state, [*state.backlog.values(), *retained], lambda m: m.publish_us >= time_us, at_us)


def _replay(subscription: Subscription, messages: list[Message], wanted: Callable[[Message], bool], at_us: int) -> None:
    """Make the wanted ones of messages the backlog, in order of publishing, filter and retention permitting."""
    matches = subscription.settings.matches
    horizon_us = at_us - subscription.settings.retention_us
    chosen = {
        message.id: message
        for message in messages
        if wanted(message) and message.publish_us > horizon_us and (matches is None or matches(message.attributes))
    }
    subscription.replace_backlog(sorted(chosen.values(), key=lambda m: (m.publish_us, int(m.id))), at_us)
