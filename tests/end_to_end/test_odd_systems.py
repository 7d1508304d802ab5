"""Systems that are not as they should be are counted or explained: never a crash, never a zero that means unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from exporter import checking, document, reporting
from exporter.checking import Level
from tests.end_to_end.conftest import NOON, Run, by_id, running

Found = dict[str, Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with running(2, scenario="odd-systems", history_s=2 * 3600) as started:
        yield started


@pytest.fixture(scope="module")
def found(run: Run) -> dict[str, Found]:
    report = run.cycle()
    assert document.succeeded(report), "every failure is explained by the problem of its system"
    return by_id(report)


def test_without_metadata_rows_are_counted_and_latency_is_explained(found: dict[str, Found]) -> None:
    system = found["odd-no-metadata"]
    assert system["messages"]["delivered"] > 0
    assert system["messages"]["duplicate"] is None
    assert system["latency_s"] == {"p50": None, "p95": None, "p99": None}
    assert system["data_age_s"] is None
    assert "write_metadata" in system["problem"]


def test_without_a_dead_letter_topic_errors_are_counted_in_attempts(found: dict[str, Found]) -> None:
    assert found["odd-no-dead-letters"]["error_basis"] == "attempts"
    assert found["odd-no-dead-letters"]["error_ratio"] == 0
    assert found["odd-no-dead-letters"]["problem"] is None


def test_a_view_instead_of_a_table_is_explained(found: dict[str, Found]) -> None:
    system = found["odd-view-as-table"]
    assert system["health"] == "unknown"
    assert system["messages"]["delivered"] is None
    assert system["messages"]["published"] > 0
    assert "is a view" in system["problem"]
    assert "name the table that the subscription writes to" in system["problem"]


def test_an_empty_table_counts_nothing_and_has_no_latency(found: dict[str, Found]) -> None:
    system = found["odd-empty"]
    assert (system["messages"]["published"], system["messages"]["delivered"]) == (0, 0)
    for name in ("error_ratio", "loss_ratio", "cost_per_message_usd", "data_age_s", "on_time_ratio"):
        assert system[name] is None, name
    assert system["latency_s"]["p50"] is None


@pytest.mark.parametrize("name", ["odd-location-us", "odd-location-eu", "odd-location-europe-west1"])
def test_tables_in_other_locations_are_measured(found: dict[str, Found], name: str) -> None:
    assert found[name]["health"] == "healthy"
    assert found[name]["problem"] is None
    assert found[name]["messages"]["delivered"] > 0
    assert found[name]["cost_per_message_usd"] > 0


def test_rows_of_others_do_not_count(found: dict[str, Found]) -> None:
    for name in ("odd-loaded-rows", "odd-second-subscription", "odd-shared-table"):
        assert found[name]["unaccounted_messages"] == 0, name
        assert found[name]["messages"]["duplicate"] <= 5, name


def test_without_the_right_to_read_rows_are_counted_and_the_right_is_named(found: dict[str, Found]) -> None:
    system = found["odd-unreadable"]
    assert system["messages"]["delivered"] > 0
    assert system["messages"]["duplicate"] is None
    assert system["latency_s"]["p50"] is None
    assert "bigquery.tables.getData" in system["problem"]


def test_a_missing_subscription_is_failing(found: dict[str, Found]) -> None:
    system = found["odd-missing-subscription"]
    assert system["health"] == "failing"
    assert "NOT_FOUND" in system["problem"]
    assert system["backlog_messages"] is None
    assert system["unaccounted_messages"] is None


def test_a_filter_leaves_loss_without_a_value(found: dict[str, Found]) -> None:
    system = found["odd-filtered"]
    assert 0 < system["messages"]["delivered"] < system["messages"]["published"]
    assert system["loss_ratio"] is None
    assert system["unaccounted_messages"] is None


def test_a_restart_with_nothing_due_says_the_same_from_the_sink(run: Run, found: dict[str, Found]) -> None:
    again = by_id(run.cycle())
    for name, before in found.items():
        after = again[name]
        if before["windows"]["landing"] is None:
            continue
        assert after["collected"] is False, name
        for key in ("windows", "messages", "latency_s", "data_age_s", "error_ratio", "backlog_messages", "health"):
            if name == "odd-no-metadata" and key == "messages":
                continue
            assert after[key] == before[key], (name, key)


def test_check_names_what_cannot_be_measured_and_how_to_fix_it(run: Run) -> None:
    assessed = {each.system.id: each for each in checking.assess(run.parts, NOON)}
    levels = {name: each.level for name, each in assessed.items()}
    assert levels["jfk-lax"] is Level.OK
    assert levels["odd-view-as-table"] is Level.NOT
    assert levels["odd-missing-subscription"] is Level.NOT
    for name in ("odd-no-metadata", "odd-no-dead-letters", "odd-unreadable", "odd-filtered"):
        assert levels[name] is Level.PARTLY, name
    words = {name: " ".join(f"{f.what} {f.remedy}" for f in each.findings) for name, each in assessed.items()}
    assert "write_metadata" in words["odd-no-metadata"]
    assert "dead-letter policy" in words["odd-no-dead-letters"]
    assert "bigquery.tables.getData" in words["odd-unreadable"]
    assert "500 rows of the last day do not count" in words["odd-loaded-rows"]
    assert "odd-second-subscription-bq-2" in words["odd-second-subscription"]
    jfk = assessed["jfk-lax"]
    assert jfk.bytes_per_month is not None
    assert jfk.bytes_per_month >= 730 * 60 * 10 * 2**20
    assert jfk.usd_per_month == pytest.approx(jfk.bytes_per_month * 6.25 / 2**40)


def test_check_says_what_a_wrong_location_should_be(run: Run) -> None:
    from dataclasses import replace

    wrong = [replace(each, location="us-east1") for each in run.parts.config.systems if each.id == "odd-location-eu"]
    parts = replace(run.parts, config=replace(run.parts.config, systems=tuple(wrong)))
    (assessed,) = checking.assess(parts, NOON)
    assert assessed.level is Level.NOT
    assert any(finding.remedy == "set location: EU" for finding in assessed.findings)


def test_report_names_rows_that_are_not_in_it(run: Run) -> None:
    from datetime import timedelta

    measured = reporting.measure(run.parts, NOON - timedelta(minutes=90), NOON - timedelta(minutes=30))
    assert any("odd-loaded-rows: 500 rows do not count" in note for note in measured.notes)
    assert {failure.system for failure in measured.failures} == {"odd-view-as-table", "odd-unreadable"}
