"""What one cycle has to do, system by system: pure, from the watermarks and the history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exporter.history import History, SystemHistory, Track
from exporter.model import Family, System, Watermark, Window
from exporter.snapshots import Delivery, Landing
from exporter.windows import HOUR, align_down, align_up, due, is_collection_end, split

LANDING_SETTLE = timedelta(seconds=15)
SPEND_SETTLE = timedelta(seconds=60)
"""JOBS is near real time (documentation of INFORMATION_SCHEMA.JOBS); a minute is margin."""

THRIFTY = timedelta(hours=6)
"""How often spend and storage, which page nobody, are written while the monitoring is over its budget."""

_REACH = timedelta(hours=25)
"""How far back measuring goes: a day of windows and the hour before it."""

_HEADWAY = timedelta(seconds=10)
"""How far our clock may be ahead of the service's before a window is held back: less than any settling time."""

_MOST_WINDOWS = 6000
"""Windows of all systems together that are collected at a time: what they are measured from takes some 20 KB each in memory."""

_FEWEST_WINDOWS = 12

Watermarks = Mapping[tuple[str, Family], Watermark]


@dataclass(frozen=True, slots=True)
class Pace:
    """What a whole cycle goes by.

    ``delivery_delay`` is how late Pub/Sub's metrics are. Systems without a watermark start at ``since``, at the full hour that holds it.
    Systems in ``attention`` are collected every window. A standby gives others a ``grace``, and to those who begin as it does, since it
    ``began``. ``thrifty`` slows spend and state down.
    """

    now: datetime
    delivery_delay: timedelta
    since: datetime | None = None
    attention: Collection[str] = ()
    grace: timedelta = timedelta(0)
    began: datetime | None = None
    thrifty: bool = False

    @property
    def leaves_beginnings(self) -> bool:
        """Whether systems that nobody has begun with are left to others."""
        # It may have begun by a clock that was ahead.
        return self.began is not None and timedelta(0) <= self.now - self.began < self.grace

    def settle(self, family: Family) -> timedelta:
        """How long after its end a window of a family is complete."""
        delays = {Family.LANDING: LANDING_SETTLE, Family.DELIVERY: self.delivery_delay, Family.SPEND: SPEND_SETTLE}
        return delays[family] + self.grace


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """Windows of one system that are due, by family, oldest first.

    ``landing_asked`` and ``delivery_asked`` are the windows to measure: without those that are known already (measured, but refused by
    the sink), and with earlier ones where a trailing horizon lacks them (after a restart); the latter are not written. ``state_due`` says
    that what is written hourly about the present (objectives) is due, ``storage_due`` the same of storage.
    ``expired`` windows are lost, and are skipped up to ``expired_until``. ``behind`` says that more windows are due than are collected at a
    time.
    """

    system: System
    landing: tuple[Window, ...] = ()
    delivery: tuple[Window, ...] = ()
    spend: tuple[Window, ...] = ()
    landing_asked: tuple[Window, ...] = ()
    delivery_asked: tuple[Window, ...] = ()
    state_due: bool = False
    storage_due: bool = False
    behind: bool = False
    expired: int = 0
    expired_until: tuple[tuple[Family, datetime], ...] = ()

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.landing or self.delivery or self.spend or self.state_due)

    def after(self, before: SystemPlan) -> SystemPlan:
        """As the end of a plan that was carried out in parts, of which ``before`` is an earlier one."""
        if not self.busy:
            return before
        return replace(
            self,
            landing=self.landing or before.landing,
            delivery=self.delivery or before.delivery,
            spend=self.spend or before.spend,
        )


