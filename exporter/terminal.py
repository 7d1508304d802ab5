"""What the commands print for people: tables that read well at 80 columns and use more where there is more."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from exporter import document
from exporter.checking import Assessment, Level
from exporter.document import calls_by_api, report_rows, rfc3339
from exporter.model import CycleReport, SystemSummary
from exporter.reporting import Report

NO_VALUE = "-"
WIDE = 116
"""Columns from which on the table shows all there is."""

_ORDER = {"failing": 0, "degraded": 1, "unknown": 2, "healthy": 3}
_STYLE = {"failing": "bold red", "degraded": "yellow", "unknown": "magenta", "healthy": "green"}


class Screen:
    """Shows cycles: as JSON lines, or as a table, on a terminal on a fresh screen each time."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        self._note = ""

    def __call__(self, report: CycleReport) -> None:
        """Show a cycle."""
        if self._as_json:
            sys.stdout.write(json.dumps(document.cycle(report), ensure_ascii=False, allow_nan=False) + "\n")
            sys.stdout.flush()
            return
        # A fleet is taller than most terminals, where redrawing in place would smear: a fresh screen instead.
        self._console.clear()
        self._console.print(fleet(report, self._console.width))
        self._tell(sys.stdout)

    def announce(self, address: str) -> None:
        """Say where the console is, below every table from now on; beside JSON on standard error."""
        self._note = f"Console: {address}  (Ctrl-C ends)"
        self._tell(sys.stderr if self._as_json else sys.stdout)

    def _tell(self, stream: TextIO) -> None:
        if self._note:
            print(self._note, file=stream, flush=True)


@contextmanager
def lines(*, as_json: bool) -> Iterator[Callable[[CycleReport], None]]:
    """Show cycles as one line each: as JSON, or in words on a terminal; a log file has the exporter's log instead."""

    def show(report: CycleReport) -> None:
        if as_json:
            sys.stdout.write(json.dumps(document.cycle(report), ensure_ascii=False, allow_nan=False) + "\n")
        elif sys.stdout.isatty():
            sys.stdout.write(cycle_line(report) + "\n")
        sys.stdout.flush()

    yield show


def cycle_line(report: CycleReport) -> str:
    """One cycle in one line: when, how the systems are, what was done, what failed."""
    counts = {name: sum(1 for s in report.systems if s.health == name) for name in reversed(_ORDER)}
    health = " ".join(f"{count} {name}" for name, count in counts.items() if count)
    line = f"{report.at:%H:%M:%S}  {health}  {counted(report)} in {report.duration_s:.1f} s"
    refused = len(report.rejected) + len(report.retryable)
    failed = [f"{report.windows_expired} windows too old to be written"] if report.windows_expired else []
    failed += [f"{refused} points refused"] if refused else []
    failed += [f"{source}: {number} failed" for source, number in Counter(f.source for f in report.failures).items()]
    return "  ".join([line, *failed])


def counted(report: CycleReport) -> str:
    """How many windows and points a cycle wrote, in words."""
    windows, points = (
        f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((report.windows, "window"), (report.written, "point"))
    )
    return f"{windows}, {points}"


def duration(seconds: float | None) -> str:
    """Write a duration with two or three significant digits (``0.8s``, ``12s``, ``3.5min``, ``2.1h``, ``1.4d``)."""
    if seconds is None:
        return NO_VALUE
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            value = seconds / size
            return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    return f"{seconds / 86_400:.1f}d"


def share(ratio: float | None) -> str:
    """Write a ratio in percent; one that is positive never looks like zero."""
    if ratio is None:
        return NO_VALUE
    percent = ratio * 100
    if percent == 0:
        return "0%"
    return f"{percent:.3g}%" if percent >= 0.01 else "<0.01%"


def dollars_per_million(usd: float | None) -> str:
    """Write a price per message as dollars per million messages."""
    if usd is None:
        return NO_VALUE
    value = usd * 1_000_000
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def number(value: float | None) -> str:
    """Write a count, or that there is none."""
    return NO_VALUE if value is None else f"{value:,.0f}"


def per_minute(summary: SystemSummary) -> str:
    """Write how many messages a minute are delivered."""
    if summary.delivered is None or summary.landing is None:
        return NO_VALUE
    return number(summary.delivered / summary.landing.length.total_seconds() * 60)


