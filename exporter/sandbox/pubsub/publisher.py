"""The Publisher service of ``google.pubsub.v1``."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from exporter.sandbox.pubsub.calls import Backend, Call
from exporter.sandbox.pubsub.messages import NO_ATTRIBUTES, Draft
from exporter.sandbox.pubsub.paging import page
from exporter.sandbox.pubsub.resources import Proto

SERVICE = "google.pubsub.v1.Publisher"


class Publisher:
    """The unary methods over an engine's topics."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._topics = backend.engine.topics

    def calls(self) -> Mapping[str, Call]:
        """All methods by name."""
        return {
            "CreateTopic": Call(types.Topic.pb(), "pubsub.topics.create", _project_of_name, self._create),
            "UpdateTopic": Call(
                types.UpdateTopicRequest.pb(), "pubsub.topics.update", lambda r: str(r.topic.name), self._update
            ),
            "Publish": Call(types.PublishRequest.pb(), "pubsub.topics.publish", _topic, self._publish),
            "GetTopic": Call(types.GetTopicRequest.pb(), "pubsub.topics.get", _topic, self._get),
            "ListTopics": Call(
                types.ListTopicsRequest.pb(), "pubsub.topics.list", lambda r: str(r.project), self._list
            ),
            "ListTopicSubscriptions": Call(
                types.ListTopicSubscriptionsRequest.pb(), "pubsub.topics.get", _topic, self._list_subscriptions
            ),
            "ListTopicSnapshots": Call(
                types.ListTopicSnapshotsRequest.pb(), "pubsub.topics.get", _topic, self._list_snapshots
            ),
            "DeleteTopic": Call(types.DeleteTopicRequest.pb(), "pubsub.topics.delete", _topic, self._delete),
            "DetachSubscription": Call(
                types.DetachSubscriptionRequest.pb(),
                "pubsub.topics.detachSubscription",
                lambda r: str(r.subscription),
                self._detach,
            ),
        }

    def _create(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            return types.Topic.pb(self._topics.create(types.Topic(request), at_us))

    def _update(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            return types.Topic.pb(self._topics.update(types.Topic(request.topic), request.update_mask.paths, at_us))

    def _publish(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        drafts = [
            Draft(m.data, dict(m.attributes) if m.attributes else NO_ATTRIBUTES, m.ordering_key)
            for m in request.messages
        ]
        with self._backend.acting() as at_us:
            return types.PublishResponse.pb()(message_ids=self._topics.publish(request.topic, drafts, at_us))

    def _get(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            return types.Topic.pb(self._topics.get(request.topic))

    def _list(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            topics = self._topics.list(request.project)
        chosen, token = page(topics, lambda topic: topic.name, request.page_size, request.page_token)
        return types.ListTopicsResponse.pb()(topics=[types.Topic.pb(topic) for topic in chosen], next_page_token=token)

    def _list_subscriptions(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            names = self._topics.subscriptions(request.topic)
        chosen, token = page(names, str, request.page_size, request.page_token)
        return types.ListTopicSubscriptionsResponse.pb()(subscriptions=chosen, next_page_token=token)

    def _list_snapshots(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            names = self._topics.snapshots(request.topic)
        chosen, token = page(names, str, request.page_size, request.page_token)
        return types.ListTopicSnapshotsResponse.pb()(snapshots=chosen, next_page_token=token)

    def _delete(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            self._topics.delete(request.topic, at_us)
        return empty_pb2.Empty()

    def _detach(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting() as at_us:
            self._backend.engine.subscriptions.detach(request.subscription, at_us)
        return types.DetachSubscriptionResponse.pb()()


def _topic(request: Proto) -> str:
    return str(request.topic)


def _project_of_name(request: Proto) -> str:
    return "/".join(request.name.split("/")[:2])