def plan(systems: Sequence[System], watermarks: Watermarks, history: History, pace: Pace) -> tuple[SystemPlan, ...]:
    """Plan a cycle."""
    if pace.since is not None:
        pace = replace(pace, since=align_down(pace.since, HOUR))
    most = max(_FEWEST_WINDOWS, _MOST_WINDOWS // max(1, len(systems)))
    return tuple(_plan(system, watermarks, history.of(system.id), pace, most) for system in systems)


def _plan(system: System, watermarks: Watermarks, history: SystemHistory, pace: Pace, most: int) -> SystemPlan:
    length = timedelta(seconds=system.window_s)
    interval = length if system.id in pace.attention else timedelta(seconds=system.interval_s)

    def watermark(family: Family) -> datetime | None:
        found = watermarks.get((system.id, family))
        return None if found is None else found.end

    landing_mark, delivery_mark = watermark(Family.LANDING), watermark(Family.DELIVERY)
    if landing_mark is None and delivery_mark is None and pace.leaves_beginnings:
        return SystemPlan(system)
    landing, delivery = (
        due(
            now=pace.now,
            watermark=mark,
            length=length,
            interval=interval,
            settle=pace.settle(family),
            since=pace.since,
        )
        for family, mark in ((Family.LANDING, landing_mark), (Family.DELIVERY, delivery_mark))
    )
    landings, deliveries = (_first(found.windows, interval, most) for found in (landing, delivery))
    behind = len(landings) < len(landing.windows) or len(deliveries) < len(delivery.windows)
    landing_end = landings[-1].end if landings else landing_mark
    delivery_end = deliveries[-1].end if deliveries else delivery_mark
    spend = _spend(watermark(Family.SPEND), [end for end in (landing_end, delivery_end) if end is not None], pace)
    starts = [windows[0].start for windows in (landings, deliveries, spend) if windows]
    ends = [windows[-1].end for windows in (landings, deliveries) if windows]
    needed_from = min(starts + [end - HOUR for end in ends], default=pace.now)
    needed_from = max(align_down(needed_from, length), align_up(pace.now - _REACH, length))
    return SystemPlan(
        system=system,
        landing=landings,
        delivery=deliveries,
        spend=spend,
        landing_asked=_asked(history.landings, _split(needed_from, landing_end, length), landings),
        delivery_asked=_asked(
            history.deliveries,
            _split(needed_from, delivery_end, length),
            # Landing may complete windows whose delivery was stored before: their errors are counted now.
            (*deliveries, *spend, *landings),
        ),
        state_due=not behind and _is_state_due(watermark(Family.STATE), pace, HOUR),
        storage_due=not behind and _is_state_due(watermark(Family.STATE), pace, THRIFTY if pace.thrifty else HOUR),
        behind=behind,
        expired=landing.expired + delivery.expired,
        expired_until=tuple(
            (family, found.expired_until)
            for family, found in ((Family.LANDING, landing), (Family.DELIVERY, delivery))
            if found.expired_until is not None
        ),
    )


def _first(windows: tuple[Window, ...], interval: timedelta, most: int) -> tuple[Window, ...]:
    """As many windows as are collected at a time, up to where a collection would have ended if there had been one then."""
    if len(windows) <= most:
        return windows
    fit = windows[:most]
    ended = [place for place, window in enumerate(fit, 1) if is_collection_end(window, interval)]
    return fit[: ended[-1]] if ended else fit


def within(plans: Sequence[SystemPlan], there: datetime | None, pace: Pace) -> tuple[SystemPlan, ...]:
    """Only what is complete by the service's own clock, which says ``there``; nothing where it says nothing.

    A clock that is ahead would otherwise take windows that are not over for empty ones.
    """

    def complete(windows: Sequence[Window], family: Family) -> tuple[Window, ...]:
        if there is None:
            return ()
        limit = there + _HEADWAY - pace.settle(family)
        return tuple(window for window in windows if window.end <= limit)

    return tuple(
        replace(
            plan,
            landing=complete(plan.landing, Family.LANDING),
            delivery=complete(plan.delivery, Family.DELIVERY),
            spend=complete(plan.spend, Family.SPEND),
            landing_asked=complete(plan.landing_asked, Family.LANDING),
            delivery_asked=complete(plan.delivery_asked, Family.DELIVERY),
            expired=0 if there is None else plan.expired,
            expired_until=() if there is None else plan.expired_until,
        )
        for plan in plans
    )


def _is_state_due(mark: datetime | None, pace: Pace, every: timedelta) -> bool:
    """Whether what is written so often has not been written since the last multiple of that time."""
    return mark is None or mark < align_down(pace.now - pace.grace, every)


def _spend(mark: datetime | None, reached: Sequence[datetime], pace: Pace) -> tuple[Window, ...]:
    """Hours that landing and delivery will have reached after this cycle."""
    if len(reached) < 2:
        return ()
    every = THRIFTY if pace.thrifty and mark is not None else HOUR
    complete = min(align_down(min(reached), every), align_down(pace.now - pace.settle(Family.SPEND), every))
    if mark is None:
        start = complete - HOUR if pace.since is None else pace.since
    else:
        start = align_up(mark, HOUR)
    oldest = align_up(pace.now - timedelta(hours=24), HOUR) - HOUR
    return split(max(start, oldest), complete, HOUR)


def _split(start: datetime, end: datetime | None, length: timedelta) -> tuple[Window, ...]:
    """The windows from a start up to an end that there may not be."""
    return () if end is None else split(start, end, length)


def _asked(
    track: Track[Landing] | Track[Delivery], needed: Sequence[Window], detailed: Sequence[Window]
) -> tuple[Window, ...]:
    """The windows to measure: of those that are needed all from the first that is not known.

    What the sink remembers is enough for horizons, and for what both families complete; from where it has to be ``detailed`` (in windows
    or hours that are due) only what was measured in this process is.
    """
    begin = min((window.start for window in detailed), default=None)
    for place, window in enumerate(needed):
        known = track.of(window)
        if known is None or (known.restored and begin is not None and window.start >= begin):
            return tuple(needed[place:])
    return ()
