"""Why messages or dead letters cannot be shown, in kinds that whoever answers can tell apart."""

from __future__ import annotations

from enum import StrEnum

from exporter.errors import ExporterError, SourceError, Transient

RETRY_S = 10


class Kind(StrEnum):
    """What sort of trouble it is."""

    MISSING = "missing"
    UNFIT = "unfit"
    BAD_CURSOR = "bad cursor"
    DENIED = "denied"
    TOO_MANY_BYTES = "too many bytes"
    TOO_SLOW = "too slow"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


class Trouble(ExporterError):
    """Messages that cannot be shown; its text is one sentence with what to do, and holds no query."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


_TOO_SLOW = frozenset({"timeout", "DEADLINE_EXCEEDED"})
_MISSING = frozenset({"notFound", "NOT_FOUND"})
_DENIED = frozenset({"accessDenied", "PERMISSION_DENIED", "Forbidden"})


def kind_of(error: SourceError) -> Kind:
    """What sort of trouble the failure of a call is, by the reason that the service gave."""
    if error.reason in _TOO_SLOW:
        return Kind.TOO_SLOW
    if error.reason in _MISSING:
        return Kind.MISSING
    if error.reason in _DENIED:
        return Kind.DENIED
    if error.reason == "FAILED_PRECONDITION":
        return Kind.UNFIT
    if error.reason == "bytesBilledLimitExceeded":
        return Kind.TOO_MANY_BYTES
    return Kind.UNAVAILABLE if isinstance(error, Transient) else Kind.REFUSED
