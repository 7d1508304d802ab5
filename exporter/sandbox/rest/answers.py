"""Answers of Google's REST APIs, and the errors that they answer with (https://google.aip.dev/193)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HTTP: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""HTTP statuses by canonical code."""


class Refused(Exception):
    """A call that is refused; ``code`` is the name of the canonical code."""

    def __init__(self, code: str, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def http(self) -> int:
        """The HTTP status."""
        return HTTP[self.code]

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        error: dict[str, Any] = {"code": self.http, "message": self.message, "status": self.code}
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def invalid(message: str, field: str | None = None) -> Refused:
    """A request that could never be carried out; ``field`` is the path of what is wrong in it."""
    if field is None:
        return Refused("INVALID_ARGUMENT", message)
    violation = {"field": field, "description": message}
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return Refused("INVALID_ARGUMENT", message, (detail,))
