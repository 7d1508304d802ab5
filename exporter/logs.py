"""Logs: one JSON object a line with Cloud Logging's fields, or short lines on a terminal; no secrets, and no floods.

Fields: https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from exporter.model import CycleReport, Refusal
from exporter.redaction import redacted
from exporter.windows import EPOCH

EVERY_S = 3600.0
"""A warning that repeats is logged once in so long."""

_REMEMBERED = 1000


def configure(
    stream: TextIO, *, as_json: bool, level: int = logging.INFO, steady: Callable[[], float] = time.monotonic
) -> None:
    """Send all logs of this process to a stream, Python's warnings and those of libraries included; the last call holds.

    ``level`` is for our own logs, libraries are heard from ``WARNING`` on; ``steady`` is a clock in seconds that is never set.
    """
    handler = _Handler(stream)
    handler.setFormatter(_Json() if as_json else _Line())
    handler.addFilter(_Repeats(steady))
    root = logging.getLogger()
    for other in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("exporter").setLevel(level)
    # It shows the stack of every answer that it cannot read, which the exporter names as a failure.
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)


class _Handler(logging.StreamHandler[TextIO]):
    """Our own handler, so that it can be told from others."""


class _Json(logging.Formatter):
    """One JSON object a line; ``labels`` and ``fields`` may be given with a record as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as Cloud Logging takes it."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "message": _message(record),
            "time": moment.replace("+00:00", "Z"),
            "logger": record.name,
            **getattr(record, "fields", {}),
        }
        labels = getattr(record, "labels", {})
        if labels:
            entry["logging.googleapis.com/labels"] = {name: redacted(str(value)) for name, value in labels.items()}
        if record.exc_info:
            entry["stack_trace"] = redacted(self.formatException(record.exc_info))
        return json.dumps(entry, default=str)


class _Line(logging.Formatter):
    """One short line for people, and the stack of a failure below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The time, how bad it is, and what happened."""
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        words = " ".join(_message(record).split())
        # What an API answers must not move the cursor.
        plain = "".join(letter if letter.isprintable() else "?" for letter in words)
        text = f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%SZ} {level}{plain}"
        return f"{text}\n{redacted(self.formatException(record.exc_info))}" if record.exc_info else text


def _message(record: logging.LogRecord) -> str:
    held = getattr(record, "held", 0)
    return redacted(record.getMessage()) + (f" (and {held} times more before)" if held else "")


class _Repeats(logging.Filter):
    """Lets a warning that repeats through once an hour, with how often it was held back.

    Records with ``labels`` are the failure log's, which counts by itself.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        super().__init__()
        self._steady = steady
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[object, ...], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if record.levelno < logging.WARNING or hasattr(record, "labels"):
            return True
        # Texts of one kind differ in their arguments; a warning of Python's is an argument as a whole.
        text = record.getMessage() if record.name == "py.warnings" else str(record.msg)
        kind = record.exc_info[0] if record.exc_info else None
        with self._lock:
            return self._pass(record, (record.name, record.levelno, text, kind), self._steady())

    def _pass(self, record: logging.LogRecord, key: tuple[object, ...], now_s: float) -> bool:
        since_s, held = self._seen.get(key, (None, 0))
        if since_s is not None and now_s - since_s < EVERY_S:
            self._seen[key] = since_s, held + 1
            return False
        self._seen[key] = now_s, 0
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        record.held = held
        return True


_HOUR = timedelta(hours=1)
_SILENCE = timedelta(hours=2)
"""What was not heard of for so long is over, where nothing else tells: the longest interval is an hour."""

_MANY = 20
"""More lines than this at a time are one line instead."""

_KINDS_NAMED = 10

_FED = {"landing": "landing", "monitoring": "delivery", "jobs": "spend", "storage": "spend", "writes": "spend"}
"""Which window of a summary moves on when a source answers again."""

_Key = tuple[str, str, str]
"""What failed, the system that it is about (empty: all of them), and why."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A failure, or the points refused for one reason, in one report; ``times`` counts failures or points."""

    text: str
    level: int
    times: int = 1


@dataclass(slots=True)
class _Trouble:
    """Something that fails: since when and how often, when that was logged last, and how far its systems had come.

    ``told`` says whether it was logged since it began. What is over is kept for a while, for it may come again.
    """

    began: datetime
    seen: datetime
    sighting: _Sighting
    logged: datetime | None = None
    times: int = 0
    open: bool = False
    told: bool = False
    reached: Mapping[str, datetime] = field(default_factory=dict)


