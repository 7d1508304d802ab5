"""All topics: made, changed, published to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from google.pubsub_v1 import types

from exporter.sandbox.conduct import InForce
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.pubsub.agenda import PUBLISH
from exporter.sandbox.pubsub.errors import Refused, already_exists, not_found
from exporter.sandbox.pubsub.machine import Machine
from exporter.sandbox.pubsub.messages import Draft, Message, MessageIds, size_of
from exporter.sandbox.pubsub.resources import complete_topic, updated_topic
from exporter.sandbox.pubsub.subscription import Subscription
from exporter.sandbox.pubsub.topic import Topic
from exporter.sandbox.pubsub.validation import DELETED_TOPIC, check_name, check_project, check_publish

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEAD_LETTER = "CloudPubSubDeadLetterSource"


class Topics:
    """All topics by full name; every method raises ``Refused`` as the service refuses."""

    def __init__(self, machine: Machine, ledger: Ledger, seed: int, conduct: InForce | None = None) -> None:
        self._conduct = conduct or InForce()
        self._machine = machine
        self._ledger = ledger
        self._seed = seed
        self._all: dict[str, Topic] = {}
        self._ids: dict[str, MessageIds] = {}
        machine.at_minute_ends(self._close_minute)

    def state(self, name: str) -> Topic:
        """The live topic of a full name; hold the machine's lock."""
        check_name(name, "topics")
        if name not in self._all:
            raise not_found(name)
        return self._all[name]

    def find(self, name: str | None) -> Topic | None:
        """The live topic of a full name, if there is one; hold the machine's lock."""
        return self._all.get(name or "")

    def create(self, topic: types.Topic, at_us: int) -> types.Topic:
        """Make a topic."""
        with self._machine.acting(at_us):
            resource = complete_topic(topic)
            if resource.name in self._all:
                raise already_exists(resource.name)
            ids = self._ids.setdefault(resource.name, MessageIds(self._seed, resource.name))
            self._all[resource.name] = Topic(resource, ids, self._ledger)
            return types.Topic(resource)

    def _close_minute(self, end_us: int) -> None:
        for topic in self._all.values():
            topic.close_minute(end_us)

    def get(self, name: str) -> types.Topic:
        """The topic of a full name."""
        with self._machine.lock:
            return types.Topic(self.state(name).resource)

    def list(self, project: str) -> list[types.Topic]:
        """The topics of ``projects/ID``, by name."""
        with self._machine.lock:
            return [types.Topic(self._all[name].resource) for name in of_project(self._all, project)]

    def update(self, topic: types.Topic, paths: Sequence[str], at_us: int) -> types.Topic:
        """Replace the fields of a topic that a mask names."""
        with self._machine.acting(at_us):
            state = self.state(topic.name)
            state.resource = complete_topic(updated_topic(state.resource, topic, paths))
            return types.Topic(state.resource)

    def delete(self, name: str, at_us: int) -> None:
        """Remove a topic; its subscriptions and snapshots stay, with what they have."""
        with self._machine.acting(at_us):
            topic = self.state(name)
            del self._all[name]
            topic.deleted = True
            for subscription in topic.subscriptions.values():
                subscription.resource.topic = DELETED_TOPIC
            for snapshot in topic.snapshots.values():
                snapshot.resource.topic = DELETED_TOPIC

    def subscriptions(self, name: str) -> Sequence[str]:
        """Full names of the subscriptions of a topic, in order."""
        with self._machine.lock:
            return sorted(self.state(name).subscriptions)

    def snapshots(self, name: str) -> Sequence[str]:
        """Full names of the snapshots of a topic, in order."""
        with self._machine.lock:
            return sorted(self.state(name).snapshots)

    def publish(self, topic: str, messages: Sequence[Draft], at_us: int) -> Sequence[str]:
        """One publish request, now or in the future; the ids that its messages get.

        Messages that break a limit are counted as rejected with the code ``invalid_argument``.
        """
        with self._machine.lock:
            receiver = self.state(topic)
            sizes = [size_of(message) for message in messages]
            try:
                check_publish(messages, sum(sizes))
            except Refused:
                self.reject(topic, len(messages), "invalid_argument", at_us)
                raise
            return self._post(receiver, messages, sizes, at_us)

    def _post(self, topic: Topic, drafts: Sequence[Draft], sizes: Sequence[int], at_us: int) -> Sequence[str]:
        messages = [Message(topic.ids.take(), draft, size, at_us) for draft, size in zip(drafts, sizes, strict=True)]
        self._machine.put(at_us, PUBLISH, topic.publish, messages)
        return [message.id for message in messages]

    def reject(self, topic: str, count: int, code: str, at_us: int) -> None:
        """Count messages that were refused at publish, now or in the future; ``code`` as metrics write it."""
        with self._machine.lock:
            self._machine.put(at_us, PUBLISH, self.state(topic).reject, (code, count))

    def forward(self, subscription: Subscription, message: Message, reason: str | None, at_us: int) -> bool:
        """Publish a subscription's message to its dead-letter topic; False when there is no such topic.

        The attributes that say where it came from: Pub/Sub docs, "Dead-letter topics" and "BigQuery subscriptions".
        """
        conduct = self._conduct.now
        topic = self.find(subscription.settings.dead_letter_topic)
        if topic is None or (not topic.subscriptions and conduct.dead_letter_topic_without_subscription == "kept"):
            return False
        attributes = dict(message.attributes)
        if conduct.dead_letter_attributes:
            attributes |= self._origin(subscription, message, reason)
        draft = Draft(message.data, attributes, message.ordering_key)
        self._post(topic, [draft], [size_of(draft)], at_us)
        return True

    @staticmethod
    def _origin(subscription: Subscription, message: Message, reason: str | None) -> dict[str, str]:
        """Attributes that say where a dead letter comes from, and why it is one."""
        _, project, _, short_name = subscription.name.split("/")
        published = (_EPOCH + timedelta(microseconds=message.publish_us)).isoformat(timespec="milliseconds")
        attributes = {
            f"{_DEAD_LETTER}DeliveryCount": str(subscription.attempts[message.id]),
            f"{_DEAD_LETTER}Subscription": short_name,
            f"{_DEAD_LETTER}SubscriptionProject": project,
            f"{_DEAD_LETTER}TopicPublishTime": published,
        }
        if reason is not None:
            attributes[f"{_DEAD_LETTER}DeliveryErrorMessage"] = reason
        return attributes


def of_project(names: Iterable[str], project: str) -> Sequence[str]:
    """The full names that belong to ``projects/ID``, in order."""
    check_project(project)
    return sorted(name for name in names if name.startswith(f"{project}/"))
