"""StreamingPull: messages as they come, under the client's flow control."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
from google.pubsub_v1 import types

from exporter.sandbox.pubsub.calls import Backend
from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.pubsub.resources import Proto
from exporter.sandbox.pubsub.subscriber import POLL_S, received_messages
from exporter.sandbox.pubsub.validation import check_ack_deadline

MAX_MESSAGES = 100
"""Most messages in one response."""

REQUEST = types.StreamingPullRequest.pb()
_RESPONSE = types.StreamingPullResponse.pb()


def streaming_pull(backend: Backend, requests: Iterator[Proto], context: grpc.ServicerContext) -> Iterator[Proto]:
    """Serve one stream until its client ends it, its subscription disappears or it says something wrong."""
    first = next(requests, None)
    if first is None:
        return
    backend.authorize("pubsub.subscriptions.consume", first.subscription)
    stream = _Stream(backend, first)
    reader = threading.Thread(target=stream.listen, args=(requests,), name="streaming-pull", daemon=True)
    reader.start()
    yield stream.response(())
    while context.is_active():
        if stream.refusal is not None:
            raise stream.refusal
        messages = stream.take()
        if messages:
            yield stream.response(messages)
        else:
            backend.wait(POLL_S)


class _Stream:
    """What the two directions of one stream share."""

    def __init__(self, backend: Backend, first: Proto) -> None:
        check_ack_deadline(first.stream_ack_deadline_seconds, minimum=10)
        self.refusal: Refused | None = None
        self._backend = backend
        self._subscriptions = backend.engine.subscriptions
        self._name: str = first.subscription
        self._deadline_s: int = first.stream_ack_deadline_seconds
        self._max_messages: int = first.max_outstanding_messages
        self._max_bytes: int = first.max_outstanding_bytes
        self._sizes: dict[str, int] = {}  # of the messages handed out, by ack id
        with backend.acting() as at_us:
            self._ordered = self._subscriptions.get(self._name).enable_message_ordering
            self._apply(first, at_us)

    def listen(self, requests: Iterator[Proto]) -> None:
        """Carry out what the client says after its first request."""
        try:
            for request in requests:
                with self._backend.acting() as at_us:
                    self._apply(request, at_us)
        except Refused as refusal:
            self.refusal = refusal
        except grpc.RpcError:
            return  # the client is gone, which the other direction sees too

    def _apply(self, request: Proto, at_us: int) -> None:
        if request.stream_ack_deadline_seconds:
            check_ack_deadline(request.stream_ack_deadline_seconds, minimum=10)
            self._deadline_s = request.stream_ack_deadline_seconds
        if request.ack_ids:
            self._subscriptions.acknowledge(self._name, request.ack_ids, at_us)
        for ack_id, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=False):
            self._subscriptions.modify_ack_deadline(self._name, [ack_id], seconds, at_us)

    def take(self) -> list[Proto]:
        """Lease as many messages as the client's flow control allows."""
        with self._backend.acting() as at_us:
            open_leases = self._subscriptions.leased(self._name, set(self._sizes))
            self._sizes = {ack_id: size for ack_id, size in self._sizes.items() if ack_id in open_leases}
            limit = MAX_MESSAGES
            if self._max_messages > 0:
                limit = min(limit, self._max_messages - len(self._sizes))
            if limit <= 0 or 0 < self._max_bytes <= sum(self._sizes.values()):
                return []
            received = self._subscriptions.pull(self._name, limit, at_us, deadline_s=self._deadline_s)
            self._sizes.update((lease.ack_id, lease.message.size) for lease in received)
        return received_messages(received)

    def response(self, messages: object) -> Proto:
        """A response with messages and the properties that every response carries."""
        return _RESPONSE(
            received_messages=messages, subscription_properties={"message_ordering_enabled": self._ordered}
        )
