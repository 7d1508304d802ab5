"""What keeps messages of a view from being read, over the wire: troubles in words, and hostile text that stays a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporter.console import messages_cursor
from exporter.console.messages import Messages
from exporter.console.messages_cursor import Cursor
from exporter.console.messages_trouble import Kind
from exporter.model import TableRef
from exporter.sandbox.faults import Fault
from exporter.sources.bigquery.messages import Place
from tests.console.messages_bench import HOUR, ROWS, SYSTEM, TABLE, VIEW, Bench, at, expected, first, trouble
from tests.sources.local import NOW

EXPECTED_DENIALS = ("bigquery.tables.get", "bigquery.tables.getData")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_without_a_view_there_are_no_messages(bench: Bench) -> None:
    found = trouble(bench, replace(SYSTEM, view=None))
    assert (found.kind, "`view`" in str(found)) == (Kind.MISSING, True)


def test_a_view_that_is_missing(bench: Bench) -> None:
    found = trouble(bench, replace(SYSTEM, view=TableRef("acme", "raw", "nowhere")))
    assert found.kind is Kind.MISSING
    assert "acme.raw.nowhere" in str(found)


def test_a_view_of_a_table_that_is_missing(bench: Bench) -> None:
    lost = TableRef("acme", "raw", "lost")
    bench.engine.create_table(
        lost, [{"name": "message_id", "type": "STRING"}, {"name": "publish_time", "type": "TIMESTAMP"}]
    )
    system = bench.view(f"SELECT * FROM `{lost}`")
    bench.engine.delete_table(lost)
    found = trouble(bench, system)
    assert found.kind is Kind.MISSING
    assert str(system.view) in str(found)


@pytest.mark.parametrize("permission", EXPECTED_DENIALS)
def test_permission_denied_names_the_permission_and_the_view(bench: Bench, permission: str) -> None:
    if permission == "bigquery.tables.get":
        fault = Fault("bigquery", "tables.get", "PERMISSION_DENIED")
        bench.faults.add(fault)
        found = trouble(bench)
        bench.faults.remove(fault)
    else:
        bench.engine.iam.revoke("exporter", permission, str(VIEW))
        found = trouble(bench)
        bench.engine.iam.restore("exporter", permission, str(VIEW))
    assert found.kind is Kind.DENIED
    assert f"{permission} on {VIEW}" in str(found)


def test_a_query_that_hangs_is_given_up(bench: Bench) -> None:
    bench.engine.hang(TABLE)
    found = trouble(bench)
    bench.engine.release(TABLE)
    assert found.kind is Kind.TOO_SLOW
    assert "within 2 s" in str(found)
    assert [job["state"] for job in bench.engine.jobs()][-1] == "DONE"


def test_the_cap_on_bytes_says_how_many_are_needed(bench: Bench) -> None:
    found = trouble(bench, bytes_limit=5_000_000)
    assert found.kind is Kind.TOO_MANY_BYTES
    assert "10485760 bytes" in str(found)
    assert "5000000 bytes" in str(found)
    assert first(bench, bytes_limit=10 * 2**20).rows


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"])
def test_bigquery_that_cannot_be_asked_now(bench: Bench, status: str) -> None:
    fault = Fault("bigquery", "jobs.query", status)
    bench.faults.add(fault)
    found = trouble(bench)
    bench.faults.remove(fault)
    assert found.kind is Kind.UNAVAILABLE
    assert "try again later" in str(found)


def test_bigquery_that_is_down() -> None:
    bench = Bench()
    bench.server.stop()
    try:
        assert trouble(bench).kind is Kind.UNAVAILABLE
    finally:
        bench.close()


def test_a_view_whose_query_is_broken(bench: Bench) -> None:
    """A column that the view selects was taken out of its table."""
    table = TableRef("acme", "raw", "shrinking")
    columns = [("message_id", "STRING"), ("publish_time", "TIMESTAMP"), ("gone", "STRING")]
    bench.engine.create_table(table, [{"name": name, "type": kind} for name, kind in columns])
    system = bench.view(f"SELECT message_id, publish_time, gone FROM `{table}`")
    bench.engine.drop_column(table, "gone")
    found = trouble(bench, system)
    assert found.kind is Kind.REFUSED
    assert "invalidQuery" in str(found)


@pytest.mark.parametrize(
    ("selected", "words"),
    [
        ("message_id, data", "no column publish_time"),
        ("publish_time, data", "no column message_id"),
        ("message_id, CAST(publish_time AS STRING) AS publish_time", "publish_time of type STRING, not TIMESTAMP"),
        ("1 AS message_id, publish_time", "message_id of type INT64, not STRING"),
    ],
)
def test_a_view_without_an_order_is_named(bench: Bench, selected: str, words: str) -> None:
    asked = bench.seen("jobs.query")
    found = trouble(bench, bench.view(f"SELECT {selected} FROM `{TABLE}`"))
    assert found.kind is Kind.UNFIT
    assert words in str(found)
    assert bench.seen("jobs.query") == asked


@pytest.mark.parametrize(
    ("setting", "status"), [("jobs.query", "INVALID_ARGUMENT"), ("jobs.query", "INTERNAL"), ("tables.get", "NOT_FOUND")]
)
def test_no_trouble_shows_the_query_or_a_trace(bench: Bench, setting: str, status: str) -> None:
    fault = Fault("bigquery", setting, status)
    bench.faults.add(fault)
    text = str(trouble(bench))
    bench.faults.remove(fault)
    assert not [word for word in ("SELECT", "row_of_this_page", "Traceback", "http://", "@start") if word in text]
    assert "\n" not in text


HOSTILE = (
    "'; DROP TABLE raw.flights; --",
    "` OR TRUE",
    "x' OR '1'='1",
    '"',
    "\\",
    "@start",
    "${view}",
    "\n",
    "\u0000",
    "\uff41",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_cursor_is_a_value_and_nothing_else(bench: Bench, text: str) -> None:
    assert trouble(bench, cursor=text).kind is Kind.BAD_CURSOR
    forged = messages_cursor.write(Cursor(NOW - HOUR, Place(at(3.5), text, 1)), SYSTEM.id)
    page = Messages(bench.runner()).page(SYSTEM, NOW - HOUR, NOW, 50, forged)
    allowed = [row for row in expected() if (row[1], row[0] or "") <= (at(3.5), text)]
    assert len(page.rows) == max(0, len(allowed) - 1)
    assert bench.engine.table(TABLE).contents.rows >= len(ROWS)
