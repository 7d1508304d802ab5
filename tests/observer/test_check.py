"""``exporter check --offline`` as a user runs it: what the fleet costs, the plan, and mistakes for machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import config, pricing
from exporter.config.types import OtlpSettings
from exporter.observer.estimate import Terms, estimate
from exporter.observer.review import paid_sinks


def check(path: Path, *words: str, columns: int = 80, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *python, "-m", "exporter", "check", "--offline", "-c", str(path), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


def written(path: Path, systems: int, budget: float | None, more: str = "") -> Path:
    """A fleet of standard systems, of which each fifth is batch."""
    lines = ["fleet: flights", "defaults: {project: acme-data, location: us-central1}", "systems:"]
    for place in range(systems):
        lines += [
            f"  - id: system-{place}  # number {place}",
            f"    topic: topic-{place}",
            f"    subscription: s-{place}",
        ]
        lines += [f"    table: raw.t{place}"]
        lines += ["    tier: batch", "    window: 5m", "    interval: 15m"] if place % 5 == 0 else []
    lines += [] if budget is None else [f"exporter: {{budget: {{monthly_usd: {budget}}}{more}}}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "systems.yaml"


def test_it_does_not_wait_for_googles_clients(file: Path) -> None:
    done = check(written(file, 50, 25), python=("-X", "importtime"))
    assert done.returncode == 0
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "exporter.observer.estimate" in imported
    assert not [
        name for name in imported if name.split(".")[0] in ("google", "grpc", "opentelemetry", "duckdb", "requests")
    ]


def test_fifty_systems_fit_a_screen(file: Path) -> None:
    done = check(written(file, 50, 25))
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert max(len(line.replace(str(file), "").rstrip()) for line in lines) <= 80
    assert len(lines) < 50
    assert "…" not in done.stdout
    assert "50 systems, no mistakes" in lines[0]
    assert "42 others" in done.stdout


def test_it_says_the_same_for_machines(file: Path) -> None:
    found = json.loads(check(written(file, 50, 25), "--json").stdout)
    assert (found["systems"], found["mistakes"]) == (50, [])
    cost = found["cost"]
    loaded = config.load(file)
    expected = estimate(loaded.systems, Terms(pricing.load({}, systems=50)))
    assert cost["monthly_usd"] == float(expected.bill.total)
    assert sum(cost["components"].values()) == pytest.approx(cost["monthly_usd"])
    assert sum(sum(family.values()) for family in cost["families"].values()) == pytest.approx(cost["monthly_usd"])
    assert len(cost["systems"]) == 50
    for each in cost["systems"]:
        assert sum(sum(family.values()) for family in each["families"].values()) == pytest.approx(each["monthly_usd"])
    assert {each["name"] for each in cost["alternatives"]} >= {"OTLP in place of custom metrics"}
    assert cost["budget_monthly_usd"] == 25
    assert cost["plan"]["fits"]
    assert not cost["plan"]["written"]
    assert cost["plan"]["monthly_usd"] <= 25 < cost["monthly_usd"]


def test_the_plan_is_written_once_and_is_kept(file: Path) -> None:
    before = written(file, 50, 25).read_text(encoding="utf-8")
    planned = json.loads(check(file, "--json").stdout)["cost"]["plan"]
    assert file.read_text(encoding="utf-8") == before, "only --plan writes"
    done = check(file, "--plan", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"]["plan"] == {**planned, "written": True}
    after = file.read_text(encoding="utf-8")
    intervals = {each["system"]: each["planned_interval_s"] for each in planned["changes"]}
    assert intervals
    for system in config.load(file).systems:
        assert system.interval_s == intervals.get(system.id, 900)
    again = check(file, "--plan", "--json")
    assert json.loads(again.stdout)["cost"]["plan"] == {
        "fits": True,
        "monthly_usd": pytest.approx(planned["monthly_usd"]),
        "written": False,
        "changes": [],
    }
    assert file.read_text(encoding="utf-8") == after


def test_batch_is_slowed_down_and_said_how_much_later_trouble_is_seen(file: Path) -> None:
    whole = json.loads(check(written(file, 50, 1000), "--json").stdout)["cost"]["monthly_usd"]
    done = check(written(file, 50, whole - 0.5))
    assert "batch" in done.stdout
    assert "15m -> 30m" in done.stdout
    assert "15m later" in done.stdout
    assert "standard" not in done.stdout
    assert f"exporter check --plan -c {file}  #" in done.stdout


def test_a_budget_that_no_interval_fits_is_said_and_nothing_is_written(file: Path) -> None:
    before = written(file, 50, 5).read_text(encoding="utf-8")
    seen = check(file)
    assert seen.returncode == 0
    assert "No intervals up to 1 h fit it" in seen.stdout
    done = check(file, "--plan")
    assert done.returncode == 1
    assert "No intervals up to 1 h fit it" in done.stdout
    assert file.read_text(encoding="utf-8") == before


def test_a_plan_needs_a_budget(file: Path) -> None:
    done = check(written(file, 3, None), "--plan")
    assert done.returncode == 2
    assert "set exporter.budget.monthly_usd" in done.stderr


def test_a_file_that_cannot_be_edited_is_left_as_it_was(file: Path) -> None:
    text = written(file, 50, 25).read_text(encoding="utf-8")
    shared = text.replace("    interval: 15m", "    interval: &often 15m", 1).replace(
        "    interval: 15m", "    interval: *often"
    )
    shared = shared.replace("    table: raw.t1\n", "    table: raw.t1\n    objectives: {data_age: *often}\n")
    file.write_text(shared, encoding="utf-8")
    done = check(file, "--plan")
    assert done.returncode == 1
    assert "was left as it was: more than the intervals would change (system-1)" in done.stderr
    assert file.read_text(encoding="utf-8") == shared


def test_mistakes_are_listed_for_machines(file: Path) -> None:
    file.write_text(
        "fleet: flights\ndefaults: {project: acme-data, location: US}\nsystems:\n  - id: A\n", encoding="utf-8"
    )
    done = check(file, "--json")
    assert done.returncode == 2
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert set(found) == {"mistakes"}
    assert {"file": str(file), "line": 4, "key": "systems[0].topic"}.items() <= next(
        each for each in found["mistakes"] if each["key"] == "systems[0].topic"
    ).items()
    assert all(set(each) == {"file", "line", "key", "message"} for each in found["mistakes"])
    assert "systems[0].topic" in check(file).stderr


def test_a_file_that_is_not_there_is_a_mistake_without_a_line(tmp_path: Path) -> None:
    done = check(tmp_path / "none.yaml", "--json")
    assert done.returncode == 2
    (mistake,) = json.loads(done.stdout)["mistakes"]
    assert (mistake["line"], mistake["key"]) == (None, None)


def test_prices_and_sinks_of_the_file_are_used(file: Path) -> None:
    more = ", prices: {on_demand_per_tib: 0}, sinks: [otlp]"
    cost = json.loads(check(written(file, 5, 25, more), "--json").stdout)["cost"]
    assert cost["components"]["bigquery_query"] == cost["components"]["monitoring_points"] == 0
    assert cost["components"]["otlp_samples"] > 0
    assert "OTLP in place of custom metrics" not in {each["name"] for each in cost["alternatives"]}


def test_queries_on_slots_are_said_not_to_be_in_it(file: Path) -> None:
    done = check(written(file, 5, 25, ", prices: {slot_hour: 0.04}"))
    assert "Queries run on slots" in done.stdout.replace("\n", " ")


def test_a_collector_of_ones_own_is_not_googles_to_charge_for(file: Path) -> None:
    settings = config.load(written(file, 1, 25, ", sinks: [cloud_monitoring, otlp, prometheus]")).exporter
    assert paid_sinks(settings) == ("cloud_monitoring", "otlp")
    own = config.load(
        written(file, 1, 25, ", sinks: [cloud_monitoring, otlp], otlp: {endpoint: 'http://collector:4318'}")
    ).exporter
    assert own.otlp == OtlpSettings("http://collector:4318")
    assert paid_sinks(own) == ("cloud_monitoring",)
