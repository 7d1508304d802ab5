"""The judge can say no: mistakes planted in the real texts are refused, each for the mistake that was planted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.sql.analyser import GoogleSQL, Refused, Stored
from tests.sql.fleets import CASES, parameters_of
from tests.sql.sandboxed import Sandbox

LANDING = "landing, all different"
WRITERS = "writers, plain"
WHERE = "2 of acme-data in us-central1"
WRITES, JOBS, STORAGE, TABLES = (f"{name}, {WHERE}" for name in ("writes", "jobs", "storage", "tables"))


@dataclass(frozen=True, slots=True)
class Mistake:
    """Text that is put in the place of other text of a statement, and what the refusal says of it."""

    case: str
    right: str
    wrong: str
    refusal: str


MISTAKES = {
    "unknown column": Mistake(LANDING, "(`publish_time`)", "(`published`)", "Unrecognized name: published"),
    "column of another system's table": Mistake(LANDING, "`select`", "`message_id`", "Unrecognized name: message_id"),
    "misspelt change column": Mistake(LANDING, "_CHANGE_TIMESTAMP", "_CHANGE_TIME", "Unrecognized name: _CHANGE_TIME"),
    "unknown table": Mistake(LANDING, "raw.table_3`", "raw.table_33`", "Table not found: `acme-data.raw.table_33`"),
    "unknown function": Mistake(LANDING, "COUNTIF(", "COUNT_IF(", "Function not found: COUNT_IF"),
    "wrong argument type": Mistake(
        LANDING,
        "UNIX_MICROS(`publish_time`)",
        "UNIX_MICROS(`message_id`)",
        "No matching signature for function UNIX_MICROS",
    ),
    "change time read from the table itself": Mistake(
        LANDING,
        "APPENDS(TABLE `acme-data.raw.table_0`, @from_0, @end_0)",
        "`acme-data.raw.table_0`",
        "Unrecognized name: _CHANGE_TIMESTAMP",
    ),
    "one argument too many for APPENDS": Mistake(
        LANDING, ", @end_0)", ", @end_0, NULL)", "No matching signature for APPENDS"
    ),
    "argument of a wrong type for APPENDS": Mistake(
        LANDING, "@from_0, @end_0)", "@window_us_0, @end_0)", "No matching signature for APPENDS"
    ),
    "APPENDS without the word TABLE": Mistake(LANDING, "APPENDS(TABLE ", "APPENDS(", "must be a relation"),
    "GROUP BY lacks a column": Mistake(
        LANDING,
        "GROUP BY system_index, window_start_us",
        "GROUP BY system_index",
        "column window_start_us which is neither grouped nor aggregated",
    ),
    "LAG without OVER": Mistake(
        LANDING,
        "LAG(commit_us) OVER (PARTITION BY system_index, message_id ORDER BY commit_us)",
        "LAG(commit_us)",
        "LAG cannot be called without an OVER clause",
    ),
    "LAG without an order": Mistake(
        LANDING, " ORDER BY commit_us)", ")", "Window ORDER BY is required for analytic function lag"
    ),
    "quantiles without a number": Mistake(
        LANDING,
        "APPROX_QUANTILES(latency_us, 1000)",
        "APPROX_QUANTILES(latency_us)",
        "No matching signature for aggregate function APPROX_QUANTILES",
    ),
    "number where a condition belongs": Mistake(
        LANDING, "COUNTIF(first_time)", "COUNTIF(latency_us)", "No matching signature for aggregate function COUNTIF"
    ),
    "UNION ALL of different columns": Mistake(
        LANDING, "  1 AS system_index,\n", "", "Queries in UNION ALL have mismatched column count"
    ),
    "UNION ALL of different types": Mistake(
        LANDING,
        "CAST(NULL AS STRING) AS message_id",
        "CAST(NULL AS INT64) AS message_id",
        "Column 4 in UNION ALL has incompatible types",
    ),
    "missing comma": Mistake(
        LANDING,
        "system_index,\n  window_start_us,\n  COUNT",
        "system_index\n  window_start_us\n  COUNT",
        "Syntax error",
    ),
    "parameter that is not sent": Mistake(LANDING, "@end_0", "@until_0", "Query parameter 'until_0' not found"),
    "not a query": Mistake(
        LANDING, "WITH\n", "DELETE FROM `acme-data.raw.table_0` WHERE TRUE; WITH\n", "Statement not supported"
    ),
    "writer's rows without a group": Mistake(WRITERS, "GROUP BY writer", "", "neither grouped nor aggregated"),
    "end of another type": Mistake(WRITERS, ", @end)", ", 1)", "No matching signature for APPENDS"),
    "misspelt column of JOBS": Mistake(JOBS, "total_slot_ms", "total_slots_ms", "Unrecognized name: total_slots_ms"),
    "misspelt field of JOBS": Mistake(
        JOBS, "error_result.reason", "error_result.reasons", "Field name reasons does not exist"
    ),
    "misspelt view": Mistake(JOBS, "INFORMATION_SCHEMA.JOBS", "INFORMATION_SCHEMA.JOB", "Table not found"),
    "view of a region that was not asked": Mistake(JOBS, "region-us-central1", "region-us-central2", "Table not found"),
    "offset without a name": Mistake(JOBS, "WITH OFFSET AS place", "", "Unrecognized name: place"),
    "UNNEST of what is no array": Mistake(JOBS, "UNNEST(labels)", "UNNEST(error_result)", "must be arrays"),
    "time compared with text": Mistake(
        JOBS, "end_time >= @start", "end_time >= job_type", "No matching signature for operator >="
    ),
    "unknown part of a time": Mistake(JOBS, "MICROSECOND", "MICROSECONDS", "MICROSECONDS"),
    "IN without UNNEST": Mistake(WRITES, "IN UNNEST(@tables)", "IN (@tables)", "No matching signature for operator IN"),
    "join of an unknown query": Mistake(WRITES, "JOIN written", "JOIN wrote", "Table not found: wrote"),
    "misspelt column of WRITE_API_TIMELINE": Mistake(
        WRITES, "total_input_bytes", "input_bytes_total", "Unrecognized name: input_bytes_total"
    ),
    "NOT of a number": Mistake(STORAGE, "NOT deleted", "NOT total_rows", "No matching signature for operator NOT"),
    "misspelt column of TABLE_STORAGE": Mistake(
        STORAGE, "active_logical_bytes", "active_bytes", "Unrecognized name: active_bytes"
    ),
    "column that two views have": Mistake(
        TABLES, "tables.table_type", "table_catalog", "Column name table_catalog is ambiguous"
    ),
    "misspelt column of COLUMNS": Mistake(
        TABLES, "columns.column_name", "columns.name", "Name name not found inside columns"
    ),
    "column neither grouped nor aggregated": Mistake(
        TABLES, "ANY_VALUE(tables.table_type)", "tables.table_type", "neither grouped nor aggregated"
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_refused(googlesql: GoogleSQL, name: str) -> None:
    mistake = MISTAKES[name]
    case = CASES[mistake.case]
    assert mistake.right in case.statement.text
    text = case.statement.text.replace(mistake.right, mistake.wrong)
    with pytest.raises(Refused) as refused:
        googlesql.analyse(text, parameters_of(case.statement), case.tables, case.regions)
    assert mistake.refusal in str(refused.value)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_sandbox_refuses_it_too(sandbox: Sandbox, name: str) -> None:
    mistake = MISTAKES[name]
    case = CASES[mistake.case]
    text = case.statement.text.replace(mistake.right, mistake.wrong)
    tables = {table: Stored(columns, ()) for table, columns in case.tables.items()}
    with pytest.raises(Refused):
        sandbox.evaluate(text, parameters_of(case.statement), tables, "us-central1")


@pytest.mark.parametrize("name", sorted({mistake.case for mistake in MISTAKES.values()}))
def test_the_sandbox_accepts_what_is_right(sandbox: Sandbox, name: str) -> None:
    case = CASES[name]
    tables = {table: Stored(columns, ()) for table, columns in case.tables.items()}
    sandbox.evaluate(case.statement.text, parameters_of(case.statement), tables, "us-central1")


@pytest.mark.parametrize(
    ("case", "parameter", "kind", "refusal"),
    [
        (LANDING, "start_0", "INT64", "No matching signature for function UNIX_MICROS"),
        (LANDING, "from_0", "INT64", "No matching signature for APPENDS"),
        (LANDING, "bounds_us", "ARRAY<STRING>", "No matching signature for function RANGE_BUCKET"),
        (LANDING, "bounds_us", "INT64", "Second argument of RANGE_BUCKET must be an array"),
        (LANDING, "window_us_1", "FLOAT64", "No matching signature for function DIV"),
        (LANDING, "subscription_0", "STRING", "Second argument of IN UNNEST must be an array"),
        (WRITES, "tables", "ARRAY<INT64>", "No matching signature for operator IN"),
        (JOBS, "names", "ARRAY<INT64>", "No matching signature for operator ="),
        (JOBS, "start", "INT64", "No matching signature for operator >="),
        (STORAGE, "tables", "STRING", "Second argument of IN UNNEST must be an array"),
        (TABLES, "tables", "ARRAY<BYTES>", "No matching signature for operator IN"),
    ],
)
def test_a_parameter_of_a_wrong_type_is_refused(
    googlesql: GoogleSQL, case: str, parameter: str, kind: str, refusal: str
) -> None:
    parameters = [
        replace(each, kind=kind) if each.name == parameter else each for each in parameters_of(CASES[case].statement)
    ]
    assert parameters != parameters_of(CASES[case].statement)
    with pytest.raises(Refused) as refused:
        googlesql.analyse(CASES[case].statement.text, parameters, CASES[case].tables, CASES[case].regions)
    assert refusal in str(refused.value)


@pytest.mark.parametrize("name", sorted({mistake.case for mistake in MISTAKES.values()}))
def test_every_parameter_is_needed(googlesql: GoogleSQL, name: str) -> None:
    case = CASES[name]
    parameters = parameters_of(case.statement)
    for missing in parameters if len(parameters) < 10 else parameters[:8]:
        with pytest.raises(Refused, match=f"Query parameter '{missing.name}' not found"):
            googlesql.analyse(
                case.statement.text, [each for each in parameters if each is not missing], case.tables, case.regions
            )


def test_a_parameter_that_nothing_uses_is_seen(googlesql: GoogleSQL) -> None:
    case = CASES[STORAGE]
    text = case.statement.text.replace("IN UNNEST(@tables)", "IN ('raw.table_0')")
    analysis = googlesql.analyse(text, parameters_of(case.statement), regions=case.regions)
    assert analysis.parameters == frozenset()
