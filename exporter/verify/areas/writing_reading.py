"""How soon a written point can be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from exporter.verify.areas import writing_series as own
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen, Verdict

_READING = "https://docs.cloud.google.com/monitoring/api/v3/latency-n-retention#latency"

_LATEST_S = 60.0
_LOOKS, _LOOK_EVERY_S = 15, 1.0


def _delay(lab: Lab) -> Seen | None:
    """Look for a point at short intervals at first, and whenever it is asked again later.

    Points of a new metric may take longer to be read: the point that is judged is written when an earlier one was read.
    """
    if not _is_known(lab):
        return None

    def write_one() -> dict[str, Any]:
        job, end = own.fresh(lab, "read"), own.second(lab.now())
        own.put(lab, [own.gauge(lab, job, end)])
        return {"job": job, "end": end.isoformat(), "written_at": lab.now().isoformat()}

    first = lab.book.get("point to read") is None
    written = lab.once("point to read", write_one)
    for look in range(_LOOKS if first else 1):
        if look:
            lab.clock.wait(_LOOK_EVERY_S)
        end = datetime.fromisoformat(written["end"])
        found = own.read(lab, own.GAUGE, written["job"], end - timedelta(minutes=1), end)
        if found:
            late_s = (lab.now() - datetime.fromisoformat(written["written_at"])).total_seconds()
            delay_s = 0.0 if first and not look else round(late_s, 1)
            text = "at once" if delay_s == 0 else f"{delay_s:g} s after it was written, at most"
            return Seen(text, delay_s <= _LATEST_S, {"read_delay_s": delay_s})
    return None


def _is_known(lab: Lab) -> bool:
    """Whether a first point of the metric has been read."""

    def write_first() -> dict[str, str]:
        job, end = own.fresh(lab, "read-first"), own.second(lab.now())
        own.put(lab, [own.gauge(lab, job, end)])
        return {"job": job, "end": end.isoformat()}

    if lab.book.get("first point read", False):
        return True
    first = lab.once("first point to read", write_first)
    end = datetime.fromisoformat(first["end"])
    found = bool(own.read(lab, own.GAUGE, first["job"], end - timedelta(minutes=1), end))
    if found:
        lab.book.note("first point read", True)
    return found


CHECKS = (
    Check(
        "C21",
        "How soon can a written point be read?",
        f"within {_LATEST_S:g} s: the exporter reads its watermarks back",
        f"{_READING}; [?] nobody could confirm it",
        _delay,
        ("described",),
        timedelta(minutes=20),
        Verdict.DIFFERS,
    ),
)
