"""The far ends of Pub/Sub in its tests: tables that record their rows, and a world that only has a clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from exporter.sandbox.clock import Clock
from exporter.sandbox.ports import Row, SinkState, TableRefused
from exporter.sandbox.pubsub.engine import PubSub


class Commit(NamedTuple):
    """One append that was accepted."""

    at_us: int
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class RecordingSink:
    """Tables that keep what is appended to them, and refuse what a test wants refused."""

    def __init__(self) -> None:
        self.commits: dict[str, list[Commit]] = {}
        self.refusing: dict[str, SinkState] = {}
        self.columns: dict[str, Collection[str]] = {}
        self.refuses_row: Callable[[Row], str | None] = lambda _: None
        self.appends = 0

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], commit_us: int) -> dict[int, str]:
        self.appends += 1
        if table in self.refusing:
            raise TableRefused(self.refusing[table], f"{table} refuses")
        commits = self.commits.setdefault(table, [])
        assert rows, "an append without rows"
        assert not commits or commits[-1].at_us <= commit_us, "commit times went back"
        errors = {place: reason for place, row in enumerate(rows) if (reason := self.refuses_row(row)) is not None}
        written = tuple(row for place, row in enumerate(rows) if place not in errors)
        if written:
            commits.append(Commit(commit_us, tuple(columns), written))
        return errors

    def probe(self, table: str) -> SinkState | None:
        return self.refusing.get(table)

    def columns_of(self, table: str) -> Collection[str] | None:
        return self.columns.get(table)

    def rows(self, table: str) -> list[Row]:
        """All rows of a table in order of commit."""
        return [row for commit in self.commits.get(table, []) for row in commit.rows]

    def column(self, table: str, name: str) -> list[object]:
        """One column of all rows of a table in order of commit."""
        return [row[commit.columns.index(name)] for commit in self.commits.get(table, []) for row in commit.rows]


class ClockWorld:
    """A world in which nothing happens but Pub/Sub."""

    def __init__(self, clock: Clock, engine: PubSub) -> None:
        self._clock = clock
        self._engine = engine

    def settle(self) -> int:
        now_us = self._clock.now_us()
        self._engine.run_until(now_us)
        return now_us