class FailureLog:
    """Logs what fails when it begins, once an hour while it lasts, and when it is over; and one line for each cycle.

    Whatever happens, a failure takes two lines an hour at most.
    """

    def __init__(self, log: logging.Logger = logging.getLogger("exporter.cycle")) -> None:  # noqa: B008 - loggers are shared
        self._log = log
        self._troubles: dict[_Key, _Trouble] = {}

    def report(self, report: CycleReport) -> None:
        """Log a cycle, and what has changed since the one before."""
        self._cycle(report)
        found = _sightings(report)
        begun: list[tuple[_Key, _Trouble]] = []
        lasting: list[tuple[_Key, _Trouble]] = []
        for key, sighting in found.items():
            trouble = self._troubles.setdefault(key, _Trouble(report.at, report.at, sighting))
            if not trouble.open:
                trouble.began, trouble.times, trouble.open, trouble.told = report.at, 0, True, False
            trouble.times += sighting.times
            trouble.seen, trouble.sighting, trouble.reached = report.at, sighting, _reached(report, key)
            if trouble.logged is None or report.at - trouble.logged >= _HOUR:
                (lasting if trouble.told else begun).append((key, trouble))
                trouble.logged, trouble.told = report.at, True
        self._lines("began", begun)
        self._lines("lasts", lasting)
        self._lines("is over", self._ended(report, found))

    def _ended(self, report: CycleReport, found: Mapping[_Key, _Sighting]) -> list[tuple[_Key, _Trouble]]:
        """What is over, of which it was said that it began."""
        ended = []
        for key, trouble in list(self._troubles.items()):
            silent = report.at - trouble.seen >= _SILENCE
            if key not in found and trouble.open and (silent or _answered(report, key, trouble)):
                trouble.open = False
                if trouble.told:
                    ended.append((key, trouble))
            if silent:
                del self._troubles[key]
        return ended

    def _lines(self, what: str, troubles: Sequence[tuple[_Key, _Trouble]]) -> None:
        over = what == "is over"
        if len(troubles) > _MANY:
            kinds = Counter(f"{source} {reason}" for (source, _, reason), _ in troubles).most_common()
            named = ", ".join(f"{kind} {number}" for kind, number in kinds[:_KINDS_NAMED])
            more = f" and {len(kinds) - _KINDS_NAMED} kinds more" if len(kinds) > _KINDS_NAMED else ""
            level = logging.INFO if over else max(trouble.sighting.level for _, trouble in troubles)
            text = f"{len(troubles)} failures: {what}: {named}{more}"
            self._log.log(level, "%s", text, extra={"labels": {"state": what}, "fields": {"failures": len(troubles)}})
            return
        for (source, about, reason), trouble in troubles:
            times = {"since": _utc(trouble.began), "times": trouble.times}
            new = trouble.began == trouble.seen and not over
            since = "" if new else f" (since {trouble.began:%Y-%m-%d %H:%MZ}, {trouble.times} times)"
            labels = {"state": what, "source": source, "reason": reason}
            if about:
                labels["system"] = about
            name = " ".join(filter(None, (source, about, reason)))
            text = f"{name} {what}{since}" if over else f"{name} {what}{since}: {trouble.sighting.text}"
            level = logging.INFO if over else trouble.sighting.level
            self._log.log(level, "%s", text, extra={"labels": labels, "fields": times})

    def _cycle(self, report: CycleReport) -> None:
        cycle = {
            "at": _utc(report.at),
            "duration_s": round(report.duration_s, 3),
            "windows": report.windows,
            "windows_expired": report.windows_expired,
            "points": report.written,
            "points_not_written": len(report.rejected) + len(report.retryable),
            "failures": len(report.failures),
            "calls": sum(report.calls.values()),
            "bytes_billed": report.bytes_billed,
        }
        numbers = ((report.windows, "window"), (report.written, "point"), (len(report.failures), "failure"))
        counted = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in numbers)
        text = f"cycle {_utc(report.at)}: {report.duration_s:.1f} s, {counted}"
        self._log.info("%s", text, extra={"fields": {"cycle": cycle}})
        if report.windows_expired:
            lost = report.windows_expired
            self._log.warning("%s windows are lost: they ended over a day ago, and can be written no more", lost)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _sightings(report: CycleReport) -> dict[_Key, _Sighting]:
    found: dict[_Key, _Sighting] = {}
    for failure in report.failures:
        level = logging.WARNING if failure.transient else logging.ERROR
        text = f"{failure.message}; {failure.remedy}" if failure.remedy else failure.message
        found[failure.source, failure.system or "", failure.reason] = _Sighting(text, level)
    for source, refusals in (("rejected points", report.rejected), ("held points", report.retryable)):
        by_code: dict[str, list[Refusal]] = {}
        for refusal in refusals:
            by_code.setdefault(refusal.code, []).append(refusal)
        for code, some in by_code.items():
            metrics = len({refusal.point.metric for refusal in some})
            example = f"{some[-1].point.metric} of {some[-1].point.job}"
            what = "sent again" if source == "held points" else "not stored"
            text = f"{len(some)} points of {metrics} metrics are {what}, such as {example}: {some[-1].message}"
            found[source, "", code] = _Sighting(text, logging.WARNING, len(some))
    return found


def _reached(report: CycleReport, key: _Key) -> dict[str, datetime]:
    """Ends of the newest windows, by system, that the failing source had a part in."""
    source, system, _ = key
    fed = _FED.get(source)
    if fed is None:
        return {}
    windows = {each.id: getattr(each, fed) for each in report.systems if system in ("", each.id)}
    return {name: window.end for name, window in windows.items() if window is not None}


def _answered(report: CycleReport, key: _Key, trouble: _Trouble) -> bool:
    """Whether a report without the failure proves that it is over, and not only that nothing was asked."""
    source = key[0]
    if source == "pubsub":
        return any(api == "pubsub" and code == "OK" for api, _, code in report.calls)
    if source == "held points":
        return report.written > 0 and not report.retryable
    before = trouble.reached
    return any(end > before.get(name, EPOCH) for name, end in _reached(report, key).items())
