"""Idle tables cost nothing, broken ones recover, and nothing old is shown as new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.model import Tier
from exporter.sandbox.provisioning import METADATA_COLUMNS
from tests.end_to_end.conftest import Run, by_id, running


def own_jobs(run: Run) -> list[dict[str, Any]]:
    return [job for job in run.sandbox.world.engines.bigquery.jobs() if job["labels"].get("app") == "exporter"]


def test_a_table_without_new_rows_is_not_read_and_its_windows_are_empty() -> None:
    with running(8, scenario="publisher-silent", history_s=3600) as run:
        silent = run.sandbox.world.pipelines[4]
        exporter = run.exporter()
        before = by_id(run.cycle(exporter))[silent.id]
        assert before["messages"]["delivered"] == 0
        run.advance(960)
        run.cycle(exporter)  # the first collection that finds nothing
        read = len(own_jobs(run))
        ages = [before["data_age_s"]]
        for _ in range(3):
            run.advance(960)
            after = by_id(run.cycle(exporter))[silent.id]
            assert after["messages"]["delivered"] == 0
            assert after["latency_s"]["p50"] is None
            ages.append(after["data_age_s"])
        later = [job for job in own_jobs(run)[read:] if str(silent.table) in job["referenced_tables"]]
        assert later == []
        assert after["windows"]["landing"][1] >= "2026-11-24T13:15:00Z"
        assert ages == sorted(ages)
        assert ages[-1] - ages[0] >= 2 * 900
        restarted = by_id(run.cycle())[silent.id]
        assert restarted["data_age_s"] == ages[-1]


def test_rows_after_a_silence_are_found() -> None:
    with running(8, scenario="publisher-silent", history_s=3600) as run:
        silent = run.sandbox.world.pipelines[4]
        exporter = run.exporter()
        run.cycle(exporter)
        run.sandbox.world.influences[silent.id].silent = False
        delivered = 0
        for _ in range(3):
            run.advance(960)
            delivered += by_id(run.cycle(exporter))[silent.id]["messages"]["delivered"]
        assert delivered > 0


def test_a_deleted_table_is_asked_for_ever_more_seldom_and_found_again() -> None:
    with running(4, history_s=3600) as run:
        bigquery = run.sandbox.world.engines.bigquery
        victim = run.sandbox.world.pipelines[1]
        exporter = run.exporter()
        run.cycle(exporter)
        bigquery.delete_table(victim.table)
        asked = []
        for _ in range(30):
            run.advance(60)
            report = run.cycle(exporter)
            found = by_id(report)
            asked.append(sum(count for (_, method, _), count in report.calls.items() if method == "tables.get"))
            others = [found[pipeline.id] for pipeline in run.sandbox.world.pipelines if pipeline is not victim]
            assert all(other["health"] == "healthy" for other in others)
        assert "Not found" in found[victim.id]["problem"]
        assert 2 <= sum(asked) <= 6
        columns = [*METADATA_COLUMNS, {"name": "data", "type": victim.data_type, "mode": "REQUIRED"}]
        bigquery.create_table(victim.table, columns, partitioned="DAY")
        for _ in range(4):
            run.advance(960)
            found = by_id(run.cycle(exporter))
        assert found[victim.id]["problem"] is None or "latency objective" in found[victim.id]["problem"]
        assert found[victim.id]["windows"]["landing"][1] >= "2026-11-24T13:45:00Z"


def test_a_hung_table_is_cut_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collection.BIGQUERY_TIMEOUT_S", 1.5)
    with running(4, history_s=3600) as run:
        exporter = run.exporter()
        run.cycle(exporter)
        victim = run.sandbox.world.pipelines[1]
        run.sandbox.world.engines.bigquery.hang(victim.table)
        run.advance(960)
        exporter.collector.runner.timeout_s = 1.5
        report = run.cycle(exporter)
        found = by_id(report)
        assert [failure.reason for failure in report.failures] == ["timeout"]
        assert report.failures[0].system == victim.id
        for pipeline in run.sandbox.world.pipelines:
            if pipeline is not victim:
                assert found[pipeline.id]["windows"]["landing"][1] >= "2026-11-24T12:45:00Z"
        states = {job["job_id"]: job["state"] for job in own_jobs(run)}
        assert set(states.values()) == {"DONE"}, "what was cut is cancelled"


def test_after_an_outage_of_over_a_day_the_last_day_is_caught_up_and_the_rest_expired() -> None:
    with running(2, history_s=0) as run:
        run.cycle()
        run.advance(26 * 3600)
        report = run.cycle()
        assert report.windows_expired > 0
        critical = run.parts.config.systems[0]
        stored = run.sandbox.world.engines.monitoring.accepted()
        ends = {
            each["points"][0]["interval"]["endTime"]
            for each in stored
            if each["metric"]["type"].endswith("/messages")
            and each["metric"]["labels"]["outcome"] == "delivered"
            and each["resource"]["labels"]["job"] == critical.id
        }
        caught_up = [end for end in ends if end > "2026-11-24T13:00:00Z"]
        assert 24 * 60 <= len(caught_up) <= 24 * 60 + 1
        assert run.cycle().windows == 0


def test_a_longer_window_goes_on_with_costs() -> None:
    with running(2, history_s=3600) as run:
        run.cycle()
        system = run.parts.config.systems[0]
        assert system.window_s == 60
        slower = replace(system, tier=Tier.STANDARD, window_s=300, interval_s=900)
        changed = replace(run, parts=replace(run.parts, config=replace(run.parts.config, systems=(slower,))))
        for _ in range(4):
            run.advance(1800)
            found = by_id(changed.cycle())[system.id]
        assert found["windows"]["spend"] == ["2026-11-24T13:00:00Z", "2026-11-24T14:00:00Z"]
