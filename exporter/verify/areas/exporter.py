"""X: whether the exporter's own numbers of the throwaway pipelines are what the run knows of them."""

# ruff: noqa: S608 - the SQL is made of names of the run

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from exporter.verify.areas import exporter_costs, exporter_cycles
from exporter.verify.areas.exporter_numbers import counts, distribution, newest
from exporter.verify.areas.jobs_queries import row, table
from exporter.verify.lab import Lab
from exporter.verify.pipeline import PIPELINES
from exporter.verify.questions import Check, Seen
from exporter.verify.steps import BAD_MESSAGES

_METRICS = "docs/metrics.md"
_PATIENCE = timedelta(minutes=15)

_BROKEN = "deleted"
"""The system whose table is gone: what it lacks, the exporter has to say."""

_CLOCKS_S = 1.0
"""By so much our clock may differ from the services'."""


def _outcome(outcome: str, known: Callable[[Lab], int]) -> Callable[[Lab], Seen | None]:
    """Compare the messages of ``main`` with one outcome with what is known; points may still come."""

    def ask(lab: Lab) -> Seen | None:
        measured, wanted = counts(lab, "messages", "main", outcome=outcome), known(lab)
        if measured < wanted and lab.waited_s(f"messages {outcome}") < _PATIENCE.total_seconds() / 2:
            return None
        return Seen(f"{measured:g}; known are {wanted}", measured == wanted)

    return ask


def _published(lab: Lab) -> int:
    return len(lab.book.get("messages main")) + len(lab.book.get("poison main"))


def _sent(lab: Lab) -> int:
    return len(lab.book.get("messages main"))


def _rows(lab: Lab) -> dict[str, Any]:
    """Rows and messages of ``main``, counted by a query of our own."""
    text = f"SELECT COUNT(*) AS n, COUNT(DISTINCT message_id) AS messages FROM {table(lab, 'main')}"
    return row(lab, text)


def _duplicates(lab: Lab) -> int:
    found = _rows(lab)
    return int(found["n"] - found["messages"])


def _latency(lab: Lab) -> Seen | None:
    """Compare the sum of latencies with one of commit and publish times, and with the times of our own clock around publishing."""
    count, sum_s = distribution(lab, "latency", "main")
    found = _commits(lab)
    if count < found["n"] and lab.waited_s("latencies") < _PATIENCE.total_seconds() / 2:
        return None
    exact_s = found["latency_us"] / 1_000_000
    least_s, most_s = _bracket(lab, found["commit_us"] / 1_000_000, int(found["n"]))
    same = count == found["n"] and abs(sum_s - exact_s) < 0.001 * max(1, count)
    text = (
        f"{count} values, {sum_s:.3f} s in all; commit times say {found['n']} and {exact_s:.3f} s, "
        f"our clock {least_s:.0f} to {most_s:.0f} s"
    )
    return Seen(text, same and least_s <= sum_s <= most_s)


def _commits(lab: Lab) -> dict[str, Any]:
    text = (
        "SELECT COUNT(*) AS n, "
        "SUM(GREATEST(0, UNIX_MICROS(_CHANGE_TIMESTAMP) - UNIX_MICROS(publish_time))) AS latency_us, "
        f"SUM(UNIX_MICROS(_CHANGE_TIMESTAMP)) AS commit_us FROM APPENDS(TABLE {table(lab, 'main')}, NULL, NULL)"
    )
    return row(lab, text)


def _bracket(lab: Lab, commits_s: float, rows: int) -> tuple[float, float]:
    """Between what the sum of latencies of so many rows must lie, by our clock before and after each publish request.

    Rows beyond the messages are duplicates of which nobody knows: they may be of the oldest or of the newest.
    """
    sent = lab.book.get("messages main")
    befores, afters = (
        [datetime.fromisoformat(each[name]).timestamp() for each in sent] for name in ("before", "after")
    )
    beyond, margin_s = max(0, rows - len(sent)), rows * _CLOCKS_S
    least_s = commits_s - sum(afters) - beyond * max(afters) - margin_s
    most_s = commits_s - sum(befores) - beyond * min(befores) + margin_s
    return max(0.0, least_s), most_s


def _states(lab: Lab) -> Seen | None:
    """Compare what the cycle over broken systems wrote with what Pub/Sub said before and after it."""
    noted = lab.book.get(exporter_cycles.BROKEN)
    wrong, seen = [], []
    for pipeline in PIPELINES:
        known = noted["states"][pipeline.name]
        found = newest(lab, "subscription_active", pipeline.name, until=datetime.fromisoformat(noted["at"]))
        if found is None:
            return None
        state, value = found.labels["state"], found.value
        seen.append(f"{pipeline.name} {state}")
        if (state, value) != (known, float(known == "ACTIVE")):
            wrong.append(f"{pipeline.name}: {state} = {value:g}, Pub/Sub says {known}")
    if wrong and lab.waited_s("states written") < _PATIENCE.total_seconds() / 2:
        return None
    return Seen("; ".join(wrong) or ", ".join(seen), not wrong)


