"""Messages out of views, over the wire: pages without gap or repetition, values without loss, and troubles in words."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console import messages_cursor
from exporter.console.messages import MAX_PAGE_BYTES, Column, Messages, Page
from exporter.console.messages_cursor import Cursor
from exporter.console.messages_trouble import Kind, Trouble
from exporter.console.messages_values import as_json
from exporter.model import Columns, System, TableRef
from exporter.sandbox.faults import Fault
from exporter.sources.bigquery.messages import Place
from exporter.windows import EPOCH
from tests import builders
from tests.sources.local import NOW, Local

HOUR = timedelta(hours=1)
TABLE, VIEW = TableRef("acme", "raw", "flights"), TableRef("acme", "raw", "flights_view")
EXPECTED_DENIALS = ("bigquery.tables.get", "bigquery.tables.getData")

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


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


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


# Success


def test_the_newest_come_first_with_names_and_types(bench: Bench) -> None:
    page = first(bench)
    assert page.columns == (
        Column("message_id", "STRING"),
        Column("publish_time", "TIMESTAMP"),
        Column("text", "STRING"),
    )
    rows = [(key, datetime.fromisoformat(moment), text) for key, moment, text in page.rows]
    assert [row[1] for row in rows] == [row[1] for row in expected()]
    assert Counter(rows) == Counter(expected())
    assert page.rows[0][1] == "2026-11-01T11:59:00Z"
    assert page.next is None
    assert (page.bytes_billed, page.bytes_limit) == (10 * 2**20, 2**30)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 16, 17])
def test_pages_have_neither_gaps_nor_repetitions(bench: Bench, limit: int) -> None:
    pages = walk(Messages(bench.runner()), SYSTEM, limit)
    assert [row for page in pages for row in page.rows] == list(first(bench).rows)
    assert [len(page.rows) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert 1 <= len(pages[-1].rows) <= limit


def test_rows_of_one_message_are_each_given_once(bench: Bench) -> None:
    """A view may make several rows of a message, which differ in nothing that a page is ordered by."""
    text = f"SELECT message_id, publish_time, part FROM `{TABLE}`, UNNEST(['b', 'a', 'c', 'a']) AS part"
    system = bench.view(text)
    rows = [row for page in walk(Messages(bench.runner()), system, 3) for row in page.rows]
    parts = [part for key, _, part in rows if key == "same-1"]
    assert parts == ["a", "a", "b", "c"]
    assert len(rows) == 4 * len(expected())


def test_a_page_goes_on_where_it_ended_while_messages_arrive(bench: Bench) -> None:
    table = TableRef("acme", "raw", "arriving")
    names = ["message_id", "publish_time"]
    bench.engine.create_table(table, [{"name": names[0], "type": "STRING"}, {"name": names[1], "type": "TIMESTAMP"}])
    bench.engine.insert(table, names, [(f"a{number}", at(10 + number)) for number in range(4)])
    system = bench.view(f"SELECT * FROM `{table}`")
    messages = Messages(bench.runner())
    page = messages.page(system, NOW - HOUR, NOW, 2)
    bench.engine.insert(table, names, [("a9", at(5))])
    rest = messages.page(system, NOW - HOUR, NOW, 50, page.next)
    assert [row[0] for row in (*page.rows, *rest.rows)] == ["a0", "a1", "a2", "a3"]


def test_no_rows(bench: Bench) -> None:
    page = Messages(bench.runner()).page(SYSTEM, NOW - 3 * HOUR, NOW - 2 * HOUR, 50)
    assert (page.rows, page.next) == ((), None)
    assert [column.name for column in page.columns] == ["message_id", "publish_time", "text"]


def test_a_page_of_large_rows_ends_early(bench: Bench) -> None:
    share = MAX_PAGE_BYTES // 3
    text = f"SELECT message_id, publish_time, REPEAT('x', {share}) AS text FROM `{TABLE}` WHERE message_id LIKE 'm%'"
    pages = walk(Messages(bench.runner()), bench.view(text), 50)
    assert [len(page.rows) for page in pages] == [2, 2, 2, 1]


def test_columns_go_by_the_names_that_are_configured(bench: Bench) -> None:
    system = bench.view(f"SELECT message_id AS `select`, publish_time AS Published_At FROM `{TABLE}`")
    renamed = replace(system, columns=Columns(publish_time="published_at", message_id="select"))
    rows = [row for page in walk(Messages(bench.runner()), renamed, 4) for row in page.rows]
    assert Counter(row[0] for row in rows) == Counter(row[0] for row in expected())


def test_values_keep_what_json_cannot_hold(bench: Bench) -> None:
    page = first(
        bench,
        bench.view(
            "SELECT 'x' AS message_id, TIMESTAMP '2026-11-01 11:59:00.5+00:00' AS publish_time, b'\\xff\\x00' AS raw, "
            "NUMERIC '12345678901234567890.5' AS exact, 9007199254740993 AS large, 9007199254740992 AS whole, "
            "CAST('nan' AS FLOAT64) AS nan, CAST('-inf' AS FLOAT64) AS low, 0.5 AS half, TRUE AS yes, DATE '2026-11-01' AS day, "
            "TIME '01:02:03' AS hour, DATETIME '2026-11-01 01:02:03' AS civil, CAST(NULL AS STRING) AS nothing, "
            "JSON '{\"a\": [1, null, \"b\"]}' AS document, [STRUCT('k' AS key, b'\\x01' AS value)] AS labels, [1, 2] AS numbers"
        ),
    )
    (row,) = page.rows
    named = {column.name: (column.type, value) for column, value in zip(page.columns, row, strict=True)}
    assert named == {
        "message_id": ("STRING", "x"),
        "publish_time": ("TIMESTAMP", "2026-11-01T11:59:00.500000Z"),
        "raw": ("BYTES", "/wA="),
        "exact": ("NUMERIC", "12345678901234567890.5"),
        "large": ("INT64", "9007199254740993"),
        "whole": ("INT64", 9007199254740992),
        "nan": ("FLOAT64", "NaN"),
        "low": ("FLOAT64", "-Infinity"),
        "half": ("FLOAT64", 0.5),
        "yes": ("BOOL", True),
        "day": ("DATE", "2026-11-01"),
        "hour": ("TIME", "01:02:03"),
        "civil": ("DATETIME", "2026-11-01T01:02:03"),
        "nothing": ("STRING", None),
        "document": ("JSON", {"a": [1, None, "b"]}),
        "labels": ("ARRAY<STRUCT<key STRING, value BYTES>>", [{"key": "k", "value": "AQ=="}]),
        "numbers": ("ARRAY<INT64>", [1, 2]),
    }


def test_a_query_is_labelled_capped_and_not_of_the_system(bench: Bench) -> None:
    first(bench, bytes_limit=2**31)
    job = list(bench.engine.jobs())[-1]
    assert job["labels"] == {"app": "exporter", "family": "messages"}
    assert job["location"] == "US"
    assert "m1" not in job["query"]


# Troubles


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


# Cursors


MOMENTS = st.integers(0, 253_402_300_799_999_999).map(lambda us: EPOCH + timedelta(microseconds=us))
CURSORS = st.builds(
    lambda one, other, key, skipped: Cursor(min(one, other), Place(max(one, other), key, skipped)),
    MOMENTS,
    MOMENTS,
    st.text(max_size=40),
    st.integers(1, 2**53 - 1),
)


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    text = messages_cursor.write(cursor, "departures")
    assert messages_cursor.read(text, "departures") == cursor
    assert all(letter.isalnum() or letter in "-_" for letter in text)
    with pytest.raises(ValueError, match="no cursor"):
        messages_cursor.read(text, "arrivals")


@given(CURSORS, st.data())
def test_a_cursor_that_was_changed_is_none(cursor: Cursor, data: st.DataObject) -> None:
    text = messages_cursor.write(cursor, "departures")
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_").filter(lambda each: each != text[place]))
    changed = text[:place] + letter + text[place + 1 :]
    try:
        found = messages_cursor.read(changed, "departures")
    except ValueError:
        return
    assert found == cursor  # the last letter may hold bits that mean nothing


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_what_was_made_up_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that is promised
        messages_cursor.read(text, "departures")


FORGED: Sequence[object] = (
    [],
    [0, 0, "", 0],
    [0, 0, "", True],
    [5, 4, "", 1],
    [-1, 4, "", 1],
    [0, 10**18, "", 1],
    [0, 4, None, 1],
    [0, 4, "", 2**53],
    [0, 4, "", 1, 1],
    [0.5, 4, "", 1],
    {"start": 1},
)


BODIES = (
    *(json.dumps(members, separators=(",", ":")).encode() for members in FORGED),
    b"[" * 2000,
    b"",
    b"\xff",
    b'[0, 4, "", 1]',
)


@pytest.mark.parametrize("body", BODIES)
def test_a_cursor_with_a_true_digest_is_checked_all_the_same(body: bytes) -> None:
    raw = messages_cursor._digest(body, "departures") + body
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that is promised
        messages_cursor.read(base64.urlsafe_b64encode(raw).decode().rstrip("="), "departures")


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


# Values


@given(
    st.recursive(
        st.one_of(st.none(), st.text(), st.binary(), st.floats(), st.integers()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_can_be_sent_as_json(value: Any) -> None:
    json.dumps(as_json(value), allow_nan=False, ensure_ascii=False).encode()


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert as_json({"\ud800": ["\udfff", "\u00e9"]}) == {"?": ["?", "\u00e9"]}


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    zone = datetime.fromisoformat("2026-11-01T12:00:00+02:00")
    assert as_json(zone) == "2026-11-01T10:00:00Z"
    assert as_json(EPOCH) == "1970-01-01T00:00:00Z"
