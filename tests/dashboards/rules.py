"""Everything that must be true of a rendered dashboard, as a list of what is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from exporter.metrics.catalog import CATALOG
from tests import discovery
from tests.dashboards import aggregation, filters, layout, widgets
from tests.dashboards.filters import Filter
from tests.dashboards.known import IDENTITY, RESOURCE_LABELS, Known, World, job_of, metrics, promql_name
from tests.dashboards.reading import DataSet, Json, Part, data_sets, tiles, title

API, SCHEMA = "monitoring.v1", "Dashboard"


def findings(dashboard: Json, world: World) -> list[str]:
    """All findings about a dashboard; none when it can be shown to people."""
    shapes = discovery.check(dashboard, SCHEMA, API)
    found = [*shapes, *discovery.dropped(dashboard)]
    if shapes:
        return found
    found += [
        *layout.check(dashboard),
        *widgets.check(dashboard),
        *_variables(dashboard),
        *_incidents(dashboard, world),
    ]
    for data_set in data_sets(dashboard):
        found += [f"{data_set.place}: {finding}" for finding in _data_set(data_set, world)]
    return found


def _data_set(data_set: DataSet, world: World) -> Iterator[str]:
    if len([name for name in data_set.query if name != "unitOverride"]) != 1:
        yield "must ask one question"
        return
    if "prometheusQuery" in data_set.query:
        yield from _promql(data_set.query["prometheusQuery"], world)
    elif len(data_set.parts) != (2 if data_set.ratio else 1):
        yield "a part has no filter"
        return
    known = []
    for part in data_set.parts:
        found, metric = _part(part, world)
        yield from found
        if metric is None:
            return
        known.append(metric)
        yield from aggregation.check(part, metric, world)
    yield from aggregation.units(data_set, known)
    yield from _shown(data_set, known)


def _part(part: Part, world: World) -> tuple[list[str], Known | None]:
    try:
        parsed = filters.parse(part.filter)
    except ValueError as error:
        return [f"the filter {error}"], None
    known = metrics(world).get(parsed.metric_type)
    if known is None:
        return [f"there is no metric {parsed.metric_type}"], None
    return list(_filter(parsed, known, world)), known


def _filter(parsed: Filter, known: Known, world: World) -> Iterator[str]:
    if parsed.resource_type != known.resource:
        yield f"{parsed.metric_type} is written on {known.resource}, not on {parsed.resource_type}"
        return
    for key in parsed.metric_labels:
        if key not in known.labels:
            yield f"{parsed.metric_type} has no label {key}"
    for key in parsed.resource_labels:
        if key not in RESOURCE_LABELS[known.resource]:
            yield f"{known.resource} has no label {key}"
    if known.name is None:
        missing = IDENTITY[known.resource] - parsed.resource_labels.keys()
        if missing:
            yield f"{parsed.metric_type} of everybody: {', '.join(sorted(missing))} is missing"
        return
    if parsed.resource_labels.get("namespace") != (world.config.fleet,):
        yield "namespace must be the fleet"
    job = job_of(known.name, world)
    if parsed.resource_labels.get("job") != (None if job is None else (job,)):
        yield f"job must be {job or 'left open'}"
    if parsed.variables and job is not None:
        yield "a dashboard filter would empty what is about one job"


def _shown(data_set: DataSet, known: list[Known]) -> Iterator[str]:
    """Periods, groups and plots of the data set as a whole."""
    periods = {part.aggregation.get("alignmentPeriod") for part in data_set.parts}
    grouped = {aggregation.groups(part.aggregation) for part in data_set.parts}
    if (
        len(periods) > 1
        or len(grouped) > 1
        or len({part.aggregation.get("perSeriesAligner") for part in data_set.parts}) > 1
    ):
        yield "both parts of a ratio must be aligned and grouped alike"
        return
    if periods and data_set.min_period not in periods:
        yield "minAlignmentPeriod must be the alignmentPeriod: else the console asks for finer periods"
    groups = next(iter(grouped), ())
    yield from widgets.legend(data_set, groups)
    if data_set.widget == "scorecard" and (groups or not data_set.parts):
        yield "a scorecard shows one value"
    if data_set.widget == "timeSeriesTable" and groups != (("resource", "job"),):
        yield "a table has a row for each system"
    if data_set.pick is not None and (not groups or not 1 <= data_set.pick.get("numTimeSeries", 0) <= 50):
        yield "pickTimeSeriesFilter chooses some of several series"
    values = [
        aggregation.shape(part.aggregation, metric)[1] for part, metric in zip(data_set.parts, known, strict=True)
    ]
    if (data_set.plot == "HEATMAP") != ("DISTRIBUTION" in values):
        yield "HEATMAP shows distributions, and nothing else does"
    if data_set.plot in ("STACKED_AREA", "STACKED_BAR") and any(
        "PERCENTILE" in str(part.aggregation) for part in data_set.parts
    ):
        yield "percentiles cannot be stacked"


def _promql(query: str, world: World) -> Iterator[str]:
    """Names of metrics are known, and every selector names the fleet; the language itself is Google's to read."""
    names = {promql_name(name, world) for name in CATALOG}
    selectors = re.findall(r"([a-zA-Z_][\w:]*)\{([^}]*)\}(\[\w+\])?", query)
    if not selectors:
        yield "the query selects nothing"
    for name, labels, _ in selectors:
        if name not in names:
            yield f"there is no metric {name}"
        if f'namespace="{world.config.fleet}"' not in labels:
            yield "namespace must be the fleet"


def _variables(dashboard: Json) -> Iterator[str]:
    """Dashboard filters and where they are used."""
    declared = {each.get("templateVariable"): each for each in dashboard.get("dashboardFilters", ())}
    used = {
        name for each in data_sets(dashboard) for part in each.parts for name in re.findall(r"\$\{(\w+)\}", part.filter)
    }
    for name in used - declared.keys():
        yield f"${{{name}}} is no dashboard filter"
    for name, each in declared.items():
        if name not in used:
            yield f"the dashboard filter {name} is used nowhere"
        if each.get("filterType") != "RESOURCE_LABEL" or each.get("labelKey") != "job":
            yield f"the dashboard filter {name} must choose systems by the label job"


def _incidents(dashboard: Json, world: World) -> Iterator[str]:
    for tile in tiles(dashboard):
        for resource in tile["widget"].get("incidentList", {}).get("monitoredResources", ()):
            labels = resource.get("labels", {})
            if resource.get("type") != world.ours or labels.get("namespace") != world.config.fleet:
                yield f"{title(tile)}: lists incidents of others"
            if world.job is not None and labels.get("job") != world.job:
                yield f"{title(tile)}: lists incidents of other systems"
            if not labels.keys() <= RESOURCE_LABELS[world.ours]:
                yield f"{title(tile)}: {world.ours} has no such label"
