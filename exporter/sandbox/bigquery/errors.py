"""BigQuery's errors: HTTP status, reason and message, in the shapes that the real API uses.

Reasons and statuses: https://cloud.google.com/bigquery/docs/error-messages.
"""

from __future__ import annotations

from typing import Any

from exporter.model import TableRef
from exporter.sandbox import services

Json = dict[str, Any]

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""Canonical code names by HTTP status, for the statistics of calls."""


class ApiError(Exception):
    """An answer of the API that is not a success; ``where`` is what ``location`` names in the error."""

    def __init__(self, http: int, reason: str, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.http = http
        self.reason = reason
        self.message = message
        self.where = where

    def proto(self) -> Json:
        """The ErrorProto that a job's status carries."""
        error: Json = {"reason": self.reason, "message": self.message}
        if self.where is not None:
            error["location"] = self.where
        return error

    def body(self) -> Json:
        """The JSON body of the HTTP answer."""
        detail: Json = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.where is not None:
            detail |= {"location": self.where, "locationType": "parameter" if self.where == "q" else "other"}
        status = STATUS_NAMES.get(self.http, "UNKNOWN")
        if self.reason == "accessNotConfigured":
            detail["domain"] = "usageLimits"
        return {"error": {"code": self.http, "message": self.message, "errors": [detail], "status": status}}


def invalid_query(message: str) -> ApiError:
    """A statement that cannot be analysed or executed; the message carries ``at [line:column]`` where that is known."""
    return ApiError(400, "invalidQuery", message, "query")


def invalid(message: str, where: str | None = None) -> ApiError:
    """A request that is malformed."""
    return ApiError(400, "invalid", message, where)


def dataset_not_found(project: str, dataset: str, location: str | None = None) -> ApiError:
    """A dataset that does not exist, or not in the location where the query runs."""
    place = f" was not found in location {location}" if location else ""
    return ApiError(404, "notFound", f"Not found: Dataset {project}:{dataset}{place}")


def table_not_found(ref: TableRef, location: str | None = None) -> ApiError:
    """A table that does not exist."""
    place = f" was not found in location {location}" if location else ""
    return ApiError(404, "notFound", f"Not found: Table {ref.project}:{ref.dataset}.{ref.table}{place}")


def job_not_found(project: str, location: str | None, job_id: str) -> ApiError:
    """A job that does not exist, or not in the location that was asked."""
    name = f"{project}:{location}.{job_id}" if location else f"{project}:{job_id}"
    return ApiError(404, "notFound", f"Not found: Job {name}")


def already_exists(kind: str, name: str) -> ApiError:
    """A resource or job whose name is taken."""
    return ApiError(409, "duplicate", f"Already Exists: {kind} {name}")


def table_denied(name: str, *, verb: str = "query") -> ApiError:
    """A table or view that the caller may not read, or that does not exist: the real API does not tell which."""
    return ApiError(
        403,
        "accessDenied",
        f"Access Denied: Table {name}: User does not have permission to {verb} table {name}, "
        "or perhaps it does not exist.",
    )


def permission_denied(kind: str, name: str, permission: str) -> ApiError:
    """A call that needs a permission which the caller lacks."""
    return ApiError(
        403,
        "accessDenied",
        f"Access Denied: {kind} {name}: Permission {permission} denied on {kind.lower()} {name} (or it may not exist).",
    )


def switched_off(project: str) -> ApiError:
    """The answer to a call in a project that has not turned the API on."""
    return ApiError(403, "accessNotConfigured", services.off("bigquery", project))


RATE_LIMIT = (
    "Exceeded rate limits: too many api requests per user per method for this user_method. "
    "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
)

QUOTA = (
    "Quota exceeded: Your project exceeded quota for free query bytes scanned. "
    "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
)

_INJECTED = {
    "UNAVAILABLE": (503, "backendError", "Visibility check was unavailable. Please retry the request"),
    "INTERNAL": (500, "internalError", "An internal error occurred and the request could not be completed."),
    "DEADLINE_EXCEEDED": (504, "backendError", "The request timed out."),
    "RESOURCE_EXHAUSTED": (429, "rateLimitExceeded", RATE_LIMIT),
    "RATE_LIMIT_EXCEEDED": (403, "rateLimitExceeded", RATE_LIMIT),
    "QUOTA_EXCEEDED": (403, "quotaExceeded", QUOTA),
    "PERMISSION_DENIED": (403, "accessDenied", "Access Denied: BigQuery BigQuery: Permission denied."),
    "UNAUTHENTICATED": (401, "authError", "Request had invalid authentication credentials."),
    "NOT_FOUND": (404, "notFound", "Not found."),
    "INVALID_ARGUMENT": (400, "invalid", "Request contains an invalid argument."),
    "ALREADY_EXISTS": (409, "duplicate", "Already Exists."),
    "UNIMPLEMENTED": (501, "notImplemented", "Not implemented."),
}


def injected(status: str) -> ApiError:
    """The answer to a call that an injected fault hits, by canonical code name.

    ``RATE_LIMIT_EXCEEDED`` and ``QUOTA_EXCEEDED`` are the 403 answers that BigQuery documents beside the plain 429.
    """
    http, reason, message = _INJECTED.get(status, (500, "internalError", f"Injected fault {status}."))
    return ApiError(http, reason, message)