def _backlog(lab: Lab) -> Seen | None:
    found = newest(lab, "backlog_messages", "plain")
    if found is None:
        return None
    return Seen(f"{found.value:g} of {BAD_MESSAGES}", found.value == BAD_MESSAGES)


def _balance(lab: Lab) -> Seen | None:
    """Of every message that was published it must be known what became of it, or that it waits."""
    left = {}
    for system in ("main", "plain"):
        waiting = newest(lab, "backlog_messages", system)
        if waiting is None:
            return None
        published = counts(lab, "messages", system, outcome="published")
        ended = sum(counts(lab, "messages", system, outcome=outcome) for outcome in ("delivered", "dead_lettered"))
        left[system] = published - ended - waiting.value
    if any(left.values()) and lab.waited_s("balance") < _PATIENCE.total_seconds() / 2:
        return None
    return Seen(", ".join(f"{system} {count:g}" for system, count in left.items()), not any(left.values()))


def _watermarks(lab: Lab) -> Seen | None:
    """Read the watermarks of ``main`` back; they must lie behind the last message, and not in the future."""
    until = lab.done_at("poisoned")
    reached = {}
    for family in ("landing", "delivery"):
        found = newest(lab, "exporter/watermark", "main", family=family)
        if found is None:
            return None
        reached[family] = datetime.fromtimestamp(found.value, UTC)
    text = ", ".join(f"{family} {(end - until).total_seconds() / 60:.0f} min after" for family, end in reached.items())
    return Seen(f"{text} the last message", all(until <= end <= lab.now() for end in reached.values()))


def _refusals(lab: Lab) -> Seen:
    cycles = lab.book.get(exporter_cycles.CYCLES)
    refused = sorted({each for cycle in cycles for each in cycle["rejected"]})
    written = sum(cycle["written"] for cycle in cycles)
    text = f"{written} points written in {len(cycles)} cycles, refused: {', '.join(refused) or 'none'}"
    return Seen(text, written > 0 and not refused)


def _failures(lab: Lab) -> Seen:
    """Only the system whose table is gone may fail, and it must."""
    cycles = lab.book.get(exporter_cycles.CYCLES)
    failures = sorted({tuple(map(str, each)) for cycle in cycles for each in cycle["failures"]})
    systems = {system for system, _, _ in failures}
    return Seen(", ".join(" ".join(each) for each in failures) or "none", systems == {_BROKEN})


STEPS = exporter_cycles.STEPS

CHECKS = (
    Check(
        "X01",
        "How many messages were published, by the exporter's count?",
        "all, those that the table refused as well",
        f"{_METRICS}, messages",
        _outcome("published", _published),
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X02",
        "How many were delivered?",
        "all that the table takes, each once",
        f"{_METRICS}, messages",
        _outcome("delivered", _sent),
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X03",
        "How many rows were duplicates?",
        "rows beyond the messages, by a query of our own",
        f"{_METRICS}, messages",
        _outcome("duplicate", _duplicates),
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X04",
        "How many messages were dead-lettered?",
        f"{BAD_MESSAGES}: those that the table refused",
        f"{_METRICS}, messages",
        _outcome("dead_lettered", lambda _: BAD_MESSAGES),
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X05",
        "Is the latency right?",
        "as commit and publish times say, and as our own clock allows",
        f"{_METRICS}, latency",
        _latency,
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X06",
        "Which states of subscriptions does it write?",
        "those that Pub/Sub says: 1 while active, else 0",
        f"{_METRICS}, subscription_active",
        _states,
        ("measured broken",),
        _PATIENCE,
    ),
    Check(
        "X07",
        "How large is the backlog of messages that a table refuses, without dead letters?",
        f"{BAD_MESSAGES}",
        f"{_METRICS}, backlog_messages",
        _backlog,
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X08",
        "Up to where are windows stored?",
        "beyond the last message, and not beyond the present",
        f"{_METRICS}, exporter/watermark",
        _watermarks,
        ("measured",),
        _PATIENCE,
    ),
    Check(
        "X09",
        "Are all points taken that the exporter writes?",
        "yes, none is refused",
        f"{_METRICS}, exporter/points",
        _refusals,
        ("measured",),
    ),
    Check(
        "X10",
        "Which failures does the exporter report?",
        f"those of the system {_BROKEN}, whose table is gone, and no others",
        f"{_METRICS}, exporter/failures",
        _failures,
        ("measured broken", "measured"),
    ),
    Check(
        "X11",
        "How many messages are left when those that were delivered, dead-lettered or wait are taken from the published ones?",
        "none",
        f"{_METRICS}, unaccounted_messages",
        _balance,
        ("measured",),
        _PATIENCE,
    ),
    *exporter_costs.CHECKS,
)
