"""When an exporter measures what happens, which points it writes, and when they can be seen; the points are made by our own code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporter.metrics import accounting, delivery, landing, spend, state
from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, Kind
from exporter.metrics.points import gauge
from exporter.model import Distribution, Family, Point, System, Window
from exporter.plan import LANDING_SETTLE
from exporter.snapshots import COST_COMPONENTS, Delivery, HourCost, Landing, Subscription
from exporter.windows import EPOCH, HOUR, MINUTE, align_down, due, is_collection_end, period_s, split
from tests.alerts.promtool import Sample
from tests.alerts.traffic import ZERO, Ill, Pipeline, moment, since_zero_s

CYCLE_OFFSET_S = 20
"""How long after a full period a cycle begins: landing has settled after 15 s."""

CYCLE_S = 55
"""How long a cycle takes until its points can be read, at worst."""

DELIVERY_DELAY = timedelta(seconds=300)
_USD_PER_MESSAGE = 0.000_01


@dataclass(slots=True)
class _Kept:
    """What the exporter remembers of one system."""

    pipeline: Pipeline
    landings: dict[Window, Landing] = field(default_factory=dict)
    deliveries: dict[Window, Delivery] = field(default_factory=dict)
    newest_publish: datetime | None = None
    costs: list[HourCost] = field(default_factory=list)
    marks: dict[Family, datetime] = field(
        default_factory=lambda: dict.fromkeys((Family.LANDING, Family.DELIVERY), ZERO)
    )
    state_at: datetime | None = None
    was_active: bool | None = None
    state_name: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the exporter runs: when not, which systems have attention from when on, what it costs, and objectives that change.

    Systems of a shard that ends have no points from then on, while other shards go on.
    """

    down: Sequence[tuple[int, int]] = ()
    attention_s: Mapping[str, int] = field(default_factory=dict)
    observer_usd: float = 20.0
    budget_usd: float | None = None
    changes: Sequence[tuple[int, System]] = ()
    ended_s: Mapping[str, int] = field(default_factory=dict)


def samples(
    pipelines: Sequence[Pipeline], setting: Setting, until_s: int, promql_prefix: str, fleet: str
) -> list[Sample]:
    """Everything that a day's exporter writes for these systems up to a time, as Prometheus knows it."""
    systems = [pipeline.system for pipeline in pipelines]
    kept = [_Kept(pipeline) for pipeline in pipelines]
    translated = _Translation(promql_prefix, fleet)
    length_s = period_s(systems)
    for begin_s in range(CYCLE_OFFSET_S, until_s, length_s):
        if any(begin <= begin_s < end for begin, end in setting.down):
            continue
        now = moment(begin_s)
        points = [_own("exporter/up", now, 1)]
        for each in kept:
            if begin_s < setting.ended_s.get(each.pipeline.system.id, until_s):
                points += _collect(each, now, setting)
        points += [_own("exporter/observer_cost", now, setting.observer_usd, component="bigquery_query")]
        if setting.budget_usd is not None:
            points.append(_own("exporter/budget", now, setting.budget_usd))
        for point in points:
            translated.add(point, begin_s + CYCLE_S)
    return translated.samples


def _own(metric: str, now: datetime, value: float, **labels: str) -> Point:
    return Point(metric, EXPORTER_JOB, now, float(value), labels)


def _collect(kept: _Kept, now: datetime, setting: Setting) -> Iterator[Point]:
    """Points of one system in one cycle."""
    for since_s, changed in setting.changes:
        if changed.id == kept.pipeline.system.id and now >= moment(since_s):
            kept.pipeline.system = changed
    system = kept.pipeline.system
    attention = setting.attention_s.get(system.id)
    if attention is not None and now >= moment(attention):
        system = replace(system, interval_s=system.window_s)
    reached = dict(kept.marks)
    landed = _due(kept, system, now, Family.LANDING, LANDING_SETTLE, Ill.UNREAD)
    delivered = _due(kept, system, now, Family.DELIVERY, DELIVERY_DELAY, Ill.UNWATCHED)
    yield from _landings(kept, system, landed)
    yield from _deliveries(kept, system, delivered)
    yield from _shared(kept, system, min(reached.values()), min(kept.marks.values()))
    for family, windows in ((Family.LANDING, landed), (Family.DELIVERY, delivered)):
        if windows:
            value = (kept.marks[family] - EPOCH).total_seconds()
            yield gauge(system, "exporter/watermark", now, value, family=family.value)
    yield from _state(kept, system, now, busy=bool(delivered))


def _due(kept: _Kept, system: System, now: datetime, family: Family, settle: timedelta, ill: Ill) -> tuple[Window, ...]:
    if kept.pipeline.active(ill, since_zero_s(now)):
        return ()
    length, interval = timedelta(seconds=system.window_s), timedelta(seconds=system.interval_s)
    found = due(now=now, watermark=kept.marks[family], length=length, interval=interval, settle=settle).windows
    if found:
        kept.marks[family] = found[-1].end
    return found


def _has_gauges(system: System, window: Window, windows: Sequence[Window]) -> bool:
    return window == windows[-1] or is_collection_end(window, timedelta(seconds=system.interval_s))


