"""What the exporter says, against what really happened, calculated by other code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.document import cycle as cycle_document
from exporter.model import LATENCY_BOUNDS_S, System
from tests.end_to_end.conftest import lines, running
from tests.end_to_end.recomputation import (
    HOUR_US,
    Truth,
    buckets,
    hour_cost,
    outcomes,
    parse_us,
    quantile,
    queries_of,
    stored_points,
)

MEASURED = (
    "jfk-lax",
    "lga-atl",
    "lga-ord",
    "odd-standing-backlog",
    "odd-late-duplicates",
    "odd-second-subscription",
    "odd-shared-table",
    "odd-loaded-rows",
    "odd-no-dead-letters",
    "odd-location-us",
    "odd-location-eu",
    "odd-location-europe-west1",
)


class Evidence:
    """One cycle over a fleet with odd systems, and the dump of what really happened."""

    def __init__(self, report: dict[str, Any], dump: Path, systems: dict[str, System], prices: dict[str, Any]) -> None:
        self.report = {each["id"]: each for each in report["systems"]}
        self.dump = dump
        self.systems = systems
        self.prices = prices
        self.truths: dict[str, Truth] = {}

    def truth(self, name: str) -> Truth:
        if name not in self.truths:
            system = self.systems[name]
            self.truths[name] = Truth(self.dump, name, system.subscription, system.duplicate_lookback_s * 1_000_000)
        return self.truths[name]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    with running(6, scenario="odd-systems", history_s=2 * 3600) as run:
        report = cycle_document(run.cycle())
        dump = run.dump(tmp_path_factory.mktemp("dump"))
        systems = {system.id: system for system in run.parts.config.systems}
        yield Evidence(report, dump, systems, dict(run.parts.prices.values))


@pytest.mark.parametrize("name", MEASURED)
def test_every_window_counts_exactly_the_rows_that_landed(evidence: Evidence, name: str) -> None:
    counted = outcomes(stored_points(evidence.dump, "messages")[name], "outcome")
    length_us = evidence.systems[name].window_s * 1_000_000
    ends = sorted({end for outcome, end in counted if outcome == "delivered"})
    assert len(ends) >= 24
    for end in ends:
        truth = evidence.truth(name).window(parse_us(end) - length_us, parse_us(end))
        assert counted["delivered", end] == truth.delivered, end
        assert counted["duplicate", end] == truth.duplicate, end


@pytest.mark.parametrize("name", MEASURED)
def test_every_window_counts_exactly_the_messages_that_were_published_and_dead_lettered(
    evidence: Evidence, name: str
) -> None:
    counted = outcomes(stored_points(evidence.dump, "messages")[name], "outcome")
    length_us = evidence.systems[name].window_s * 1_000_000
    ends = sorted({end for outcome, end in counted if outcome == "published"})
    assert len(ends) >= 23
    for end in ends:
        span = (parse_us(end) - length_us, parse_us(end))
        assert counted["published", end] == evidence.truth(name).total("published", *span)
        assert counted["dead_lettered", end] == evidence.truth(name).total("dead_lettered", *span)


def test_duplicates_fall_into_later_windows_too(evidence: Evidence) -> None:
    counted = outcomes(stored_points(evidence.dump, "messages")["odd-late-duplicates"], "outcome")
    assert sum(count for (outcome, _), count in counted.items() if outcome == "duplicate") > 20


@pytest.mark.parametrize("name", MEASURED)
def test_histograms_hold_every_row_in_its_bucket(evidence: Evidence, name: str) -> None:
    length_us = evidence.systems[name].window_s * 1_000_000
    series = stored_points(evidence.dump, "latency")[name]
    assert series
    for each in series:
        point = each["points"][0]
        end_us = parse_us(point["interval"]["endTime"])
        assert parse_us(point["interval"]["startTime"]) == end_us - length_us + 1000
        truth = evidence.truth(name).window(end_us - length_us, end_us)
        value = point["value"]["distributionValue"]
        counts = [int(count) for count in value["bucketCounts"]]
        expected = buckets(truth.latencies_us, list(LATENCY_BOUNDS_S))
        assert counts + [0] * (len(expected) - len(counts)) == expected
        assert int(value["count"]) == len(truth.latencies_us)
        assert math.isclose(value["mean"] * int(value["count"]), sum(truth.latencies_us) / 1e6, rel_tol=1e-9)


@pytest.mark.parametrize("name", MEASURED)
def test_quantiles_are_within_one_percent(evidence: Evidence, name: str) -> None:
    length_us = evidence.systems[name].window_s * 1_000_000
    for each in stored_points(evidence.dump, "latency_quantile")[name]:
        point = each["points"][0]
        end_us = parse_us(point["interval"]["endTime"])
        latencies = evidence.truth(name).window(end_us - length_us, end_us).latencies_us
        expected = quantile(latencies, float(each["metric"]["labels"]["quantile"]))
        assert math.isclose(point["value"]["doubleValue"], expected, rel_tol=0.01, abs_tol=0.001)


@pytest.mark.parametrize("name", MEASURED)
def test_errors_and_losses_are_exact(evidence: Evidence, name: str) -> None:
    found = evidence.report[name]
    start_us, end_us = (parse_us(moment) for moment in found["windows"]["delivery"])
    truth = evidence.truth(name)
    if found["error_basis"] == "messages":
        bad, good = truth.total("dead_lettered", start_us, end_us), truth.window(start_us, end_us).delivered
    else:
        bad, good = (truth.total(f"attempts_{kind}", start_us, end_us) for kind in ("error", "ok"))
    assert found["error_ratio"] == bad / (bad + good)
    assert found["unaccounted_messages"] == truth.unaccounted(end_us)
    if found["unaccounted_messages"] >= 0:
        assert found["loss_ratio"] == truth.unaccounted(end_us) / truth.total("published", end_us - HOUR_US, end_us)


def test_a_standing_backlog_is_neither_lost_nor_an_error_of_messages(evidence: Evidence) -> None:
    found = evidence.report["odd-standing-backlog"]
    assert found["backlog_messages"] > 20
    assert found["unaccounted_messages"] == 0
    assert found["error_basis"] == "attempts"
    assert found["error_ratio"] > 0


@pytest.mark.parametrize(
    "name", ["jfk-lax", "lga-atl", "odd-standing-backlog", "odd-late-duplicates", "odd-location-eu"]
)
def test_cost_per_message_is_what_bytes_and_prices_say(evidence: Evidence, name: str) -> None:
    found = evidence.report[name]
    truth, table = evidence.truth(name), str(evidence.systems[name].table)
    end_us = parse_us(found["windows"]["spend"][1])
    first_us = min(truth.minutes) - min(truth.minutes) % HOUR_US
    snapshot = next(
        each
        for each in lines(evidence.dump / "storage.jsonl")
        if each["table"] == table and "TABLE_STORAGE" in each["source"]
    )
    stored = (snapshot["active_logical_bytes"], snapshot["long_term_logical_bytes"])
    costs = [
        hour_cost(truth, hour_us, queries_of(evidence.dump, table, hour_us), stored, evidence.prices)
        for hour_us in range(max(first_us, end_us - 24 * HOUR_US), end_us, HOUR_US)
    ]
    assert len(costs) >= 2
    delivered = truth.window(max(first_us, end_us - 24 * HOUR_US), end_us).delivered
    whole = sum(value for cost in costs for value in cost.values()) / delivered
    assert math.isclose(found["cost_per_message_usd"], float(whole), rel_tol=1e-9)
    pubsub = sum(value for cost in costs for key, value in cost.items() if key.startswith("pubsub"))
    written = truth.written_bytes(max(first_us, end_us - 24 * HOUR_US), end_us)
    ingest = (float(pubsub) + written * evidence.prices["storage_active_per_gib_month"] / 2**30) / delivered
    assert math.isclose(found["ingest_cost_per_message_usd"], ingest, rel_tol=1e-9)


def test_the_age_of_the_data_is_that_of_the_newest_message_queryable(evidence: Evidence) -> None:
    for name in MEASURED:
        end_us = parse_us(evidence.report[name]["windows"]["landing"][1])
        newest = max(
            row.publish_us
            for row in evidence.truth(name).landed
            if row.publish_us is not None and row.commit_us < end_us
        )
        assert evidence.report[name]["data_age_s"] == timedelta(microseconds=max(0, end_us - newest)).total_seconds()
