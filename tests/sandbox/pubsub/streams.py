"""Listening to subscriptions with the genuine client: through callbacks, and on a raw stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import types


def eventually(condition: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.02)


class Heard:
    """What the callback of a subscriber was given."""

    def __init__(self, answer: Callable[[Message], None] = Message.ack) -> None:
        self.messages: list[Message] = []
        self._answer = answer
        self._lock = threading.Lock()

    def __call__(self, message: Message) -> None:
        with self._lock:
            self.messages.append(message)
        self._answer(message)

    def bodies(self) -> list[bytes]:
        with self._lock:
            return [message.data for message in self.messages]


@contextmanager
def subscribed(subscriber: pubsub_v1.SubscriberClient, name: str, heard: Heard, **flow: int) -> Iterator[Any]:
    future = subscriber.subscribe(name, heard, flow_control=pubsub_v1.types.FlowControl(**flow))
    try:
        yield future
    finally:
        future.cancel()
        future.result(timeout=15)


@contextmanager
def stream(
    subscriber: pubsub_v1.SubscriberClient, first: types.StreamingPullRequest
) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """A raw stream: how to say something, and what comes back."""
    condition, requests, over = threading.Condition(), [first], threading.Event()

    def say(request: types.StreamingPullRequest) -> None:
        with condition:
            requests.append(request)
            condition.notify()

    def spoken() -> Iterator[types.StreamingPullRequest]:
        while not over.is_set():
            with condition:
                condition.wait_for(lambda: requests or over.is_set(), timeout=0.2)
                waiting = requests[:]
                requests.clear()
            yield from waiting

    responses = subscriber.streaming_pull(requests=spoken(), timeout=20)
    try:
        yield say, responses
    finally:
        responses.cancel()
        over.set()


def messages_of(responses: Any, count: int) -> list[Any]:
    messages: list[Any] = []
    while len(messages) < count:
        messages += next(responses).received_messages
    return messages