def _landings(kept: _Kept, system: System, windows: Sequence[Window]) -> Iterator[Point]:
    for window in windows:
        measured = kept.landings[window] = kept.pipeline.landing(window)
        kept.newest_publish = measured.newest_publish or kept.newest_publish
        yield from landing.points(system, measured)
        if _has_gauges(system, window, windows):
            yield from landing.gauges(system, measured, kept.newest_publish)


def _deliveries(kept: _Kept, system: System, windows: Sequence[Window]) -> Iterator[Point]:
    for window in windows:
        measured = kept.deliveries[window] = kept.pipeline.delivery(window)
        yield from delivery.points(system, measured)
        if _has_gauges(system, window, windows):
            yield from delivery.gauges(system, measured)


def _shared(kept: _Kept, system: System, before: datetime, reached: datetime) -> Iterator[Point]:
    """What landing and delivery complete together: errors, and every hour the balance and the costs."""
    length = timedelta(seconds=system.window_s)
    for window in split(before, reached, length):
        landed, delivered = kept.landings[window], kept.deliveries[window]
        yield from accounting.points(
            system, window, accounting.errors(accounting.basis_of(system, None), landed, delivered)
        )
        if align_down(window.end, HOUR) == window.end:
            windows = split(window.end - HOUR, window.end, length)
            landings = [kept.landings[each] for each in windows]
            balance = accounting.unaccounted(landings, [kept.deliveries[each] for each in windows], None)
            yield from accounting.balance_points(system, window.end, balance)
            hour = Window(window.end - HOUR, window.end)
            yield from _costs(kept, system, hour, sum(each.delivered for each in landings))


def _costs(kept: _Kept, system: System, hour: Window, messages: int) -> Iterator[Point]:
    dear = kept.pipeline.active(Ill.DEAR, since_zero_s(hour.end) - 1)
    usd = messages * _USD_PER_MESSAGE * (dear.amount if dear else 1)
    components = {**dict.fromkeys(COST_COMPONENTS, 0.0), "bigquery_query": usd}
    kept.costs = [*kept.costs[-23:], HourCost(hour, components, messages, 0.0)]
    yield from spend.gauges(system, kept.costs)


def _state(kept: _Kept, system: System, now: datetime, *, busy: bool) -> Iterator[Point]:
    minute = align_down(now, MINUTE)
    hourly = kept.state_at is None or kept.state_at < align_down(now, HOUR)
    broken = kept.pipeline.active(Ill.BROKEN, since_zero_s(now))
    subscription = _subscription(system, "NOT_FOUND" if broken else "ACTIVE")
    settled = subscription.active and subscription.state == kept.state_name
    if hourly or (busy and not settled):
        former = _subscription(system, kept.state_name) if kept.state_name else None
        kept.state_name = subscription.state
        yield from state.subscription_points(system, subscription, minute, former)
    active = state.is_active(system.active_hours, now)
    if hourly:
        kept.state_at = now
        yield from state.objective_points(system, minute)
        yield from state.info_points(kept.pipeline.system, minute)
    elif busy and active != kept.was_active:
        yield from state.active_points(system, minute)
    if hourly or busy:
        kept.was_active = active


def _subscription(system: System, name: str) -> Subscription:
    return Subscription(name == "ACTIVE", name, system.topic, str(system.table), "", "", True, 0.0)


_RESOURCE = {"monitored_resource": "generic_task"}
"""The label by which Cloud Monitoring's PromQL knows a custom metric's resource type."""


@dataclass(slots=True)
class _Translation:
    """Points as Prometheus knows them: it has no start times, so what was counted in windows becomes one growing counter.

    Each window then has a sample at its end and, where none is there, at its start: that is what a start time says.
    """

    promql_prefix: str
    fleet: str
    samples: list[Sample] = field(default_factory=list)
    _totals: dict[tuple[str, frozenset[tuple[str, str]]], tuple[int, float]] = field(default_factory=dict)

    def add(self, point: Point, visible_s: int) -> None:
        """Take in a point, which is on a full minute or moved back to it."""
        name = f"{self.promql_prefix}{point.metric.replace('/', '_')}"
        labels = frozenset({**_RESOURCE, "namespace": self.fleet, "job": point.job, **point.labels}.items())
        at_s = since_zero_s(point.end) // 60 * 60
        if isinstance(point.value, Distribution):
            return
        if CATALOG[point.metric].kind is Kind.GAUGE:
            # A watermark is a time, and times begin at zero here.
            moved_s = since_zero_s(EPOCH) if point.metric == "exporter/watermark" else 0
            self.samples.append(Sample(name, labels, at_s, point.value + moved_s, visible_s))
            return
        assert point.start is not None
        start_s = since_zero_s(point.start)
        end_s, total = self._totals.get((name, labels), (-1, 0.0))
        if end_s != start_s:
            self.samples.append(Sample(name, labels, start_s, total, visible_s))
        self._totals[name, labels] = (at_s, total + point.value)
        self.samples.append(Sample(name, labels, at_s, total + point.value, visible_s))
