"""``google.iam.v1.IAMPolicy`` over Pub/Sub's topics and subscriptions: policies are kept and given back, and decide nothing."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.iam.v1 import iam_policy_pb2, policy_pb2

from exporter.sandbox.iam import EXPORTER
from exporter.sandbox.pubsub.calls import Backend, Call
from exporter.sandbox.pubsub.errors import Refused, invalid_argument
from exporter.sandbox.pubsub.resources import Proto

SERVICE = "google.iam.v1.IAMPolicy"


class Policies:
    """The three methods over an engine's topics and subscriptions."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._kept: dict[str, tuple[object, Proto]] = {}

    def calls(self) -> Mapping[str, Call]:
        """All methods by name."""
        return {
            "GetIamPolicy": Call(
                iam_policy_pb2.GetIamPolicyRequest, "pubsub.topics.getIamPolicy", _resource, self._get
            ),
            "SetIamPolicy": Call(
                iam_policy_pb2.SetIamPolicyRequest, "pubsub.topics.setIamPolicy", _resource, self._set
            ),
            "TestIamPermissions": Call(
                iam_policy_pb2.TestIamPermissionsRequest, "pubsub.topics.get", _resource, self._test
            ),
        }

    def _state(self, name: str) -> object:
        """The topic or subscription itself: one that is made anew has no policy."""
        kind = name.split("/")[2] if name.count("/") == 3 else ""
        engine = self._backend.engine
        if kind == "topics":
            return engine.topics.state(name)
        if kind == "subscriptions":
            return engine.subscriptions.state(name)
        raise invalid_argument("resource")

    def _policy(self, name: str) -> Proto:
        state = self._state(name)
        kept = self._kept.get(name)
        return kept[1] if kept is not None and kept[0] is state else policy_pb2.Policy(version=1, etag=b"0")

    def _get(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            return self._policy(request.resource)

    def _set(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            present = self._policy(request.resource)
            if request.policy.etag and request.policy.etag != present.etag:
                raise Refused("ABORTED", "There were concurrent policy changes. Please retry the whole operation.")
            made = policy_pb2.Policy()
            made.CopyFrom(request.policy)
            made.version, made.etag = 1, b"%d" % (int(present.etag) + 1)
            self._kept[request.resource] = (self._state(request.resource), made)
            return made

    def _test(self, request: Proto, _: grpc.ServicerContext) -> Proto:
        with self._backend.acting():
            self._state(request.resource)
        iam = self._backend.iam
        dotted = ".".join(request.resource.split("/")[1:])
        granted = [each for each in request.permissions if iam is None or iam.allowed(EXPORTER, each, dotted)]
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=granted)


def _resource(request: Proto) -> str:
    return str(request.resource)
