"""The unary methods of the Subscriber service of ``google.pubsub.v1``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from exporter.sandbox.pubsub.calls import Backend, Call
from exporter.sandbox.pubsub.errors import invalid, unimplemented
from exporter.sandbox.pubsub.paging import page
from exporter.sandbox.pubsub.pull import Received
from exporter.sandbox.pubsub.resources import Proto

SERVICE = "google.pubsub.v1.Subscriber"

PULL_WAIT_S = 3.0
"""How long a Pull without messages waits for some, in real time."""

POLL_S = 0.05
"""How often a waiting call looks whether virtual time has brought something, such as the end of a lease."""

_RECEIVED = types.ReceivedMessage.pb()


class Subscriber:
    """The unary methods over an engine's subscriptions and snapshots."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._subscriptions = backend.engine.subscriptions
        self._snapshots = backend.engine.snapshots

    def calls(self) -> Mapping[str, Call]:
        """All methods by name."""
        return {**self._subscription_calls(), **self._message_calls(), **self._snapshot_calls()}

    def _subscription_calls(self) -> Mapping[str, Call]:
        return {
            "CreateSubscription": Call(
                types.Subscription.pb(), "pubsub.subscriptions.create", _project_of_name, self._create
            ),
            "GetSubscription": _on_subscription(types.GetSubscriptionRequest, "get", self._get),
            "UpdateSubscription": Call(
                types.UpdateSubscriptionRequest.pb(),
                "pubsub.subscriptions.update",
                lambda request: str(request.subscription.name),
                self._update,
            ),
            "ListSubscriptions": Call(
                types.ListSubscriptionsRequest.pb(), "pubsub.subscriptions.list", lambda r: str(r.project), self._list
            ),
            "DeleteSubscription": _on_subscription(types.DeleteSubscriptionRequest, "delete", self._delete),
            "ModifyPushConfig": _on_subscription(types.ModifyPushConfigRequest, "update", self._modify_push_config),
        }

    def _message_calls(self) -> Mapping[str, Call]:
        return {
            "Pull": _on_subscription(types.PullRequest, "consume", self._pull),
            "Acknowledge": _on_subscription(types.AcknowledgeRequest, "consume", self._acknowledge),
            "ModifyAckDeadline": _on_subscription(types.ModifyAckDeadlineRequest, "consume", self._modify_ack_deadline),
            "Seek": _on_subscription(types.SeekRequest, "consume", self._seek),
        }

    def _snapshot_calls(self) -> Mapping[str, Call]:
        return {
            "CreateSnapshot": Call(
                types.CreateSnapshotRequest.pb(), "pubsub.snapshots.create", _project_of_name, self._create_snapshot
            ),
            "GetSnapshot": Call(types.GetSnapshotRequest.pb(), "pubsub.snapshots.get", _snapshot, self._get_snapshot),
            "ListSnapshots": Call(
                types.ListSnapshotsRequest.pb(), "pubsub.snapshots.list", lambda r: str(r.project), self._list_snapshots
            ),
            "UpdateSnapshot": Call(
                types.UpdateSnapshotRequest.pb(),
                "pubsub.snapshots.update",
                lambda request: str(request.snapshot.name),
                self._update_snapshot,
            ),
            "DeleteSnapshot": Call(
                types.DeleteSnapshotRequest.pb(), "pubsub.snapshots.delete", _snapshot, self._delete_snapshot
            ),
        }

    def _create(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            return types.Subscription.pb(self._subscriptions.create(types.Subscription(request), at_us))

    def _get(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            return types.Subscription.pb(self._subscriptions.get(request.subscription))

    def _update(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        given = types.Subscription(request.subscription)
        with self._backend.acting() as at_us:
            return types.Subscription.pb(self._subscriptions.update(given, request.update_mask.paths, at_us))

    def _list(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            subscriptions = self._subscriptions.list(request.project)
        chosen, token = page(subscriptions, lambda s: s.name, request.page_size, request.page_token)
        return types.ListSubscriptionsResponse.pb()(
            subscriptions=[types.Subscription.pb(subscription) for subscription in chosen], next_page_token=token
        )

    def _delete(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            self._subscriptions.delete(request.subscription, at_us)
        return empty_pb2.Empty()

    def _modify_push_config(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            self._subscriptions.get(request.subscription)
        if request.push_config.push_endpoint:
            raise unimplemented("push subscriptions")
        return empty_pb2.Empty()

    def _pull(self, request: Proto, context: grpc.ServicerContext) -> Proto:
        give_up = time.monotonic() + (0 if request.return_immediately else PULL_WAIT_S)
        while True:
            with self._backend.acting() as at_us:
                received = self._subscriptions.pull(request.subscription, request.max_messages, at_us)
            if received or time.monotonic() >= give_up or not context.is_active():
                return types.PullResponse.pb()(received_messages=received_messages(received))
            self._backend.wait(POLL_S)

    def _acknowledge(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            self._subscriptions.acknowledge(request.subscription, request.ack_ids, at_us)
        return empty_pb2.Empty()

    def _modify_ack_deadline(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            self._subscriptions.modify_ack_deadline(
                request.subscription, request.ack_ids, request.ack_deadline_seconds, at_us
            )
        return empty_pb2.Empty()

    def _seek(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        target = request.WhichOneof("target")
        if target is None:
            raise invalid("No target was specified in the SeekRequest. Must specify either a time or a snapshot")
        with self._backend.acting() as at_us:
            if target == "time":
                self._snapshots.seek_to_time(request.subscription, request.time.ToMicroseconds(), at_us)
            else:
                self._snapshots.seek(request.subscription, request.snapshot, at_us)
        return types.SeekResponse.pb()()

    def _create_snapshot(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            return types.Snapshot.pb(self._snapshots.create(types.CreateSnapshotRequest(request), at_us))

    def _get_snapshot(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            return types.Snapshot.pb(self._snapshots.get(request.snapshot))

    def _list_snapshots(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            snapshots = self._snapshots.list(request.project)
        chosen, token = page(snapshots, lambda s: s.name, request.page_size, request.page_token)
        return types.ListSnapshotsResponse.pb()(
            snapshots=[types.Snapshot.pb(snapshot) for snapshot in chosen], next_page_token=token
        )

    def _update_snapshot(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        given = types.Snapshot(request.snapshot)
        with self._backend.acting() as at_us:
            return types.Snapshot.pb(self._snapshots.update(given, request.update_mask.paths, at_us))

    def _delete_snapshot(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            self._snapshots.delete(request.snapshot, at_us)
        return empty_pb2.Empty()


def received_messages(received: Iterable[Received]) -> list[Proto]:
    """Messages on lease as the wire has them."""
    answers = []
    for ack_id, message, attempt in received:
        answer = _RECEIVED(ack_id=ack_id, delivery_attempt=attempt)
        answer.message.data = message.data
        answer.message.message_id = message.id
        answer.message.ordering_key = message.ordering_key
        answer.message.attributes.update(message.attributes)
        answer.message.publish_time.FromMicroseconds(message.publish_us)
        answers.append(answer)
    return answers


def _on_subscription(request: Any, verb: str, work: Any) -> Call:
    return Call(request.pb(), f"pubsub.subscriptions.{verb}", lambda r: str(r.subscription), work)


def _snapshot(request: Proto) -> str:
    return str(request.snapshot)


def _project_of_name(request: Proto) -> str:
    return "/".join(request.name.split("/")[:2])
