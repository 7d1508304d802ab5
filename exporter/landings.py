"""What landed, for all systems of a project and location: idle tables are not read, refusing ones do not hold up the others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporter import calls
from exporter.errors import SourceError
from exporter.model import Failure, System, Window
from exporter.plan import SystemPlan
from exporter.quarantine import Quarantine
from exporter.snapshots import Landing, Table, TableWrites, Timeline
from exporter.sources.bigquery import landing, schema
from exporter.sources.bigquery.runner import Runner
from exporter.sources.bigquery.statements import LandingRequest

MINUTE = timedelta(minutes=1)

EVIDENCE_WAIT = timedelta(minutes=10)
"""How long a window may wait for the write timeline to reach past it, before its table is read after all."""


@dataclass(slots=True)
class Found:
    """Landings by system, the write timeline where it was asked for, failures, and bytes billed."""

    landings: dict[str, tuple[Landing, ...]] = field(default_factory=dict)
    timeline: Timeline | None = None
    failures: list[Failure] = field(default_factory=list)
    bytes_billed: int = 0


class LandingCollector:
    """Remembers between cycles what the tables are, which are idle, and which refused."""

    def __init__(self, runner: Runner, pool: Executor) -> None:
        self._runner = runner
        self._pool = pool
        self._tables: dict[str, Table] = {}
        self._idle: set[str] = set()
        self._quarantine = Quarantine()

    def begin(self) -> None:
        """Begin a collection."""
        self._quarantine.remember()

    def absolve(self) -> None:
        """Forget what was held against tables in the collection that was begun last."""
        self._quarantine.recall()

    def collect(self, plans: Sequence[SystemPlan], now: datetime) -> Found:
        """Measure the due windows of the systems of one project and location."""
        found = Found()
        due = [plan for plan in plans if plan.landing_asked]
        asked: list[SystemPlan] = []
        idle: list[SystemPlan] = []
        unreadable: list[SystemPlan] = []
        for plan in due:
            held = self._quarantine.held(plan.system.id, now)
            if held is not None and held.reason == "accessDenied":
                unreadable.append(plan)
            if held is not None:
                found.failures.append(held)
            elif plan.system.id in self._idle:
                idle.append(plan)
            else:
                asked.append(plan)
        timeline = self._pool.submit(self._timeline, plans, idle + unreadable, now)
        self._measure(found, asked, now)
        found.timeline, failure, billed = timeline.result()
        found.bytes_billed += billed
        if failure is not None:
            found.failures.append(failure)
        self._settle_idle(found, idle, now)
        found.failures = [_explained(failure) for failure in found.failures]
        denied = [f.system for f in found.failures if f.source == "landing" and f.reason == "accessDenied"]
        self._count_unreadable(found, [plan for plan in due if plan.system.id in denied], now)
        self._remember(found)
        return found

    def _timeline(
        self, plans: Sequence[SystemPlan], needed: Sequence[SystemPlan], now: datetime
    ) -> tuple[Timeline | None, Failure | None, int]:
        """Ask the write timeline, if an idle or unreadable table or an hour's written bytes need it."""
        starts = [plan.landing_asked[0].start for plan in needed] + [
            plan.spend[0].start for plan in plans if plan.spend
        ]
        if not starts:
            return None, None, 0
        try:
            timeline, billed = schema.writes(self._runner, [plan.system for plan in plans], min(starts), now)
        except SourceError as error:
            return None, calls.failure("writes", error), 0
        return timeline, None, billed

    def _measure(self, found: Found, plans: Sequence[SystemPlan], now: datetime) -> None:
        if not plans:
            return
        requests = self._requests(found, plans)
        suspects = {request.system.id for request in requests if self._quarantine.suspect(request.system.id)}
        collected = landing.collect(self._runner, self._pool, requests, alone=suspects)
        found.landings |= collected.landings
        found.failures += collected.failures
        found.bytes_billed += collected.bytes_billed
        tables = {plan.system.id: str(plan.system.table) for plan in plans}
        for failure in found.failures:
            # Only what is the table's own fault: a time-out while others answered, not an API that answers nobody.
            own = not failure.transient or (failure.reason == "timeout" and collected.landings)
            if failure.source == "landing" and failure.system in tables and own:
                self._quarantine.failed(failure.system, failure, now)
                # What is known of the table may be why: it may have been made anew.
                self._tables.pop(tables[failure.system], None)
        for system in collected.landings:
            self._quarantine.answered(system)

    def _requests(self, found: Found, plans: Sequence[SystemPlan]) -> list[LandingRequest]:
        """Look up what unknown tables are; a table that is not where it should be is a failure."""
        unknown = [plan.system for plan in plans if str(plan.system.table) not in self._tables]
        listed = True
        if unknown:
            try:
                tables, billed = schema.tables(self._runner, unknown)
                self._tables |= tables
                found.bytes_billed += billed
            except SourceError:
                # Without the right to list tables they are taken for what they should be; reading them will tell.
                listed = False
        requests = []
        missing: list[System] = []
        for plan in plans:
            table = self._tables.get(str(plan.system.table))
            if table is None and listed:
                missing.append(plan.system)
            else:
                requests.append(LandingRequest(plan.system, plan.landing_asked, table))
        found.failures += self._pool.map(self._why_missing, missing)
        return requests

    def _why_missing(self, system: System) -> Failure:
        try:
            table = self._runner.table(str(system.table))
        except SourceError as error:
            return calls.failure("landing", error, system.id)
        return Failure(
            "landing",
            system.id,
            "wrongLocation",
            f"{system.table} is in {table.location}, not in {system.location}",
            f"set location: {table.location}",
        )

    def _settle_idle(self, found: Found, plans: Sequence[SystemPlan], now: datetime) -> None:
        """Windows in which an idle table certainly got no rows are empty; where that is not certain its table is read."""
        reading: list[SystemPlan] = []
        for plan in plans:
            writes = () if found.timeline is None else found.timeline.tables.get(str(plan.system.table), ())
            reach = None if found.timeline is None else found.timeline.reach
            windows = plan.landing_asked
            if any(write.start >= windows[0].start for write in writes) or reach is None:
                reading.append(plan)
                continue
            proven = [window for window in windows if window.end <= reach]
            if len(proven) < len(windows) and now - windows[len(proven)].end > EVIDENCE_WAIT:
                reading.append(plan)
            elif proven:
                found.landings[plan.system.id] = tuple(self._empty(plan.system, window) for window in proven)
        self._measure(found, reading, now)

    def _empty(self, system: System, window: Window) -> Landing:
        table = self._tables.get(str(system.table))
        has_ids = table is None or system.columns.message_id in table.columns
        measurable = table is None or system.columns.publish_time in table.columns
        return Landing(system.id, window, duplicate=0 if has_ids else None, measurable=measurable)

    def _count_unreadable(self, found: Found, plans: Sequence[SystemPlan], now: datetime) -> None:
        """Count the rows of tables whose contents may not be read; their latency cannot be known."""
        if plans and found.timeline is None:
            found.timeline, failure, billed = self._timeline(plans, plans, now)
            found.bytes_billed += billed
            if failure is not None:
                found.failures.append(failure)
        if found.timeline is None:
            return
        for plan in plans:
            writes = found.timeline.tables.get(str(plan.system.table), ())
            reach = found.timeline.reach
            waited = now - EVIDENCE_WAIT
            certain = waited if reach is None else max(waited, reach)
            windows = [window for window in plan.landing_asked if window.end <= certain]
            if windows:
                found.landings[plan.system.id] = tuple(_counted(plan.system, window, writes) for window in windows)

    def _remember(self, found: Found) -> None:
        for system, landings in found.landings.items():
            if any(each.landed_rows for each in landings):
                self._idle.discard(system)
            else:
                self._idle.add(system)


def _counted(system: System, window: Window, writes: Sequence[TableWrites]) -> Landing:
    rows = sum(
        write.written_rows for write in writes if write.error_code == "OK" and window.start <= write.start < window.end
    )
    empty = Landing(system.id, window, duplicate=None, measurable=False)
    return replace(empty, landed_rows=rows, delivered=rows)


def _explained(failure: Failure) -> Failure:
    """Say of a table that may not be read what is known of it all the same, and how to know more."""
    if failure.source != "landing" or failure.reason != "accessDenied":
        return failure
    message = f"rows are counted from WRITE_API_TIMELINE and latency cannot be measured ({failure.message.rstrip('.')})"
    return replace(failure, message=message, remedy="grant bigquery.tables.getData on the table")
