"""From a plan and a snapshot to points: which window of which family gets which points, in the order in which they may be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from exporter.collection import Snapshot
from exporter.history import History, SystemHistory, Track
from exporter.metrics import accounting, delivery, landing, spend, state, summary
from exporter.metrics.spend import HourInputs
from exporter.model import Family, Point, System, Watermark, Window
from exporter.plan import SystemPlan, Watermarks
from exporter.pricing import Prices
from exporter.snapshots import Delivery, Landing, Subscription, Timeline
from exporter.windows import HOUR, align_down, is_collection_end

_Result = TypeVar("_Result", Landing, Delivery)


@dataclass(frozen=True, slots=True)
class Step:
    """All points of one window of one family of one system: sent whole, before the next window's."""

    system: str
    family: Family
    window: Window
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Reached:
    """One family's due windows that were measured, each with its place, and up to where the family was stored before."""

    places: Mapping[Window, int]
    mark: datetime | None

    def place(self, window: Window) -> int | None:
        """Which of the steps brings the family over a window: -1 where it was before; None if none does."""
        if window in self.places:
            return self.places[window]
        return -1 if self.mark is not None and self.mark >= window.end else None


class _Shared(Protocol):
    """Makes the points of a window that need both families."""

    def __call__(self, window: Window, *, last: bool) -> list[Point]: ...


def subscription_of(system: System, snapshot: Snapshot) -> Subscription | None:
    """State of a system's subscription; one that the listing does not hold is missing, one that was not listed is unknown."""
    found = snapshot.subscriptions.get(system.subscription)
    if found is None and system.subscription.split("/")[1] in snapshot.projects_listed:
        return Subscription(False, "NOT_FOUND", "", "", "", "", False, 0.0)
    return found


def remember(plans: Sequence[SystemPlan], snapshot: Snapshot, history: History) -> None:
    """Put what was measured into the history."""
    for plan in plans:
        kept = history.of(plan.system.id)
        asked = set(plan.landing_asked)
        kept.landings.add(each for each in snapshot.landings.get(plan.system.id, ()) if each.window in asked)
        readings = snapshot.readings.get(plan.system.id)
        if readings is not None:
            kept.deliveries.add(delivery.windows(plan.system, readings, plan.delivery_asked))


def sequences(
    plans: Sequence[SystemPlan], snapshot: Snapshot, history: History, watermarks: Watermarks, prices: Prices
) -> list[Iterator[Step]]:
    """Steps of all systems: one sequence per system and family, each oldest first.

    Steps are made when they are asked for: after a day's outage all of them together would be a million points.
    """
    found: list[Iterator[Step]] = []
    for plan in plans:
        found += _sequences(plan, snapshot, history.of(plan.system.id), watermarks, prices)
    return found


def _sequences(
    plan: SystemPlan, snapshot: Snapshot, kept: SystemHistory, watermarks: Watermarks, prices: Prices
) -> list[Iterator[Step]]:
    """Sequences of one system; what was not measured ends its family's."""
    system = plan.system
    landings = _measured(plan.landing, kept.landings)
    deliveries = _measured(plan.delivery, kept.deliveries)
    landing_reached = _reached([each.window for each in landings], watermarks.get((system.id, Family.LANDING)))
    delivery_reached = _reached([each.window for each in deliveries], watermarks.get((system.id, Family.DELIVERY)))
    subscription = subscription_of(system, snapshot)

    def shared(window: Window, *, last: bool) -> list[Point]:
        return _shared_points(system, window, kept, subscription, last=last)

    return [
        _landing_steps(system, landings, kept, delivery_reached, shared),
        _delivery_steps(system, deliveries, landing_reached, shared),
        iter(_spend_steps(plan, snapshot, kept, prices)),
    ]


def _reached(measured: Iterable[Window], mark: Watermark | None) -> _Reached:
    places = {window: place for place, window in enumerate(measured)}
    return _Reached(places, None if mark is None else mark.end)


def _measured(windows: Sequence[Window], track: Track[_Result]) -> list[_Result]:
    """Results of the due windows up to the first that is missing: no window is sent before an older one."""
    found = []
    for window in windows:
        result = track.of(window)
        if result is None or result.restored:
            break
        found.append(result)
    return found


def _has_gauges(system: System, window: Window, *, last: bool) -> bool:
    return last or is_collection_end(window, timedelta(seconds=system.interval_s))


def _landing_steps(
    system: System, landings: Sequence[Landing], kept: SystemHistory, other: _Reached, shared: _Shared
) -> Iterator[Step]:
    """Landing's steps; what both families complete together goes with the step that is the later one."""
    for place, measured in enumerate(landings):
        window, last = measured.window, place == len(landings) - 1
        points = landing.points(system, measured)
        if _has_gauges(system, window, last=last):
            points += landing.gauges(system, measured, kept.newest_publish_at(window.end))
        theirs = other.place(window)
        if theirs is not None and theirs < place:
            points += shared(window, last=last)
        yield Step(system.id, Family.LANDING, window, tuple(points))


