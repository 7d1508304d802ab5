"""Every rendered policy is one that the API takes, asks for what the exporter writes, and has a runbook."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.metrics.accounting import Unaccounted
from exporter.metrics.catalog import CATALOG, Kind
from exporter.metrics.state import BACKLOG_AGE_FACTOR, PAGE_BURN_RATE
from exporter.model import Objectives
from exporter.rendering import ranges, templates
from exporter.rendering.backends import Backend, names
from tests import programs
from tests.alerts.policies import fleet, of_all_kinds, rendered, rules, some
from tests.alerts.promql import grouping, seconds, selectors
from tests.discovery import check, dropped

FLEETS = of_all_kinds()
RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks.md"
RESOURCE_LABELS = {"namespace", "job"}
MATCHED_LABELS = RESOURCE_LABELS | {"monitored_resource"}
DAY_S = 86_400
PUBLISHED = "https://wiki.example.com/runbooks"
OF_MANY = {"fleet-incident": "CRITICAL", "fleet-error": "ERROR", "fleet-warning": "WARNING"}
"""Incidents of many systems, and their severities: those of the kinds that each stands for."""

FLEET_WIDE = {*OF_MANY, "exporter-absent", "exporter-over-budget"}
TEMPLATES = templates.read("alerts")


@pytest.fixture(params=FLEETS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(Backend))
def backend(request: pytest.FixtureRequest) -> Backend:
    found = request.param
    assert isinstance(found, Backend)
    return found


@pytest.fixture
def policies(name: str, backend: Backend) -> dict[str, dict[str, Any]]:
    return rendered(FLEETS[name], backend)


def conditions(policies: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for policy in policies.values():
        yield from (each["conditionPrometheusQueryLanguage"] for each in policy["conditions"])


def test_policies_are_what_the_api_describes(policies: dict[str, dict[str, Any]]) -> None:
    for policy in policies.values():
        assert check(policy, "AlertPolicy", "monitoring.v3") == []
        assert dropped(policy) == []


def test_policies_keep_the_rules_that_the_description_does_not_know(policies: dict[str, dict[str, Any]]) -> None:
    for policy in policies.values():
        assert policy["combiner"] == "OR"
        assert 1 <= len(policy["conditions"]) <= 6
        assert 1800 <= seconds(policy["alertStrategy"]["autoClose"]) <= 7 * DAY_S
        assert len(policy["displayName"]) <= 512
        for key, value in policy["userLabels"].items():
            assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
            assert re.fullmatch(r"[a-z0-9_-]{1,63}", value)
    for condition in conditions(policies):
        assert condition["query"].strip()
        assert seconds(condition["evaluationInterval"]) % 30 == 0
        # https://cloud.google.com/monitoring/promql/create-promql-alerts: whole minutes, at most a day.
        assert seconds(condition.get("duration", "0s")) % 60 == 0
        assert seconds(condition.get("duration", "0s")) <= DAY_S
        assert condition["disableMetricValidation"] is True


def test_documentation_fits(policies: dict[str, dict[str, Any]]) -> None:
    for policy in policies.values():
        said = policy["documentation"]
        assert len(said["content"]) <= 8192
        assert len(said["content"].encode()) <= 10_240
        assert len(said["subject"].encode()) <= 255
        assert said["mimeType"] == "text/markdown"
        assert 1 <= len(said["links"]) <= 3
        for link in said["links"]:
            assert 1 <= len(link["displayName"]) <= 63
            assert link["url"].startswith(("https://console.cloud.google.com/", f"{PUBLISHED}#"))
            assert len(link["url"]) <= 2083
        variables = set(re.findall(r"\$\{([^}]*)\}", said["subject"] + said["content"]))
        assert variables <= {"metric_or_resource.label.job", "metric_or_resource.label.kind", "metric.label.value"}


def test_names_tell_policies_apart(policies: dict[str, dict[str, Any]]) -> None:
    titles = [policy["displayName"] for policy in policies.values()]
    assert len(set(titles)) == len(titles)
    for policy_name, policy in policies.items():
        kind, *parts = policy_name.split("--")
        assert policy["userLabels"]["kind"] == kind
        assert kind in policy["displayName"]
        assert all(
            part.replace("-", "/", 1) in policy["displayName"] or part in policy["displayName"] for part in parts
        )
        assert policy["userLabels"]["fleet"] in policy["displayName"]
        assert len(policy["conditions"]) == 1


def test_queries_ask_for_what_is_written(name: str, backend: Backend, policies: dict[str, dict[str, Any]]) -> None:
    config = FLEETS[name]
    prefix = names(backend, config.exporter.metric_prefix)["promql_prefix"]
    known = {f"{prefix}{metric.name.replace('/', '_')}": metric for metric in CATALOG.values()}
    for condition in conditions(policies):
        assert grouping(condition["query"]) <= RESOURCE_LABELS
        for selector in selectors(condition["query"]):
            metric = known[selector.metric]
            assert selector.labels["namespace"] == config.fleet
            assert set(selector.labels) - MATCHED_LABELS <= set(metric.labels)
            # A custom metric may lie on several resource types: its selector has to name one.
            resource = None if backend is Backend.OTLP else "generic_task"
            assert selector.labels.get("monitored_resource") == resource
            assert selector.range_s >= 300


def test_labels_have_values_that_are_written() -> None:
    """The values are spelled out in the catalogue's definitions."""
    for rule in rules(list(rendered(FLEETS["one"], Backend.OTLP).values())):
        for selector in selectors(rule.query):
            metric = next(m for m in CATALOG.values() if f"pipeline_{m.name.replace('/', '_')}" == selector.metric)
            for label, value in selector.labels.items():
                if label not in RESOURCE_LABELS and metric.name not in (
                    "info",
                    "exporter/watermark",
                    "cost_per_message",
                ):
                    assert value in metric.definition + metric.description, (metric.name, label, value)


