"""The sandbox's BigQuery computes what Google's reference evaluator computes, function by function."""

from __future__ import annotations

import pytest

from tests.sql.analyser import GoogleSQL, Refused
from tests.sql.definitions import multiset
from tests.sql.probes import PROBES, TABLES

pytestmark = pytest.mark.xdist_group("googlesql")


@pytest.mark.parametrize("name", PROBES)
def test_dev(googlesql: GoogleSQL, name: str) -> None:
    probe = PROBES[name]
    try:
        print(name, googlesql.evaluate(probe.sql, probe.parameters, TABLES))
    except Refused as e:
        print(name, "REFUSED", e)
