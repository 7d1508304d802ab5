"""Times as Cloud Monitoring keeps them: nanoseconds since the epoch, and the texts it writes for them."""

from __future__ import annotations

from datetime import UTC, datetime

from exporter.sandbox.monitoring.errors import Proto

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
MICROSECOND_NS = 1_000

_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800
"""Seconds of the calendar's range, which a ``Timestamp`` on the wire need not keep to."""


def to_ns(timestamp: Proto) -> int:
    """Nanoseconds of a ``google.protobuf.Timestamp``."""
    seconds: int = timestamp.seconds
    nanos: int = timestamp.nanos
    return seconds * SECOND_NS + nanos


def set_ns(timestamp: Proto, moment_ns: int) -> None:
    """Set a ``google.protobuf.Timestamp`` to nanoseconds."""
    timestamp.seconds, timestamp.nanos = divmod(moment_ns, SECOND_NS)


def rfc3339(moment_ns: int) -> str:
    """The time in UTC with as many groups of three decimals as it needs, as the API's JSON has it; seconds outside the calendar."""
    seconds, nanos = divmod(moment_ns, SECOND_NS)
    if not _YEAR_1 <= seconds < _YEAR_10000:
        return f"{seconds}s"
    decimals = f".{nanos:09d}"
    while decimals.endswith("000"):
        decimals = decimals[:-3]
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}{decimals if len(decimals) > 1 else ''}Z"


def log_text(moment_ns: int) -> str:
    """The time as the store's own messages have it: to the millisecond."""
    seconds, nanos = divmod(moment_ns, SECOND_NS)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y/%m/%d-%H:%M:%S") + f".{nanos // MILLISECOND_NS:03d}"
