"""What the exporter says that the monitoring used, against what the sandbox would bill for it."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from exporter.pricing import HOURS_PER_MONTH, TIB
from tests.end_to_end.conftest import Run, lines, running

MINUTE = 60.0


def billed(run: Run) -> dict[str, Any]:
    with urllib.request.urlopen(f"{run.sandbox.addresses.control}/stats", timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_measured_usage_is_what_would_be_billed() -> None:
    with running(12, history_s=3600) as run:
        exporter = run.exporter()
        for minutes in (0, *[1] * 20, 60, 15, 15, 60):
            run.advance(minutes * MINUTE)
            run.cycle(exporter)
        used, account = exporter.meter.used, billed(run)
    points = account["points_stored"] - account["distribution_points_stored"]
    assert used.scalar_points == points
    assert used.distribution_points == account["distribution_points_stored"]
    assert used.bytes_billed == pytest.approx(account["bytes_billed"], rel=0.01)
    assert used.series_read == pytest.approx(account["series_returned"], rel=0.01)


def test_the_projected_cost_is_exported(tmp_path: Path) -> None:
    with running(6, history_s=3600) as run:
        exporter = run.exporter()
        run.cycle(exporter)
        first, begin = exporter.meter.used, run.parts.clients.now()
        for _ in range(90):
            run.advance(MINUTE)
            run.cycle(exporter)
        hours = (run.parts.clients.now() - begin).total_seconds() / 3600
        exported = {
            series["metric"]["labels"]["component"]: series["points"][0]["value"]["doubleValue"]
            for series in lines(run.dump(tmp_path) / "timeseries.jsonl")
            if series["metric"]["type"].endswith("/exporter/observer_cost")
        }
        spent = (exporter.meter.used.bytes_billed - first.bytes_billed) / TIB * 6.25
    assert set(exported) == {"bigquery_query", "monitoring_points", "monitoring_reads"}
    # The newest point is of the usage up to the cycle before it.
    assert exported["bigquery_query"] == pytest.approx(float(spent) / hours * HOURS_PER_MONTH, rel=0.05)


def test_over_the_budget_only_what_pages_nobody_slows_down() -> None:
    with running(3, history_s=3600) as run:
        exporter = run.exporter()
        exporter.meter.budget_usd = 0.01
        for _ in range(8):
            report = run.cycle(exporter)
            run.advance(3600)
    # At half past seven in the evening costs end at six, and everything else is where it always is.
    assert {each.spend.end.hour for each in report.systems if each.spend is not None} == {18}
    assert all(each.landing is not None and each.landing.end.hour == 19 for each in report.systems)
