"""What the parser makes of good files: defaults, names in full, tiers and places; and that nothing ever surprises it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import config
from exporter.config import Endpoints
from exporter.config.types import OtlpSettings
from exporter.model import ActiveHours, Columns, Objectives, System, TableRef, Tier
from tests.config.samples import EXAMPLE, GOOD, HEAD, SYSTEM, mistakes


def _parsed(text: str) -> config.Config:
    return config.parse(text, "systems.yaml")


def _system(*lines: str, defaults: str = "") -> System:
    """The system of the small configuration with more keys, and with more defaults."""
    head = HEAD.replace("}", f", {defaults}}}") if defaults else HEAD
    (system,) = _parsed(head + SYSTEM + "".join(f"    {line}\n" for line in lines)).systems
    return system


def test_the_example() -> None:
    loaded = config.load(EXAMPLE)
    assert loaded.fleet == "flights"
    assert loaded.endpoints == Endpoints()
    assert (loaded.exporter.monitoring_project, loaded.exporter.budget_monthly_usd) == ("acme-observability", 25)
    departures, arrivals, tickets = loaded.systems
    assert departures == System(
        id="departures",
        project="acme-data",
        location="us-central1",
        metrics_location="us-central1",
        tier=Tier.CRITICAL,
        window_s=60,
        interval_s=60,
        owner="data-platform",
        topic="projects/acme-data/topics/departures",
        subscription="projects/acme-data/subscriptions/departures-bq",
        table=TableRef("acme-data", "raw", "departures"),
        view=TableRef("acme-data", "curated", "departures"),
        objectives=Objectives(30, 0.99, 0.999, 900, 0.00002),
        active_hours=ActiveHours(frozenset(range(7)), 0, 1440),
        dead_letter_subscription="projects/acme-data/subscriptions/departures-dlq",
        api="departures-api",
    )
    assert arrivals.objectives == Objectives(120, 0.99, 0.999, 900, 0.00002)
    assert arrivals.active_hours == ActiveHours(frozenset(range(7)), 300, 1410, "America/New_York")
    assert (tickets.table, tickets.view) == (TableRef("acme-sales", "raw", "tickets"), None)
    assert tickets.topic == "projects/acme-sales/topics/tickets"
    assert (tickets.location, tickets.metrics_location) == ("EU", "europe-west1")
    assert (tickets.owner, tickets.query_projects) == ("sales", ("acme-reports",))


def test_what_is_not_given() -> None:
    system = _system()
    assert (system.tier, system.window_s, system.interval_s) == (Tier.STANDARD, 300, 900)
    assert system.objectives == Objectives(30, 0.99, 0.999, 900, None)
    assert (system.owner, system.duplicate_lookback_s, system.columns) == ("unassigned", 600, Columns())
    settings_ = _parsed(GOOD).exporter
    assert settings_.monitoring_project == "acme-data"
    assert (settings_.listen_host, settings_.listen_port, settings_.auth) == ("127.0.0.1", 8080, None)
    assert (settings_.sinks, settings_.prices, settings_.budget_monthly_usd) == (("cloud_monitoring",), {}, None)


def test_objectives_and_columns_are_merged_key_by_key() -> None:
    system = _system(
        "objectives: {latency: {target: 0.5}, errors: {target: 0.75}}",
        "columns: {message_id: id}",
        defaults="objectives: {latency: {threshold: 5s}, errors: {target: 0.25}, data_age: 1h}, columns: {publish_time: at}",
    )
    assert system.objectives == Objectives(5, 0.5, 0.75, 3600, None)
    assert system.columns == Columns(publish_time="at", message_id="id")


def test_lists_are_replaced() -> None:
    assert _system("query_projects: [acme-two]", defaults="query_projects: [acme-one]").query_projects == ("acme-two",)
    assert _system("query_projects: []", defaults="query_projects: [acme-one]").query_projects == ()
    assert _system(defaults="query_projects: [acme-one]").query_projects == ("acme-one",)


@pytest.mark.parametrize(
    ("lines", "defaults", "expected"),
    [
        (["tier: critical"], "", (60, 60)),
        (["tier: batch"], "", (3600, 3600)),
        ([], "tier: batch", (3600, 3600)),
        (["tier: critical"], "tier: batch", (60, 60)),
        (["window: 10m", "interval: 30m"], "", (600, 1800)),
        (["window: 1h"], "", (3600, 3600)),
        (["window: 10m"], "", (600, 1200)),
        (["interval: 6h"], "", (300, 21600)),
        (["tier: critical", "interval: 7m"], "", (60, 420)),
        ([], "window: 2m, interval: 4m", (120, 240)),
        # A tier of the system's own says more than what all share.
        (["tier: critical"], "window: 2m", (60, 60)),
        (["tier: batch"], "tier: critical, window: 2m, interval: 4m", (3600, 3600)),
        (["tier: critical", "window: 3m"], "interval: 1h", (180, 180)),
        (["window: 1m"], "window: 2m, interval: 4m", (60, 240)),
    ],
)
def test_windows_and_intervals(lines: list[str], defaults: str, expected: tuple[int, int]) -> None:
    system = _system(*lines, defaults=defaults)
    assert (system.window_s, system.interval_s) == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("US", "us-central1"),
        ("us", "us-central1"),
        ("EU", "europe-west1"),
        ("asia-northeast1", "asia-northeast1"),
        ("europe-west12", "europe-west12"),
    ],
)
def test_series_lie_in_a_region(location: str, expected: str) -> None:
    system = _system(f"location: {location}")
    assert system.metrics_location == expected
    assert system.location == {"us": "US"}.get(location, location)
    assert _system(f"location: {location}", "metrics_location: us-east4").metrics_location == "us-east4"


def test_another_cloud_needs_its_own_place_for_series() -> None:
    system = _system("location: aws-us-east-1", "metrics_location: us-east4")
    assert (system.location, system.metrics_location) == ("aws-us-east-1", "us-east4")


def test_names_in_full_and_a_project_of_a_domain() -> None:
    system = _system("project: example.com:flights", "view: other-project.curated.departures")
    assert system.topic == "projects/example.com:flights/topics/departures"
    assert system.table == TableRef("example.com:flights", "raw", "departures")
    assert system.view == TableRef("other-project", "curated", "departures")


def test_six_classes_are_not_too_many() -> None:
    lines = "".join(
        f"  - {{id: s{n}, topic: top, subscription: sub{n}, table: raw.t, window: {n}m, interval: 1h}}\n"
        for n in range(1, 7)
    )
    assert len(_parsed(HEAD + "systems:\n" + lines).systems) == 6


def test_a_table_and_a_topic_may_be_shared() -> None:
    second = "  - {id: b, topic: departures, subscription: other, table: raw.departures}\n"
    assert len(_parsed(GOOD + second).systems) == 2


@pytest.mark.parametrize("number", ["0.00002", "2e-5", "2E-05", "2.0e-5", ".00002"])
def test_small_numbers_in_every_notation(number: str) -> None:
    objectives = _system(f"objectives: {{cost_per_message_usd: {number}}}").objectives
    assert objectives.cost_per_message_usd == 0.00002


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("localhost:9090", ("localhost", 9090)),
        ("127.0.0.2:0", ("127.0.0.2", 0)),
        ("'[::1]:65535'", ("::1", 65535)),
        ("0.0.0.0:80\n  auth: iap", ("0.0.0.0", 80)),
    ],
)
def test_listen(listen: str, expected: tuple[str, int]) -> None:
    settings_ = _parsed(GOOD + f"exporter:\n  listen: {listen}\n").exporter
    assert (settings_.listen_host, settings_.listen_port) == expected


def test_exporter_and_endpoints() -> None:
    loaded = _parsed(
        GOOD
        + "exporter: {prices: {on_demand_per_tib: 5, slot_hour: 0},\n"
        + "  metric_prefix: workload.googleapis.com/a/b,\n  fleet_incident_systems: 9}\n"
        + "endpoints: {bigquery: 'http://127.0.0.1:9050', pubsub: 'localhost:8085', monitoring: '[::1]:1', clock: 'https://h/now'}\n"
    )
    assert loaded.exporter.prices == {"on_demand_per_tib": 5, "slot_hour": 0}
    assert (loaded.exporter.fleet_incident_systems, loaded.exporter.metric_prefix) == (9, "workload.googleapis.com/a/b")
    assert loaded.endpoints == Endpoints("http://127.0.0.1:9050", "localhost:8085", "[::1]:1", "https://h/now")


def test_where_points_go() -> None:
    assert _parsed(GOOD).exporter.otlp == OtlpSettings("https://telemetry.googleapis.com", None, "delta")
    settings_ = _parsed(
        GOOD
        + "exporter:\n  sinks: [otlp, cloud_monitoring, prometheus]\n"
        + "  otlp: {endpoint: 'https://collector:4318/otlp', headers_file: /run/secrets/otlp headers, temporality: cumulative}\n"
    ).exporter
    assert settings_.sinks == ("otlp", "cloud_monitoring", "prometheus")
    assert settings_.otlp == OtlpSettings("https://collector:4318/otlp", "/run/secrets/otlp headers", "cumulative")


def test_anchors_crlf_and_a_byte_order_mark() -> None:
    """A whole value may be an alias; Windows' editors end lines and begin files in their own way."""
    text = HEAD + "systems:\n  - {id: a, topic: one, subscription: one, table: r.a, objectives: &o {data_age: 2m}}\n"
    text += "  - {id: b, topic: two, subscription: two, table: r.b, objectives: *o}\n"
    for variant in (text, text.replace("\n", "\r\n"), "\ufeff" + text):
        assert [system.objectives.data_age_s for system in _parsed(variant).systems] == [120, 120]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon-Fri 08:00-18:00 UTC", ActiveHours(frozenset(range(5)), 480, 1080, "UTC")),
        ("sat,Sun 00:00-24:00 Europe/Paris", ActiveHours(frozenset({5, 6}), 0, 1440, "Europe/Paris")),
        ("Fri-Mon 22:00-06:00 Etc/GMT+5", ActiveHours(frozenset({4, 5, 6, 0}), 1320, 360, "Etc/GMT+5")),
        ("Wed 00:00-00:01 UTC", ActiveHours(frozenset({2}), 0, 1, "UTC")),
    ],
)
def test_active_hours(text: str, expected: ActiveHours) -> None:
    assert _system(f"active_hours: {text}").active_hours == expected