def test_counts_are_summed_and_gauges_are_looked_back_at() -> None:
    for rule in rules(list(rendered(FLEETS["one"], Backend.OTLP).values())):
        for selector in selectors(rule.query):
            metric = next(m for m in CATALOG.values() if f"pipeline_{m.name.replace('/', '_')}" == selector.metric)
            functions = set(re.findall(rf"(\w+)\({selector.metric}\{{", rule.query))
            if metric.kind is Kind.COUNT:
                assert functions == {"increase"}
            else:
                assert functions <= {"last_over_time", "count_over_time", "absent_over_time"}
        assert "avg" not in rule.query


def test_promtool_finds_all_queries_valid(policies: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    groups = [{"name": "all", "rules": [{"alert": "A", "expr": each["query"]} for each in conditions(policies)]}]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    command = [programs.need("promtool"), "check", "rules", "--lint=none", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_has_a_runbook_and_every_runbook_a_kind() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOKS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(TEMPLATES)
    for kind, template in TEMPLATES.items():
        assert template.count(f'${{runbooks}}#{kind}"') == 1
        assert template.count(f'${{runbook_url}}#{kind}"') == 1


def asked(kind: str) -> str:
    query = json.loads(TEMPLATES[kind])["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
    assert isinstance(query, str)
    return query


def test_whatever_is_held_back_has_its_fleet_incident() -> None:
    """What the fleet's incident counts is, to the letter, what holds the incidents of systems back; and it is as severe."""
    counted: dict[str, str] = {}
    for kind in TEMPLATES.keys() - FLEET_WIDE:
        found, held_back = asked(kind).rsplit("\nunless on (namespace) (", 1)
        counted[kind] = held_back.removesuffix(")")
        condition = found.rsplit("\nand on (namespace, job) ", 1)[0]
        assert counted[kind].startswith(f"count by (namespace) ({condition}\nand on (namespace, job) "), kind
    told: list[str] = []
    for name, severity in OF_MANY.items():
        for part in asked(name).removeprefix("label_replace(").split("\nor label_replace("):
            series = re.fullmatch(r'(.*), "kind", "([a-z-]+)", "", ""\)', part, re.DOTALL)
            assert series, part
            count, kind = series.groups()
            assert count == counted[kind] or count.startswith(f"({counted[kind]})\nunless on (namespace) ("), kind
            assert json.loads(TEMPLATES[kind])["severity"] == json.loads(TEMPLATES[name])["severity"] == severity
            told.append(kind)
    assert sorted(told) == sorted(counted)


def test_a_runbook_that_is_published_is_linked_to() -> None:
    for kind, policy in rendered(fleet(some(1), runbook_url=PUBLISHED)).items():
        heading = f"{PUBLISHED}#{kind.partition('--')[0]}"
        assert policy["documentation"]["links"][0] == {"displayName": "Runbook", "url": heading}
        assert policy["documentation"]["content"].endswith(f"More: {heading}")
    for kind, policy in rendered(fleet(some(1))).items():
        assert [link["displayName"] for link in policy["documentation"]["links"]] == ["Dashboards", "Incidents"]
        assert policy["documentation"]["content"].endswith(f"More: docs/runbooks.md#{kind.partition('--')[0]}")


def test_notifications_say_what_where_and_how_many() -> None:
    for name in OF_MANY:
        said = json.loads(TEMPLATES[name])["documentation"]
        for text in (said["subject"], said["content"]):
            assert "$${metric_or_resource.label.kind}" in text
            assert "$${metric.label.value} systems" in text
    for kind in TEMPLATES.keys() - FLEET_WIDE:
        said = json.loads(TEMPLATES[kind])["documentation"]
        assert "$${metric_or_resource.label.job}" in said["subject"]
        assert "*Pipeline $${metric_or_resource.label.job} (${fleet})*" in said["content"]


def test_templates_can_be_filled_in_by_terraform_too() -> None:
    for kind, template in TEMPLATES.items():
        assert "%{" not in template, kind
        assert not re.search(r"\$(?!\{|\$\{)", template), kind
        assert template.endswith("}\n")


def test_numbers_are_those_of_health_and_of_the_balance() -> None:
    queries = {rule.kind: rule.query for rule in rules(list(rendered(fleet(some(1)), Backend.OTLP).values()))}
    assert f"clamp_max({PAGE_BURN_RATE} * (1 - " in queries["latency-burn"]
    assert f"> {BACKLOG_AGE_FACTOR} * max" in queries["backlog"]
    balance = Unaccounted(published=6000, messages=0)
    assert queries["silent-loss"].count("> 2 / 60") == 2
    assert balance.tolerance / balance.published == 2 / 60
    assert Unaccounted(60, 0).tolerance / 60 == 2 / 60


def test_one_bad_message_is_never_taken_for_three() -> None:
    """``increase()`` stretches what it saw over its range: by the share of the range that holds no samples, within limits."""
    for window_s, interval_s in [(60, 60), (300, 900), (3600, 3600), (3600, 21_600)]:
        of_class = ranges.of_class((window_s, interval_s))
        for key in ("fast_long_s", "medium_long_s", "errors_fast_long_s", "errors_medium_long_s"):
            gap_s = 1.1 * window_s
            stretched_s = window_s + sum(
                min(rest_s, gap_s) if rest_s < gap_s else window_s / 2
                for rest_s in [min(gap_s - 1, of_class[key] - window_s), max(0, of_class[key] - 2 * window_s)]
            )
            assert stretched_s / window_s < 3


def test_odd_objectives_have_thresholds_that_can_be_reached() -> None:
    """The share of bad messages is at most one: at a target of 0.9 the budget cannot burn 14.4 times as fast."""
    for target in (Objectives(30, 0.9, 0.9, 900), Objectives(30, 0.000_001, 0.5, 900)):
        assert min(PAGE_BURN_RATE * (1 - target.latency_target), 0.9) < 1
