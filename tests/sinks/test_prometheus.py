"""What the Prometheus sink serves, as the client library's own parsers read it: names, labels, formats, and whole exports only."""

from __future__ import annotations

import math
import re
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB
from exporter.model import Outcome, Point
from exporter.sinks import Sink
from exporter.sinks.prometheus import PrometheusSink, name_of
from tests.sinks.scraping import (
    DELIVERED,
    NOW,
    SYSTEMS,
    WINDOW,
    count,
    everything,
    gauge,
    latency,
    made,
    series,
    served,
)


def test_it_is_a_sink_that_cannot_be_read_back() -> None:
    sink: Sink = made()
    sink.prepare()
    assert sink.export([]) == Outcome()
    points = everything()
    assert sink.export(points) == Outcome(written=tuple(points))
    assert sink.watermarks(NOW - timedelta(days=1), NOW) == {}
    assert sink.read("messages", NOW - timedelta(days=1), NOW) == []


def test_nothing_is_served_before_the_first_export() -> None:
    assert made().exposition("")[0] == b""


def test_names_have_base_units_and_types() -> None:
    sink = made()
    sink.export(everything())
    found = {family.name: family.type for family in plain(sink.exposition("")[0].decode())}
    assert len(found) == len(CATALOG)
    assert found.items() >= {
        ("pipeline_latency_seconds", "histogram"),
        ("pipeline_latency_quantile_seconds", "gauge"),
        ("pipeline_slo_events", "counter"),
        ("pipeline_messages", "counter"),
        ("pipeline_bytes", "counter"),
        ("pipeline_query_bytes", "counter"),
        ("pipeline_query_duration_seconds", "histogram"),
        ("pipeline_cost_usd", "counter"),
        ("pipeline_cost_per_message_usd", "gauge"),
        ("pipeline_error_ratio", "gauge"),
        ("pipeline_storage_bytes", "gauge"),
        ("pipeline_fleet_worst_latency_seconds", "gauge"),
        ("pipeline_exporter_watermark_seconds", "gauge"),
        ("pipeline_exporter_bytes_billed", "counter"),
    }
    text = sink.exposition("")[0].decode()
    assert f"# HELP pipeline_messages_total {CATALOG['messages'].description}\n" in text
    assert "# TYPE pipeline_messages_total counter\n" in text


def test_every_unit_is_known() -> None:
    # A unit that is no annotation needs its word in names; ``1`` has none.
    units = {metric.unit for metric in CATALOG.values() if not metric.unit.startswith("{")} | {"{USD}"}
    assert units == {"1", "s", "By", "{USD}"}
    for metric in CATALOG.values():
        word = {"s": "seconds", "By": "bytes", "{USD}": "usd"}.get(metric.unit, "")
        assert word in name_of("pipeline", metric)


def test_labels_are_none_of_the_scrapers_own() -> None:
    sink = made()
    sink.export(everything())
    for name, labels in served(sink):
        named = dict(labels)
        assert not named.keys() & {"job", "instance", "quantile"}
        own = name.startswith(("pipeline_exporter_", "pipeline_fleet_")) and "watermark" not in name
        assert named["fleet"] == "flights"
        assert (named["location"], named.get("system")) == (
            ("europe-west1", None) if own else ("us-central1", SYSTEMS[0])
        )
    reserved = {"fleet", "location", "system", "job", "instance", "le", "q"}
    assert not reserved & {label for metric in CATALOG.values() for label in metric.labels}


def test_the_page_names_what_is_served() -> None:
    sink = made()
    sink.export(everything())
    page = (Path(__file__).parents[2] / "docs" / "prometheus.md").read_text(encoding="utf-8")
    named = set(re.findall(r"pipeline_[a-z_]*[a-z]\b(?!_?\*)", page))
    assert len(named) > 6
    assert named <= {name for name, _ in served(sink)}


def test_jobs_need_a_limit() -> None:
    with pytest.raises(ValueError, match="no age limit is given for arrivals, departures"):
        PrometheusSink(
            prefix="p", fleet="f", locations=dict.fromkeys(SYSTEMS, "us-central1"), limits_s={}, now=lambda: NOW
        )


@pytest.mark.parametrize(
    "wrong",
    [
        gauge("data_age", math.nan),
        gauge("data_age", math.inf),
        gauge("no_such_metric", 1),
        gauge("data_age", 1, extra="label"),
        Point("data_age", "stranger", NOW, 1.0),
        count(-1),
        count(math.nan),
        latency({0: 1}, math.inf),
        latency({0: 1}, -1),
        latency({0: -1, 1: 2}, 1),
    ],
)
def test_what_is_wrong_is_rejected_and_costs_only_itself(wrong: Point) -> None:
    sink = made()
    before, after = gauge("backlog_age", 4), count(2)
    outcome = sink.export([before, wrong, after])
    assert outcome.written == (before, after)
    assert [refusal.point for refusal in outcome.rejected] == [wrong]
    assert not outcome.retryable
    assert not outcome.already_written
    assert served(sink) == {series("pipeline_backlog_age_seconds"): 4, DELIVERED: 2}


PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/plain;version=0.0.4", PLAIN),
        ("application/openmetrics-text", OPEN),
        # As Prometheus asks.
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            f"{OPEN}; escaping=underscores",
        ),
        ("application/openmetrics-text;version=nonsense", PLAIN),
        ("text/plain;version=", PLAIN),
        (";;;,,,=", PLAIN),
    ],
)
def test_the_format_is_negotiated(accept: str, content_type: str) -> None:
    sink = made()
    sink.export(everything())
    body, found = sink.exposition(accept)
    assert found == content_type
    parse: Any = openmetrics if content_type.startswith(OPEN) else plain
    families = {family.name: family.type for family in parse(body.decode())}
    assert len(families) == len(CATALOG)
    assert families["pipeline_messages"] == "counter"
    assert body.endswith(b"# EOF\n") is content_type.startswith(OPEN)


@pytest.fixture
def _restless() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual_s)


@pytest.mark.usefixtures("_restless")
def test_scrapes_see_whole_exports_only() -> None:
    sink = made()
    rounds, width = 400, 60

    def exports() -> None:
        for number in range(1, rounds + 1):
            end = NOW + WINDOW * number
            counts = [Point("cost", SYSTEMS[0], end, 1.0, {"component": str(k)}, end - WINDOW) for k in range(width)]
            # Each set replaces the one before, so that series come and go while others are read.
            states = [gauge("storage_bytes", number, end, **{"class": f"{number}-{k}"}) for k in range(width)]
            sink.export([*counts, latency({number % 39: 1}, 1.0, end), *states])

    exporting = threading.Thread(target=exports)
    seen: list[float] = []
    exporting.start()
    while not seen or seen[-1] < rounds:
        samples = [sample for family in sink.collect() for sample in family.samples]
        samples = [sample for sample in samples if sample.labels.get("le", "+Inf") == "+Inf"]
        assert len(samples) in (0, 2 * width + 3)
        (whole,) = {sample.value for sample in samples} or {0.0}
        seen.append(whole)
    exporting.join()
    assert seen == sorted(seen)


def test_own_jobs_are_no_systems() -> None:
    sink = made()
    sink.export([Point("exporter/up", EXPORTER_JOB, NOW, 1.0), Point("fleet/worst_latency", FLEET_JOB, NOW, 3.0)])
    labels = frozenset({("fleet", "flights"), ("location", "europe-west1")})
    assert served(sink) == {
        ("pipeline_exporter_up", labels): 1,
        ("pipeline_fleet_worst_latency_seconds", labels): 3,
    }
