"""``exporter verify`` for people: what it is about to do, how far it is, and what came of it; readable on 80 columns."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from exporter.verify.questions import Check, Result, Verdict
from exporter.verify.runner import Progress

_STYLE = {Verdict.OK: "green", Verdict.DIFFERS: "bold red", Verdict.COULD_NOT_ASK: "yellow"}

_NAMED = 3
"""So many questions are named that have no answer yet; the others are counted."""


class Screen:
    """Tells what happens on standard error, as it happens; the result goes to standard output."""

    def __init__(self) -> None:
        self._errors = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._last = ""

    def tell(self, text: str) -> None:
        """One or more lines."""
        self._errors.print(text, markup=False, soft_wrap=True)

    def ask(self, question: str) -> bool:
        """Ask for consent; no is the default."""
        self._errors.print(f"{question} [y/N] ", end="", markup=False)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, progress: Progress) -> None:
        """Show how far it is: in one line that changes on a terminal, else a line for whatever is new."""
        line = progress_line(progress)
        if not self._errors.is_terminal:
            # What is left to wait for changes every time; a line is worth printing when something else does.
            new = progress_line(progress, patience=False)
            if new != self._last and progress.at_most > timedelta(0):
                self.tell(line)
                self._last = new
            return
        if self._status is None:
            self._status = self._errors.status("")
            self._status.start()
        self._status.update(Text(line, no_wrap=True, overflow="ellipsis"))

    def stop(self) -> None:
        """End the line that changes."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def results(self, checks: Sequence[Check], results: Mapping[str, Result], out: Path) -> None:
        """The final table, what differs, and what to do with the report."""
        console = Console(highlight=False)
        console.print(table(checks, results, min(console.width, 140)))
        console.print(closing(checks, results, out), soft_wrap=True)


def progress_line(progress: Progress, *, patience: bool = True) -> str:
    """How far it is, what is done, and what is waited for."""
    parts = [f"{progress.answered} of {progress.questions} answered", progress.doing]
    if progress.waiting:
        shown = ", ".join(progress.waiting[:_NAMED])
        more = len(progress.waiting) - _NAMED
        parts.append(f"no answer yet: {shown}{f' and {more} more' if more > 0 else ''}")
    if patience and progress.at_most > timedelta(0):
        parts.append(f"at most {minutes(progress.at_most)}")
    if progress.refusal:
        parts.append(f"last answer: {progress.refusal}")
    return "; ".join(parts)


def minutes(span: timedelta) -> str:
    """A time in whole minutes, or hours and minutes, rounded up."""
    whole = -(-int(span.total_seconds()) // 60)
    hours, rest = divmod(whole, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def table(checks: Sequence[Check], results: Mapping[str, Result], width: int) -> RenderableType:
    """Every check on a few lines: what was asked, what the exporter relies on, what was seen."""
    made = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", width=width)
    made.add_column("id", no_wrap=True, min_width=3)
    made.add_column("question", overflow="fold", ratio=3)
    made.add_column("expected", overflow="fold", ratio=3)
    made.add_column("seen", overflow="fold", ratio=3)
    made.add_column("verdict", width=9, overflow="fold")
    for check in checks:
        result = results.get(check.id)
        if result is None:
            continue
        verdict = Text(result.verdict.value, style=_STYLE[result.verdict])
        made.add_row(check.id, Text(check.question), Text(check.expected), Text(result.seen), verdict)
    return made


def closing(checks: Sequence[Check], results: Mapping[str, Result], out: Path) -> RenderableType:
    """How many of each verdict; what differs; and how to report it."""
    shown = [results[check.id] for check in checks if check.id in results]
    counts = {verdict: sum(1 for result in shown if result.verdict is verdict) for verdict in Verdict}
    by_design = sum(1 for result in shown if result.by_design)
    line = Text("\n")
    for verdict in Verdict:
        line.append(f"{counts[verdict]} {verdict.value}  ", style=_STYLE[verdict] if counts[verdict] else "dim")
    if by_design:
        line.append(f"({by_design} of them cannot be asked here by design)")
    lines: list[RenderableType] = [line]
    by_id = {check.id: check for check in checks}
    for result in shown:
        if result.verdict is Verdict.DIFFERS:
            check = by_id[result.check_id]
            lines.append(Text(f"{check.id} expected {check.expected}; seen: {result.seen}", style="red"))
    lines.append(Text(f"Written to {out}; it names no project, address or message."))
    if counts[Verdict.DIFFERS] or counts[Verdict.COULD_NOT_ASK] > by_design:
        lines.append(Text("Please open an issue of the exporter and attach that file (docs/verify.md)."))
    return Group(*lines)
