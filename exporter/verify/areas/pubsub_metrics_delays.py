"""How late a metric's points can be read, watched from one look to the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from exporter.verify.areas.pubsub_metrics_series import PREFIX, points
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen

_SOURCE = "https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub"
_PATIENCE = timedelta(minutes=30)

_WATCHED = (
    ("topic/message_sizes", 240, "main", "published"),
    ("topic/send_request_count", 120, "main", "published"),
    ("topic/send_message_operation_count", 240, "main", "published"),
    ("subscription/push_request_count", 120, "main", "published"),
    ("subscription/dead_letter_message_count", 240, "main", "poisoned"),
    ("subscription/num_undelivered_messages", 120, "main", "created"),
    ("subscription/backlog_bytes", 120, "main", "created"),
    ("subscription/oldest_unacked_message_age", 120, "main", "created"),
)
"""Metrics that the exporter reads, how late they may be in seconds, of which pipeline, and the step after which points will still come.

The minute in which a step ends is over later, and its point is there later still.
"""


def _delay(metric: str, at_most_s: int, pipeline: str) -> Callable[[Lab], Seen | None]:
    """Look until a new point is there that was not at the last look: it became readable between the two."""

    def ask(lab: Lab) -> Seen | None:
        now = lab.now()
        found = points(lab, metric, pipeline)
        newest = found[-1].end if found else None
        before = lab.book.get(f"{metric} looked at")
        lab.book.note(
            f"{metric} looked at", {"at": now.isoformat(), "newest": None if newest is None else newest.isoformat()}
        )
        if before is None or newest is None or newest.isoformat() == before["newest"]:
            return None
        latest_s = (now - newest).total_seconds()
        least_s = max(0.0, (datetime.fromisoformat(before["at"]) - newest).total_seconds())
        text = f"readable {least_s:.0f} to {latest_s:.0f} s after the end of its sample period"
        return Seen(text, least_s <= at_most_s, {"metric_delay_s": {f"{PREFIX}{metric}": round(latest_s)}})

    return ask


CHECKS = tuple(
    Check(
        f"P{number}",
        f"How late can points of {metric} be read?",
        f"at most {at_most_s} s after the end of their sample period",
        _SOURCE,
        _delay(metric, at_most_s, pipeline),
        (step,),
        _PATIENCE,
    )
    for number, (metric, at_most_s, pipeline, step) in enumerate(_WATCHED, 23)
)
