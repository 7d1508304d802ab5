"""What Cloud Monitoring refuses, in the service's own codes and words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo

from exporter.sandbox import services

Proto = Any
"""A protobuf message: the libraries carry no types."""


class Refused(Exception):
    """A call that is refused; ``code`` is the name of the canonical code, ``details`` are the messages of the status."""

    def __init__(self, code: str, message: str, details: tuple[Proto, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def packed(self) -> list[AnyProto]:
        """The details as ``google.protobuf.Any``."""
        packed = []
        for detail in self.details:
            wrapper = AnyProto()
            wrapper.Pack(detail)
            packed.append(wrapper)
        return packed


def invalid(message: str) -> Refused:
    """A request that could never be carried out."""
    return Refused("INVALID_ARGUMENT", message)


def invalid_field(field: str, value: str | None, reason: str) -> Refused:
    """A request with one field that could never be right."""
    return invalid(field_text(field, value, reason))


def field_text(field: str, value: str | None, reason: str) -> str:
    """How the service words what is wrong with one field."""
    given = "" if value is None else f' of "{value}"'
    return f"Field {field} had an invalid value{given}: {reason}"


def missing(field: str) -> Refused:
    """A request that lacks a field."""
    return invalid(f"Request was missing field {field}.")


def denied(permission: str) -> Refused:
    """A call that needs a permission which the caller lacks."""
    return Refused("PERMISSION_DENIED", f"Permission {permission} denied (or the resource may not exist).")


def exhausted(metric: str, retry: timedelta) -> Refused:
    """A quota, by the name of its metric, that is used up until ``retry`` has passed."""
    info = ErrorInfo(reason="RATE_LIMIT_EXCEEDED", domain="googleapis.com", metadata={"quota_metric": metric})
    delay = RetryInfo()
    delay.retry_delay.FromTimedelta(retry)
    message = f"Quota exceeded for quota metric '{metric}' of service 'monitoring.googleapis.com'."
    return Refused("RESOURCE_EXHAUSTED", message, (info, delay))


def switched_off(name: str) -> Refused:
    """The answer to a call about ``projects/ID...`` in which the API is off."""
    project = name.removeprefix("projects/").partition("/")[0]
    metadata = services.metadata("monitoring", project)
    info = ErrorInfo(reason=services.REASON, domain="googleapis.com", metadata=metadata)
    return Refused("PERMISSION_DENIED", services.off("monitoring", project), (info,))


INJECTED_RETRY = timedelta(seconds=1)

_INJECTED = {
    "UNAVAILABLE": "The service is currently unavailable.",
    "INTERNAL": "Internal error encountered. Please retry after a few seconds.",
    "DEADLINE_EXCEEDED": "Deadline expired before operation could complete.",
    "PERMISSION_DENIED": "Permission denied (or the resource may not exist).",
    "UNAUTHENTICATED": "Request had invalid authentication credentials.",
}


def injected_text(status: str) -> str:
    """What the service says with a canonical code."""
    return _INJECTED.get(status, status.replace("_", " ").capitalize() + ".")


def injected(status: str) -> Refused:
    """The answer to a call that an injected fault hits, by canonical code name."""
    if status == "RESOURCE_EXHAUSTED":
        return exhausted("Time series requests", INJECTED_RETRY)
    return Refused(status, injected_text(status))
