"""The landing statement computes what it is meant to: Google's evaluator, the sandbox and plain Python agree on rows full of edges."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from exporter.model import Columns, TableRef, Window
from exporter.sources.bigquery import statements
from tests.sql import definitions, generators
from tests.sql.analyser import Evaluator, GoogleSQL, Stored
from tests.sql.contents import measured, stored, us
from tests.sql.definitions import Arrival
from tests.sql.fleets import RENAMED, Pipeline, parameters_of, pipeline, writers
from tests.sql.sandboxed import Sandbox

PIPELINES = [
    pipeline(0),
    pipeline(1, duplicate_lookback_s=0),
    pipeline(2, duplicate_lookback_s=7, window_s=60),
    pipeline(3, columns=RENAMED),
    pipeline(4, without=["message_id"]),
    pipeline(5, without=["publish_time"]),
    pipeline(6, without=["subscription_name"]),
    pipeline(7, columns=Columns(ingest_time="ingested"), kind="VIEW"),
    pipeline(8, table=TableRef("acme-data", "raw", "shared")),
    pipeline(9, table=TableRef("acme-data", "raw", "shared")),
]
"""Pipelines that between them use every form of ``landing_rows.sql``; the last two share a table."""

Windows = dict[tuple[int, int], dict[str, Any]]
"""Rows of the answer by system and start of window."""


def _case(seed: int) -> tuple[dict[str, Stored], Windows]:
    """Random rows in the pipelines' tables, and what the statement must return for them."""
    draw = random.Random(seed)
    contents: dict[str, list[Arrival]] = {}
    owners: dict[str, Pipeline] = {}
    for each in PIPELINES:
        own = each.request.system
        senders = [own.subscription, own.subscription.rsplit("/", 1)[-1], "projects/other/subscriptions/x", None]
        contents.setdefault(str(own.table), []).extend(generators.arrivals(draw, measured(each), senders, 90))
        owners[str(own.table)] = each
    expected = {
        (place, start): row
        for place, each in enumerate(PIPELINES)
        for start, row in definitions.landing(contents[str(each.request.system.table)], measured(each)).items()
    }
    return {name: stored(owner, contents[name]) for name, owner in owners.items()}, expected


QUANTILES = re.compile(r"(?:APPROX_QUANTILES\(latency_us, 1000\)\[SAFE_OFFSET\(\d+\)\] AS p\d\d_us,\s+){3}")
SAMPLE = "ARRAY_AGG(latency_us IGNORE NULLS ORDER BY latency_us) AS latencies_us"


def _sampled(text: str) -> str:
    """The statement with the sample itself in the place of its quantiles, which the evaluator does not know."""
    sampled, replaced = QUANTILES.subn(f"{SAMPLE}, ", text)
    assert replaced == 1
    return sampled


def _by_window(rows: Sequence[Mapping[str, Any]]) -> Windows:
    found = {}
    for row in rows:
        rest = {name: value for name, value in row.items() if name not in ("system_index", "window_start_us")}
        rest["latencies_us"] = rest["latencies_us"] or []
        found[row["system_index"], row["window_start_us"]] = rest
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_landing(evaluator: Evaluator, seed: int) -> None:
    tables, expected = _case(seed)
    statement = statements.landing([each.request for each in PIPELINES])
    rows = evaluator.evaluate(_sampled(statement.text), parameters_of(statement), tables)
    assert len(expected) > 2 * len(PIPELINES)
    assert _by_window(rows) == expected


def test_landing_does_not_depend_on_where_a_query_starts(evaluator: Evaluator) -> None:
    tables, expected = _case(5)
    found: Windows = {}
    for window in PIPELINES[0].request.windows:
        requests = [replace(each.request, windows=_within(each.request.windows, window)) for each in PIPELINES]
        statement = statements.landing(requests)
        found |= _by_window(evaluator.evaluate(_sampled(statement.text), parameters_of(statement), tables))
    assert found == expected


def _within(windows: Sequence[Window], window: Window) -> tuple[Window, ...]:
    return tuple(each for each in windows if window.start <= each.start < window.end)


def test_quantiles_are_of_the_sample(sandbox: Sandbox) -> None:
    tables, expected = _case(0)
    statement = statements.landing([each.request for each in PIPELINES])
    for row in sandbox.evaluate(statement.text, parameters_of(statement), tables):
        sample = expected[row["system_index"], row["window_start_us"]]["latencies_us"]
        quantiles = [row[name] for name in ("p50_us", "p95_us", "p99_us")]
        if sample:
            assert quantiles == sorted(quantiles)
            assert set(quantiles) <= set(sample)
        else:
            assert quantiles == [None, None, None]


def test_writers(evaluator: Evaluator) -> None:
    """The end is exclusive, rows without a subscription are one writer, and a column of the table may have the answer's name."""
    each = replace(pipeline(0), schema={**pipeline(0).schema, "writer": "INT64"})
    start_us, end_us = us(each.request.start), us(each.request.end)
    moments = (start_us - 1, start_us, start_us, end_us - 1, end_us)
    arrivals = [
        Arrival(at, None, None, sender) for at in moments for sender in ("projects/p/subscriptions/s", "s", None)
    ]
    case = writers(each)
    table = str(each.request.system.table)
    rows = evaluator.evaluate(case.statement.text, parameters_of(case.statement), {table: stored(each, arrivals)})
    assert {row["writer"]: row["written_rows"] for row in rows} == {"projects/p/subscriptions/s": 3, "s": 3, None: 3}
    assert len(rows) == 3


READING = (
    "APPENDS(TABLE `acme-data.raw.table_0`{})\nWHERE\n  _CHANGE_TIMESTAMP >= @from_0\n  AND _CHANGE_TIMESTAMP {} @end_0"
)
FIRST_TIME = "previous_commit_us < commit_us - lookback_us"
MUTANTS = {
    "lookback without its first microsecond": (FIRST_TIME, "previous_commit_us <= commit_us - lookback_us"),
    "equal rows are all first-time": (FIRST_TIME, f"previous_commit_us = commit_us OR {FIRST_TIME}"),
    "messages without an id are one message": ("message_id IS NULL\n", "FALSE\n"),
    "systems share their messages": ("PARTITION BY system_index, message_id", "PARTITION BY message_id"),
    "negative latency is not 0": ("GREATEST(commit_us - publish_us, 0) AS", "commit_us - publish_us AS"),
    "upper bounds are inclusive": ("0), @bounds_us)", "0) - 1, @bounds_us)"),
    "the threshold is too late": ("latency_us <= threshold_us", "latency_us < threshold_us"),
    "no latency is negative latency": ("publish_us > commit_us", "publish_us >= commit_us"),
    "the lookback is counted": ("WHERE window_start_us >= first_window_us", ""),
    "the first moment is lost": ("_CHANGE_TIMESTAMP >= @from_1", "_CHANGE_TIMESTAMP > @from_1"),
    "the end is counted": (READING.format(", @from_0, @end_0", "<"), READING.format("", "<=")),
    "rows of others are counted": ("AND `subscription_name` IN UNNEST(@subscription_8)", ""),
}
"""Statements that are a little wrong: a text of the right one, and what is put in its place."""


@pytest.mark.parametrize("name", MUTANTS)
def test_the_rows_tell_a_wrong_statement(googlesql: GoogleSQL, name: str) -> None:
    tables, expected = _case(0)
    statement = statements.landing([each.request for each in PIPELINES])
    right, wrong = MUTANTS[name]
    assert right in statement.text
    text = _sampled(statement.text.replace(right, wrong))
    assert _by_window(googlesql.evaluate(text, parameters_of(statement), tables)) != expected
