"""Messages out of views, over the wire: pages without gap or repetition, and values without loss."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.messages import MAX_PAGE_BYTES, Column, Messages
from exporter.console.messages_values import as_json
from exporter.model import Columns, TableRef
from exporter.windows import EPOCH
from tests.console.messages_bench import HOUR, SYSTEM, TABLE, Bench, at, expected, first, walk
from tests.sources.local import NOW


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


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