def fleet(report: CycleReport, width: int) -> RenderableType:
    """All systems of a cycle, the worst first, with what is wrong below."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2 if wide else 1), collapse_padding=True, header_style="bold")
    table.add_column("system", no_wrap=True, overflow="ellipsis", max_width=24 if wide else 16)
    table.add_column("health", no_wrap=True)
    for name in ("p50", "p95", *(("p99",) if wide else ()), "errors"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        for name in ("lost", "dupl."):
            table.add_column(name, justify="right", no_wrap=True)
    for name in ("msg/min", "$/M msg", "backlog", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    ordered = sorted(report.systems, key=lambda summary: (_ORDER[summary.health], summary.id))
    for summary in ordered:
        table.add_row(*_row(_current(summary), wide=wide))
    return Group(table, *_problems(ordered, width), Text(), *_closing(report))


def _current(summary: SystemSummary) -> SystemSummary:
    """A system without what landing said last, where landing has fallen behind delivery: old values would look like new ones."""
    landing, delivery = summary.landing, summary.delivery
    if landing is None or delivery is None or landing.end >= delivery.end:
        return summary
    return replace(
        summary,
        landing=None,
        delivered=None,
        duplicate=None,
        latency_p50_s=None,
        latency_p95_s=None,
        latency_p99_s=None,
        error_ratio=None,
        loss_ratio=None,
        data_age_s=None,
    )


def _row(summary: SystemSummary, *, wide: bool) -> list[RenderableType]:
    row: list[RenderableType] = [
        summary.id,
        Text(summary.health, style=_STYLE[summary.health]),
        duration(summary.latency_p50_s),
        duration(summary.latency_p95_s),
    ]
    if wide:
        row.append(duration(summary.latency_p99_s))
    row.append(share(summary.error_ratio))
    if wide:
        row += [share(summary.loss_ratio), number(summary.duplicate)]
    return [
        *row,
        per_minute(summary),
        dollars_per_million(summary.cost_per_message_usd),
        number(summary.backlog_messages),
        duration(summary.data_age_s),
    ]


def _problems(summaries: Sequence[SystemSummary], width: int) -> list[RenderableType]:
    found = [summary for summary in summaries if summary.problem]
    if not found:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False, width=width)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column(overflow="fold")
    for summary in found:
        table.add_row(Text(summary.id, style=_STYLE[summary.health]), summary.problem)
    return [Text(), table]


def _closing(report: CycleReport) -> list[RenderableType]:
    calls = calls_by_api(report.calls)
    counts = {name: sum(1 for s in report.systems if s.health == name) for name in _ORDER}
    line = Text(f"{rfc3339(report.at.replace(microsecond=0))}  {len(report.systems)} systems: ")
    for name in reversed(_ORDER):
        if counts[name]:
            line.append(f"{counts[name]} {name}  ", style=_STYLE[name])
    work = Text(
        f"{counted(report)} in {report.duration_s:.1f} s; calls: "
        f"{calls['bigquery']} BigQuery, {calls['monitoring_read']} + {calls['monitoring_write']} Monitoring, "
        f"{calls['pubsub']} Pub/Sub",
        style="dim",
    )
    lines: list[RenderableType] = [line, work]
    lines += [
        Text(f"{failure.source}: {failure.message} {failure.remedy}".strip(), style="red")
        for failure in report.failures
        if failure.system is None
    ]
    refused = len(report.rejected) + len(report.retryable)
    if refused:
        first = (*report.rejected, *report.retryable)[0]
        lines.append(
            Text(
                f"{refused} points not stored, the first: {first.point.metric} of {first.point.job}: {first.code}",
                style="red",
            )
        )
    return lines


_LEVEL_STYLE = {Level.PARTLY: "yellow", Level.NOT: "bold red"}


def assessments(found: Sequence[Assessment], width: int) -> RenderableType:
    """What cannot be measured and the fix, system by system; the others are only named."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", width=min(width, 140))
    table.add_column("system", overflow="fold", max_width=24)
    table.add_column("measurable", no_wrap=True)
    table.add_column("what, and how to fix it", overflow="fold", ratio=1)
    for each in found:
        words = [
            f"{finding.what} -> {finding.remedy}" if finding.remedy else finding.what
            for finding in each.findings
            if finding.level is not Level.OK
        ]
        if words:
            style = _LEVEL_STYLE.get(each.level, "green")
            table.add_row(each.system.id, Text(each.level.value, style=style), "\n".join(words))
    whole = [each.system.id for each in found if each.level is Level.OK]
    blocks: list[RenderableType] = [table, Text()] if table.row_count else []
    if whole:
        line = f"{len(whole)} of {len(found)} systems can be measured wholly: {', '.join(whole)}"
        blocks.append(Text(line, style="green"))
    return Group(*blocks)


def report(measured: Report, width: int) -> RenderableType:
    """A past range, window by window."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("system", no_wrap=True, overflow="ellipsis", max_width=24 if wide else 14)
    table.add_column("window ends", no_wrap=True)
    names = [
        "publ.",
        "deliv.",
        "p50",
        "p99",
        "errors",
        *(("dupl.", "dead", "p95", "backlog", "$ hour") if wide else ()),
    ]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in report_rows(measured):
        cells = [number(row["published"]), number(row["delivered"])]
        cells += [duration(row["latency_p50_s"]), duration(row["latency_p99_s"]), share(row["error_ratio"])]
        if wide:
            usd = row["hour_cost_usd"]
            cells += [number(row["duplicate"]), number(row["dead_lettered"]), duration(row["latency_p95_s"])]
            cells += [number(row["backlog_messages"]), "" if usd is None else f"{usd:.6f}"]
        table.add_row(row["system"], row["end"].removesuffix("Z").replace("T", " "), *cells)
    return table