def _delivery_steps(system: System, deliveries: Sequence[Delivery], other: _Reached, shared: _Shared) -> Iterator[Step]:
    """Delivery's steps; where both families complete a window in the same step, its common points are delivery's."""
    for place, measured in enumerate(deliveries):
        window, last = measured.window, place == len(deliveries) - 1
        points = delivery.points(system, measured)
        if _has_gauges(system, window, last=last):
            points += delivery.gauges(system, measured)
        theirs = other.place(window)
        if theirs is not None and theirs <= place:
            points += shared(window, last=last)
        yield Step(system.id, Family.DELIVERY, window, tuple(points))


def _shared_points(
    system: System, window: Window, kept: SystemHistory, subscription: Subscription | None, *, last: bool
) -> list[Point]:
    landed = kept.landings.whole(window.start, window.end)
    delivered = kept.deliveries.whole(window.start, window.end)
    if not landed or not delivered:
        return []
    found = accounting.errors(accounting.basis_of(system, subscription), landed[0], delivered[0])
    points = accounting.points(system, window, found)
    if _has_gauges(system, window, last=last):
        points += accounting.gauges(system, window, found)
    if align_down(window.end, HOUR) == window.end:
        points += accounting.balance_points(system, window.end, summary.balance(window.end, kept, subscription))
    return points


def _spend_steps(plan: SystemPlan, snapshot: Snapshot, kept: SystemHistory, prices: Prices) -> list[Step]:
    system = plan.system
    found: list[Step] = []
    for hour in () if system.id in snapshot.spend_held else plan.spend:
        inputs = _hour_inputs(system, hour, snapshot, kept)
        if inputs is None:
            break
        cost = spend.hour_cost(inputs, prices)
        kept.costs.add([cost])
        recent = kept.costs.between(hour.end - timedelta(hours=24), hour.end)
        points = [*spend.points(system, inputs, cost), *spend.gauges(system, recent)]
        found.append(Step(system.id, Family.SPEND, hour, tuple(points)))
    return found


def _hour_inputs(system: System, hour: Window, snapshot: Snapshot, kept: SystemHistory) -> HourInputs | None:
    """What an hour is computed from; None while landing or delivery have not covered it."""
    landings = kept.landings.whole(hour.start, hour.end)
    deliveries = kept.deliveries.whole(hour.start, hour.end)
    if not landings or not deliveries or any(each.restored for each in deliveries):
        return None
    projects = {system.project, *system.query_projects}
    known = all(f"{project}/{system.id}" in snapshot.queries_known for project in projects)
    table = str(system.table)
    return HourInputs(
        hour=hour,
        landings=landings,
        deliveries=deliveries,
        queries=snapshot.queries.get((table, hour.start), ()) if known else None,
        written_bytes=_written_bytes(system, hour, snapshot.timelines.get(system.id), landings),
        storage=snapshot.storage.get(table),
    )


def _written_bytes(system: System, hour: Window, timeline: Timeline | None, landings: Sequence[Landing]) -> int | None:
    """Bytes written to the table in the hour, as far as the system's own rows among all rows written."""
    if timeline is None:
        return None
    writes = [
        write
        for write in timeline.tables.get(str(system.table), ())
        if write.error_code == "OK" and hour.start <= write.start < hour.end
    ]
    rows = sum(write.written_rows for write in writes)
    own = sum(each.landed_rows for each in landings)
    written = sum(write.input_bytes for write in writes)
    return round(written * min(1.0, own / rows)) if rows else 0


@dataclass(frozen=True, slots=True)
class State:
    """What is written of a system's present: subscription and health, each None where unknown, and whether silence is a fault."""

    subscription: Subscription | None
    verdict: state.Verdict | None
    active: bool


def state_points(
    plan: SystemPlan, snapshot: Snapshot, found: State, before: State | None, now: datetime
) -> list[Point]:
    """The system as it is now: every collection its health, every hour all the rest.

    A subscription is written every collection while it is not active, and at once when it is in another state than ``before``, as is
    whether silence is a fault.
    """
    system, subscription = plan.system, found.subscription
    points: list[Point] = []
    if plan.delivery:
        points += state.health_points(system, found.verdict, now)
    settled = subscription is not None and subscription.active and _name(found) == (before and _name(before))
    if plan.state_due or (plan.delivery and not settled):
        points += state.subscription_points(system, subscription, now, None if before is None else before.subscription)
    if plan.state_due:
        points += [*state.objective_points(system, now), *state.info_points(system, now)]
    elif plan.delivery and (before is None or before.active != found.active):
        points += state.active_points(system, now)
    if plan.storage_due:
        points += state.storage_points(system, snapshot.storage.get(str(system.table)), now)
    return points


def _name(found: State) -> str | None:
    return None if found.subscription is None else found.subscription.state
