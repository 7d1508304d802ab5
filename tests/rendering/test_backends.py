"""What metrics are called by templates is what the sinks call them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from exporter import config
from exporter.metrics.catalog import CATALOG, Kind, Metric
from exporter.rendering import alerts, dashboards
from exporter.rendering.backends import Backend, names
from exporter.sinks.otlp_messages import metric_name
from tests.rendering.test_command import EXAMPLE

PREFIXES = ("custom.googleapis.com/pipeline", "workload.googleapis.com/team/flights")
SUFFIXES = {Kind.GAUGE: "gauge", Kind.COUNT: "counter", Kind.DISTRIBUTION: "histogram"}
"""KIND in the types of Managed Service for Prometheus (docs/adr/0006)."""


def stored(prefix: str, backend: Backend, metric: Metric) -> str:
    """The type under which the sink of a backend has a metric stored."""
    if backend is Backend.OTLP:
        return f"prometheus.googleapis.com/{metric_name(prefix, metric.name)}/{SUFFIXES[metric.kind]}"
    return f"{prefix}/{metric.name}"


def asked(variables: dict[str, str], metric: Metric) -> str:
    """The same, written as templates write it."""
    group, _, rest = metric.name.rpartition("/")
    suffix = {Kind.GAUGE: "gauge", Kind.COUNT: "counter", Kind.DISTRIBUTION: "distribution"}[metric.kind]
    return f"{variables[f'{group}_prefix' if group else 'prefix']}{rest}{variables[suffix]}"


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("backend", Backend)
def test_templates_name_types_as_the_sink_has_them_stored(backend: Backend, prefix: str) -> None:
    variables = dict(names(backend, prefix))
    for metric in CATALOG.values():
        assert asked(variables, metric) == stored(prefix, backend, metric)
        promql = f"{variables['promql_prefix']}{metric.name.replace('/', '_')}"
        if backend is Backend.OTLP:
            assert promql == metric_name(prefix, metric.name)
        else:
            # https://cloud.google.com/monitoring/promql/promql-mapping: the first / becomes :, everything else that is special _.
            host, path = stored(prefix, backend, metric).split("/", 1)
            assert promql == f"{re.sub(r'[^A-Za-z0-9]', '_', host)}:{re.sub(r'[^A-Za-z0-9]', '_', path)}"


def types(text: str) -> Iterator[str]:
    return (found[1] for found in re.finditer(r'metric\.type=\\"([^"\\]+)\\"', text))


@pytest.mark.parametrize("backend", Backend)
def test_what_is_rendered_asks_for_nothing_else(backend: Backend) -> None:
    fleet = config.load(EXAMPLE)
    known = {stored(fleet.exporter.metric_prefix, backend, metric) for metric in CATALOG.values()}
    found = {each for text in dashboards.render(fleet, backend).values() for each in types(text)}
    own = {each for each in found if each.startswith(("custom.", "prometheus."))}
    assert own
    assert own <= known
    promql = {
        f"{names(backend, fleet.exporter.metric_prefix)['promql_prefix']}{m.name.replace('/', '_')}"
        for m in CATALOG.values()
    }
    queries = " ".join(alerts.render(fleet, backend).values())
    named = set(re.findall(r"\b([a-z_:]+)\{(?:monitored_resource|namespace)=", queries))
    assert named
    assert named <= promql