# Whatever is in the file, the answer is a configuration or a list of mistakes.


def _never_surprises(text: str) -> None:
    for mistake in mistakes(text):
        assert mistake.file == "systems.yaml"
        assert 1 <= mistake.line <= len(text) + 1
        assert mistake.message
        assert str(mistake).isprintable()


@given(st.text())
def test_any_text(text: str) -> None:
    _never_surprises(text)


_WORDS = ("<<", "---", "...", ": ", "- ", "!!int", "&a", "*a", "\\x", "fleet", "systems", "%YAML 1.1")
_YAML_TOKENS = st.sampled_from([*"[]{}-?:,#&*!|>'\"%@`~ \n\t", *_WORDS])


@given(st.lists(_YAML_TOKENS).map("".join))
def test_any_marks_of_yaml(text: str) -> None:
    _never_surprises(text)


_KEYS = sorted(
    {"fleet", "defaults", "systems", "exporter", "endpoints", "<<", "1", "", "target", "threshold", "prices"}
    | set(config.schema()["properties"]["systems"]["items"]["properties"])
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.binary() | st.text(max_size=20)
_TREES = st.recursive(
    _SCALARS | st.sampled_from(["30s", "US", "critical", "raw.t", "acme-data", "1:30"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5) | st.integers() | st.none(), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(_TREES)
def test_any_tree(tree: Any) -> None:
    _never_surprises(yaml.safe_dump(tree, allow_unicode=True))


@given(_TREES, st.sampled_from(sorted(config.schema()["properties"])))
def test_any_tree_as_a_section(tree: Any, section: str) -> None:
    document = {**yaml.safe_load(GOOD), section: tree}
    _never_surprises(yaml.safe_dump(document))


_TEXT = EXAMPLE.read_text(encoding="utf-8")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_damaged_example(data: st.DataObject) -> None:
    text = _TEXT
    for _ in range(data.draw(st.integers(1, 4), "damages")):
        start = data.draw(st.integers(0, len(text)), "start")
        end = data.draw(st.integers(start, min(len(text), start + 40)), "end")
        text = text[:start] + data.draw(st.text(max_size=5) | _YAML_TOKENS, "instead") + text[end:]
    _never_surprises(text)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))]


def _changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _changed(tree[path[0]], path[1:], value)
    return copy


_DOCUMENT = yaml.safe_load(_TEXT)


@settings(deadline=None)
@given(st.sampled_from(_places(_DOCUMENT)), _TREES)
def test_any_value_at_any_place_of_the_example(path: tuple[Any, ...], value: Any) -> None:
    _never_surprises(yaml.safe_dump(_changed(_DOCUMENT, path, value)))


def test_what_reads_the_file_loads_no_client() -> None:
    """``exporter check --offline`` must not wait for Google's libraries."""
    code = "import sys, json, exporter.config; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    loaded = set(json.loads(output))
    assert "yaml" in loaded
    assert loaded.isdisjoint({"google", "grpc", "opentelemetry", "requests", "duckdb", "pyarrow", "sqlglot"})
