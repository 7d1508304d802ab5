"""Each scenario shows in the right metric of the right system, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.conftest import by_id, running

SYSTEMS = 8
HISTORY_S = 2 * 3600

Found = dict[str, Any]


@pytest.fixture(scope="module")
def calm() -> dict[str, Found]:
    """The same fleet without a scenario."""
    with running(SYSTEMS, history_s=HISTORY_S) as run:
        return by_id(run.cycle())


def schema_break(found: Found, calm: Found) -> None:
    assert found["health"] == "failing"
    assert "SCHEMA_MISMATCH" in found["problem"]
    assert found["messages"]["delivered"] == 0
    assert found["messages"]["published"] == calm["messages"]["published"]
    assert found["latency_s"] == {"p50": None, "p95": None, "p99": None}
    assert found["backlog_age_s"] > 1500
    assert found["unaccounted_messages"] == 0


def table_deleted(found: Found, calm: Found) -> None:
    assert found["health"] == "failing"
    assert "NOT_FOUND" in found["problem"]
    assert "was not found" in found["problem"] or "Not found" in found["problem"]
    assert found["messages"]["published"] == calm["messages"]["published"]
    assert found["backlog_age_s"] > 1500


def permission_lost(found: Found, calm: Found) -> None:
    assert found["health"] == "failing"
    assert "PERMISSION_DENIED" in found["problem"]
    assert found["messages"]["published"] == calm["messages"]["published"]
    assert found["messages"]["dead_lettered"] == 0
    assert found["backlog_messages"] > 100


def latency_spike(found: Found, calm: Found) -> None:
    assert found["health"] == "degraded"
    assert "latency objective burns" in found["problem"]
    assert found["error_ratio"] == 0
    assert found["loss_ratio"] == 0
    assert found["cost_per_message_usd"] == pytest.approx(calm["cost_per_message_usd"], rel=0.05)


def dead_letter_flood(found: Found, calm: Found) -> None:
    assert found["health"] == "failing"
    assert "errors objective burns" in found["problem"]
    assert found["error_basis"] == "messages"
    assert 0.1 < found["error_ratio"] < 0.3
    assert found["messages"]["dead_lettered"] > 0
    assert found["unaccounted_messages"] == 0


def silent_loss(found: Found, calm: Found) -> None:
    assert found["health"] == "degraded"
    assert "unaccounted for" in found["problem"]
    assert 0.05 < found["loss_ratio"] < 0.2
    assert found["error_ratio"] == 0
    assert found["backlog_messages"] < 50


def publisher_silent(found: Found, calm: Found) -> None:
    assert found["messages"]["published"] == found["messages"]["delivered"] == 0
    assert found["error_ratio"] is None
    assert found["latency_s"]["p50"] is None
    assert found["data_age_s"] > 1500
    assert found["loss_ratio"] == 0


SHOWS: dict[str, tuple[int, Callable[[Found, Found], None]]] = {
    "schema-break": (1, schema_break),
    "table-deleted": (1, table_deleted),
    "permission-lost": (1, permission_lost),
    "latency-spike": (2, latency_spike),
    "dead-letter-flood": (3, dead_letter_flood),
    "silent-loss": (2, silent_loss),
    "publisher-silent": (4, publisher_silent),
}


@pytest.mark.parametrize("scenario", SHOWS)
def test_a_scenario_shows_where_it_should_and_nowhere_else(scenario: str, calm: dict[str, Found]) -> None:
    place, shows = SHOWS[scenario]
    chosen = list(calm)[place]
    with running(SYSTEMS, scenario=scenario, history_s=HISTORY_S) as run:
        found = by_id(run.cycle())
    shows(found[chosen], calm[chosen])
    others = [name for name in calm if name != chosen]
    assert {name: found[name] for name in others} == {name: calm[name] for name in others}
    assert all(calm[name]["health"] == "healthy" and calm[name]["problem"] is None for name in calm)
