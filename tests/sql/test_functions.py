"""The sandbox's BigQuery answers as Google's reference evaluator does, function by function, and refuses what it refuses."""

from __future__ import annotations

from collections import Counter

import pytest

from exporter.sandbox.bigquery.information_schema import SCHEMA_VIEWS
from tests.sql.analyser import Evaluator, GoogleSQL, Refused
from tests.sql.definitions import multiset
from tests.sql.probes import PROBES, TABLES, Probe
from tests.sql.sandboxed import Sandbox
from tests.sql.schemas import INFORMATION_SCHEMA


def _answer(evaluator: Evaluator, probe: Probe) -> Counter[str] | None:
    """The rows without an order, or None for a refusal."""
    try:
        return multiset(evaluator.evaluate(probe.sql, probe.parameters, TABLES))
    except Refused:
        return None


@pytest.mark.parametrize("name", PROBES)
def test_the_sandbox_computes_what_the_reference_computes(googlesql: GoogleSQL, sandbox: Sandbox, name: str) -> None:
    expected = _answer(googlesql, PROBES[name])
    assert (expected is None) == PROBES[name].refused
    assert _answer(sandbox, PROBES[name]) == expected


@pytest.mark.parametrize("name", INFORMATION_SCHEMA)
def test_the_sandbox_has_no_column_that_is_not_documented(name: str) -> None:
    documented = INFORMATION_SCHEMA[name].columns
    for column in SCHEMA_VIEWS[name].columns:
        assert documented.get(column.name) == str(column.type)
