"""What Pub/Sub refuses, in the service's own codes and words."""

from __future__ import annotations

from typing import Any

from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.error_details_pb2 import ErrorInfo

from exporter.sandbox import services


class Refused(Exception):
    """A call that is refused; ``code`` is the name of the canonical code, the text is what the service says.

    ``details`` are messages of the status.
    """

    def __init__(self, code: str, message: str, details: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    def packed(self) -> list[AnyProto]:
        """The details as ``google.protobuf.Any``."""
        packed = []
        for detail in self.details:
            wrapper = AnyProto()
            wrapper.Pack(detail)
            packed.append(wrapper)
        return packed


def switched_off(project: str) -> Refused:
    """The answer to a call in a project that has not turned the API on."""
    info = ErrorInfo(reason=services.REASON, domain="googleapis.com", metadata=services.metadata("pubsub", project))
    return Refused("PERMISSION_DENIED", services.off("pubsub", project), (info,))


def not_found(name: str) -> Refused:
    """A resource, by its full name, that does not exist."""
    return Refused("NOT_FOUND", f"Resource not found (resource={name.rpartition('/')[2]}).")


def already_exists(name: str) -> Refused:
    """A resource, by its full name, that exists already."""
    return Refused("ALREADY_EXISTS", f"Resource already exists in the project (resource={name.rpartition('/')[2]}).")


def invalid(message: str) -> Refused:
    """A request that could never be carried out."""
    return Refused("INVALID_ARGUMENT", message)


def invalid_argument(argument: str) -> Refused:
    """One argument, named as the service names it, that could never be right."""
    return invalid(f"You have passed an invalid argument to the service (argument={argument}).")


def unimplemented(what: str) -> Refused:
    """Something that the real service has and the sandbox does not."""
    return Refused("UNIMPLEMENTED", f"The sandbox's Pub/Sub does not have {what}.")
