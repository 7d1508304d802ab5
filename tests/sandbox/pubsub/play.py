"""A stage for client calls: what was called, and what was answered, in a form that can be compared."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import PublisherClient, SubscriberClient, types

# Only one of the two answers with these, so they say nothing about the other.
_ONLY_HERE = {"state", "expiration_policy", "expire_time", "publish_time", "ack_id"}
_STABLE_TEXTS = ("The update_mask", "The value for max", "The value for min", "No target")


def normalised(answer: Any) -> Any:
    """An answer as plain data, without what differs from run to run or between the real service and the emulator."""
    if answer is None or isinstance(answer, str | int | bool):
        return answer
    if isinstance(answer, list):
        return [normalised(item) for item in answer]
    fields = type(answer).to_dict(answer, use_integers_for_enums=False, always_print_fields_with_no_presence=False)
    return _stripped(fields)


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(item) for key, item in sorted(value.items()) if key not in _ONLY_HERE}
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value


class Play:
    """One performance of the script: its steps and their answers."""

    def __init__(self, publisher: PublisherClient, subscriber: SubscriberClient, project: str) -> None:
        # Any: the clients take plain dicts for messages, which their signatures do not say.
        self.publisher: Any = publisher
        self.subscriber: Any = subscriber
        self.project = f"projects/{project}"
        self.steps: list[tuple[str, Any]] = []
        self._ids: dict[str, str] = {}

    def topic(self, name: str) -> str:
        return f"{self.project}/topics/{name}"

    def subscription(self, name: str) -> str:
        return f"{self.project}/subscriptions/{name}"

    def step(self, name: str, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = call(*args, **kwargs)
        except GoogleAPICallError as error:
            code = error.grpc_status_code.name if error.grpc_status_code is not None else None
            text = error.message if error.message.startswith(_STABLE_TEXTS) else ""
            self.steps.append((name, (code, text)))
            return None
        if hasattr(answer, "pages"):
            answer = list(answer)
        self.steps.append((name, normalised(answer)))
        return answer

    def note(self, name: str, value: Any) -> None:
        self.steps.append((name, value))

    def publish(self, topic: str, *messages: types.PubsubMessage) -> None:
        answer = self.publisher.publish(topic=self.topic(topic), messages=list(messages), timeout=10)
        for message_id, message in zip(answer.message_ids, messages, strict=True):
            self._ids[message_id] = message.data.decode()

    def received(self, messages: Sequence[types.ReceivedMessage]) -> list[tuple[Any, ...]]:
        """Messages as the script notes them; ids stand for the bodies that they were given for."""
        return [
            (
                message.message.data,
                dict(message.message.attributes),
                message.message.ordering_key,
                message.delivery_attempt,
                self._ids.get(message.message.message_id, "new"),
            )
            for message in messages
        ]

    def pull(self, name: str, limit: int = 10) -> list[types.ReceivedMessage]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the flag is what makes an empty answer quick
            request = {"subscription": self.subscription(name), "max_messages": limit, "return_immediately": True}
            return list(self.subscriber.pull(request=request, timeout=10).received_messages)

    def pull_some(self, name: str, count: int, limit: int = 10) -> list[Any]:
        """Pull until there were ``count`` messages, for at most 15 s."""
        messages: list[Any] = []
        give_up = time.monotonic() + 15
        while len(messages) < count and time.monotonic() < give_up:
            messages += self.pull(name, limit)
        return messages

    def nack(self, name: str, messages: Sequence[types.ReceivedMessage]) -> None:
        self.extend(name, messages, 0)

    def extend(self, name: str, messages: Sequence[types.ReceivedMessage], seconds: int) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=self.subscription(name), ack_ids=[m.ack_id for m in messages], ack_deadline_seconds=seconds
        )

    def acknowledge(self, name: str, messages: Sequence[types.ReceivedMessage]) -> None:
        self.subscriber.acknowledge(subscription=self.subscription(name), ack_ids=[m.ack_id for m in messages])
