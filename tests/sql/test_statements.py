"""Every text that the exporter can send is valid GoogleSQL, with the parameters it is sent with and the columns it is read by."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType

import pytest

from exporter.model import Columns, TableRef
from exporter.sources.bigquery import landing as landing_collector
from exporter.sources.bigquery import messages, statements
from exporter.sources.bigquery import schema as schema_collectors
from exporter.sources.bigquery.messages import Place
from tests.builders import T0
from tests.sql.analyser import Evaluator, GoogleSQL, Stored
from tests.sql.fleets import CASES, VIEWED, parameters_of
from tests.sql.schemas import INFORMATION_SCHEMA

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "landing": {
        "system_index": "INT64",
        "window_start_us": "INT64",
        "landed_rows": "INT64",
        "delivered": "INT64",
        "measured_rows": "INT64",
        "negative_rows": "INT64",
        "latency_sum_us": "INT64",
        "within_threshold": "INT64",
        "newest_publish_us": "INT64",
        "p50_us": "INT64",
        "p95_us": "INT64",
        "p99_us": "INT64",
        "bucket_counts": "ARRAY<INT64>",
    },
    "writes": {
        "newest_minute_s": "INT64",
        "table_name": "STRING",
        "step_start_s": "INT64",
        "error_code": "STRING",
        "requests": "INT64",
        "written_rows": "INT64",
        "input_bytes": "INT64",
    },
    "jobs": {
        "table_name": "STRING",
        "hour_s": "INT64",
        "table_count": "INT64",
        "succeeded": "INT64",
        "failed": "INT64",
        "bytes_processed": "INT64",
        "bytes_billed": "INT64",
        "slot_ms": "INT64",
        "duration_sum_us": "INT64",
        "bucket_counts": "ARRAY<INT64>",
    },
    "writers": {"writer": "STRING", "written_rows": "INT64"},
    "storage": {"table_name": "STRING", "active_logical_bytes": "INT64", "long_term_logical_bytes": "INT64"},
    "tables": {"table_name": "STRING", "table_type": "STRING", "created_us": "INT64", "column_names": "ARRAY<STRING>"},
}
"""What each statement returns: the contract between the texts and the collectors that read their rows."""


def _expected(name: str) -> Mapping[str, str]:
    """What a case returns: a page of messages has the columns of its view, whatever they are."""
    kind = name.split(",")[0]
    if kind != "messages":
        return COLUMNS[kind]
    (schema,) = CASES[name].tables.values()
    return schema


@pytest.mark.parametrize("name", CASES)
def test_a_statement_is_valid_and_returns_what_is_read(googlesql: GoogleSQL, name: str) -> None:
    case = CASES[name]
    parameters = parameters_of(case.statement)
    analysis = googlesql.analyse(case.statement.text, parameters, case.tables, case.regions)
    assert dict(analysis.columns) == _expected(name)
    assert len(analysis.columns) == len(dict(analysis.columns))
    declared = [parameter.name for parameter in parameters]
    assert sorted(declared) == sorted(analysis.parameters)


def _sends(function: ast.FunctionDef) -> set[str]:
    """Statements that a function renders."""
    names = (ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Attribute))
    return {name.removeprefix("statements.") for name in names if name.startswith("statements.")}


def _reads(statement: str) -> set[str]:
    """Names that are taken out of a statement's rows: by the function that sends it, or by those that landing hands its rows to."""
    module = landing_collector if statement in ("landing", "writers") else schema_collectors
    functions = [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.FunctionDef)]
    readers = [function for function in functions if statement in _sends(function)]
    assert readers
    if statement == "landing":
        readers = [function for function in functions if _sends(function) <= {"landing"}]
    return {
        str(node.slice.value)
        for function in readers
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "row" and isinstance(node.slice, ast.Constant)
    }


@pytest.mark.parametrize("statement", COLUMNS)
def test_a_collector_reads_exactly_the_columns_of_its_statement(statement: str) -> None:
    assert _reads(statement) == set(COLUMNS[statement])


def test_every_statement_is_known_here() -> None:
    assert _rendering(statements) == set(COLUMNS)
    assert _rendering(messages) == {"page"}


def _rendering(module: ModuleType) -> set[str]:
    functions = inspect.getmembers(module, inspect.isfunction)
    rendering = {name for name, function in functions if function.__annotations__.get("return") == "Statement"}
    return {name for name in rendering if not name.startswith("_")}


@pytest.mark.parametrize("name", ["writes", "jobs", "storage", "tables"])
def test_columns_are_named_as_asked_for_however_a_view_spells_them(googlesql: GoogleSQL, name: str) -> None:
    """Older pages write the columns of TABLE_STORAGE and COLUMNS in capitals."""
    case = CASES[f"{name}, 2 of other-project-42 in US"]
    shouted = {
        view: {column.upper(): kind for column, kind in declared.columns.items()}
        for view, declared in INFORMATION_SCHEMA.items()
    }
    analysis = googlesql.analyse(
        case.statement.text, parameters_of(case.statement), regions=case.regions, views=shouted
    )
    assert dict(analysis.columns) == COLUMNS[name]


def test_pages_follow_each_other(evaluator: Evaluator) -> None:
    """By publish time, then message id, then the row itself; a message id that is NULL counts as an empty one."""
    view, minute = TableRef("acme-data", "curated", "departures"), timedelta(minutes=1)
    rows = [
        ("9", T0 + 5 * minute, "newest"),
        ("b", T0 + 4 * minute, "x"),
        ("b", T0 + 4 * minute, "y"),
        ("b", T0 + 4 * minute, "y"),
        ("a", T0 + 4 * minute, "x"),
        ("", T0 + 4 * minute, "x"),
        (None, T0 + 4 * minute, "y"),
        ("0", T0, "oldest"),
    ]
    outside = [("1", T0 - minute, "before"), ("1", T0 + 6 * minute, "at the end"), ("1", None, "never")]
    tables = {str(view): Stored(VIEWED, [*reversed(rows), *outside])}
    found: list[str] = []
    place = Place(T0 + 6 * minute)
    for _ in rows:
        statement = messages.page(view, Columns(), T0, place, 1, 2**30)
        (row,) = evaluator.evaluate(statement.text, parameters_of(statement), tables)
        key = (row["publish_time"], row["message_id"] or "")
        place = Place(*key, place.skipped + 1 if key == (place.from_time, place.from_id) else 1)
        found.append(f"{key[1]}{row['carrier']}")
    # Rows without an id and with an empty one are told apart by their JSON, in which null comes after a quotation mark.
    assert found == ["9newest", "bx", "by", "by", "ax", "x", "y", "0oldest"]
    statement = messages.page(view, Columns(), T0, place, 1, 2**30)
    assert evaluator.evaluate(statement.text, parameters_of(statement), tables) == []
