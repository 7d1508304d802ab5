"""The sandbox's BigQuery with a table of messages and a view of it, and what its pages should hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from exporter.console.messages import Messages, Page
from exporter.console.messages_trouble import Trouble
from exporter.model import System, TableRef
from tests import builders
from tests.sources.local import NOW, Local

HOUR = timedelta(hours=1)
TABLE, VIEW = TableRef("acme", "raw", "flights"), TableRef("acme", "raw", "flights_view")

SYSTEM = builders.system(project="acme", location="US", table=TABLE, view=VIEW)


def at(minutes: float) -> datetime:
    """So many minutes before the present."""
    return NOW - timedelta(minutes=minutes)


ROWS: Sequence[tuple[str | None, datetime | None, str]] = (
    *((f"m{number}", at(number), f"text {number}") for number in range(1, 8)),
    *((f"same-{number}", at(3.5), f"text {number}") for number in range(5)),
    *(("twice", at(3.25), "the same row") for _ in range(3)),
    (None, at(3.5), "no id"),
    ("", at(3.5), "an empty id"),
    ("loaded", None, "never published"),
    ("old", at(60), "at the start of the range"),
    ("older", at(60.001), "before the range"),
    ("now", NOW, "at the end of the range"),
)
"""(message_id, publish_time, text); the range of an hour holds seventeen of them."""


class Bench(Local):
    """The sandbox's BigQuery with a table of messages and a view of it."""

    def __init__(self) -> None:
        super().__init__()
        self.engine.create_table(
            TABLE,
            [
                {"name": "message_id", "type": "STRING"},
                {"name": "publish_time", "type": "TIMESTAMP"},
                {"name": "data", "type": "STRING"},
            ],
            created_us=self.clock.now_us() - 86_400_000_000,
        )
        self.engine.create_view(VIEW, f"SELECT message_id, publish_time, data AS text FROM `{TABLE}`")
        self.engine.insert(TABLE, ["message_id", "publish_time", "data"], ROWS)

    def view(self, text: str) -> System:
        """A system with a view of its own."""
        name = TableRef("acme", "raw", f"view_{len(self.engine.catalog.dataset('acme', 'raw').items)}")
        self.engine.create_view(name, text)
        return replace(SYSTEM, view=name)


def first(bench: Bench, system: System = SYSTEM, limit: int = 50, **more: Any) -> Page:
    return Messages(bench.runner(), **more).page(system, NOW - HOUR, NOW, limit)


def walk(messages: Messages, system: System, limit: int, start: datetime = NOW - HOUR) -> list[Page]:
    """Pages from the first to the last."""
    pages = [messages.page(system, start, NOW, limit)]
    while pages[-1].next is not None:
        # Later pages are asked for later, when the range has moved on.
        pages.append(messages.page(system, NOW, NOW + HOUR, limit, pages[-1].next))
        assert len(pages) < 100
    return pages


def trouble(bench: Bench, system: System = SYSTEM, cursor: str | None = None, **more: Any) -> Trouble:
    with pytest.raises(Trouble) as raised:
        Messages(bench.runner(timeout_s=2.0), **more).page(system, NOW - HOUR, NOW, 5, cursor)
    return raised.value


def expected() -> list[tuple[str | None, datetime, str]]:
    """The rows of the range, newest first."""
    found = [(key, moment, text) for key, moment, text in ROWS if moment is not None and NOW - HOUR <= moment < NOW]
    return sorted(found, key=lambda row: (row[1], row[0] or ""), reverse=True)
