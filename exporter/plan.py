"""What one cycle has to do, system by system: pure, from the watermarks and the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.history import History, SystemHistory, Track
from exporter.model import Family, System, Watermark, Window
from exporter.snapshots import Delivery, Landing
from exporter.windows import HOUR, align_down, align_up, due, split

LANDING_SETTLE = timedelta(seconds=15)
SPEND_SETTLE = timedelta(seconds=60)
"""JOBS is near real time (documentation of INFORMATION_SCHEMA.JOBS); a minute is margin."""


_REACH = timedelta(hours=25)
"""How far back measuring goes: a day of windows and the hour before it."""

Watermarks = Mapping[tuple[str, Family], Watermark]


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """Windows of one system that are due, by family, oldest first.

    ``landing_from`` and ``delivery_from`` are where measuring starts: earlier than the first due window where a trailing horizon lacks
    windows (after a restart). What lies before the first due window is measured but not written. ``state_due`` says that what is written
    hourly about the present (objectives, storage) is due.
    """

    system: System
    landing: tuple[Window, ...] = ()
    delivery: tuple[Window, ...] = ()
    spend: tuple[Window, ...] = ()
    landing_from: datetime | None = None
    delivery_from: datetime | None = None
    state_due: bool = False
    expired: int = 0

    @property
    def landing_windows(self) -> tuple[Window, ...]:
        """Windows to measure in BigQuery."""
        return _measured(self.landing, self.landing_from, self.system)

    @property
    def delivery_windows(self) -> tuple[Window, ...]:
        """Windows to read from Cloud Monitoring."""
        return _measured(self.delivery, self.delivery_from, self.system)


def _measured(windows: tuple[Window, ...], start: datetime | None, system: System) -> tuple[Window, ...]:
    if not windows or start is None:
        return windows
    return split(min(start, windows[0].start), windows[-1].end, timedelta(seconds=system.window_s))


def plan(
    systems: Sequence[System],
    watermarks: Watermarks,
    history: History,
    *,
    now: datetime,
    delivery_delay: timedelta,
    since: datetime | None,
) -> tuple[SystemPlan, ...]:
    """Plan a cycle; ``since`` is where systems without a watermark start, at the full hour that holds it."""
    start = None if since is None else align_down(since, HOUR)
    return tuple(
        _plan(system, watermarks, history.of(system.id), now=now, delivery_delay=delivery_delay, since=start)
        for system in systems
    )


def _plan(
    system: System,
    watermarks: Watermarks,
    history: SystemHistory,
    *,
    now: datetime,
    delivery_delay: timedelta,
    since: datetime | None,
) -> SystemPlan:
    length, interval = timedelta(seconds=system.window_s), timedelta(seconds=system.interval_s)

    def watermark(family: Family) -> datetime | None:
        found = watermarks.get((system.id, family))
        return None if found is None else found.end

    landing_mark, delivery_mark, spend_mark = (watermark(f) for f in (Family.LANDING, Family.DELIVERY, Family.SPEND))
    landing = due(now=now, watermark=landing_mark, length=length, interval=interval, settle=LANDING_SETTLE, since=since)
    delivery = due(
        now=now, watermark=delivery_mark, length=length, interval=interval, settle=delivery_delay, since=since
    )
    reached = [
        windows[-1].end if windows else mark
        for windows, mark in ((landing.windows, landing_mark), (delivery.windows, delivery_mark))
    ]
    spend = _spend(now, spend_mark, [end for end in reached if end is not None], since)
    ends = [windows[-1].end for windows in (landing.windows, delivery.windows) if windows]
    needed_from = min([window.start for window in spend] + [end - HOUR for end in ends], default=now)
    needed_from = max(align_down(needed_from, length), align_up(now - _REACH, length))
    return SystemPlan(
        system=system,
        landing=landing.windows,
        delivery=delivery.windows,
        spend=spend,
        landing_from=_gap(history.landings, needed_from, landing.windows),
        delivery_from=_gap(history.deliveries, needed_from, delivery.windows)
        or _restored_from(history.deliveries, spend, delivery.windows),
        state_due=_hour_passed(watermark(Family.STATE), now),
        expired=landing.expired + delivery.expired,
    )


def _hour_passed(mark: datetime | None, now: datetime) -> bool:
    """Whether what is written hourly has not been written since the last full hour."""
    return mark is None or mark < align_down(now, HOUR)


def _spend(
    now: datetime, mark: datetime | None, reached: Sequence[datetime], since: datetime | None
) -> tuple[Window, ...]:
    """Hours that landing and delivery will have reached after this cycle."""
    if len(reached) < 2:
        return ()
    complete = min(align_down(min(reached), HOUR), align_down(now - SPEND_SETTLE, HOUR))
    if mark is None:
        start = complete - HOUR if since is None else since
    else:
        start = align_up(mark, HOUR)
    oldest = align_up(now - timedelta(hours=24), HOUR) - HOUR
    return split(max(start, oldest), complete, HOUR)


def _gap(track: Track[Landing] | Track[Delivery], needed_from: datetime, windows: Sequence[Window]) -> datetime | None:
    """Where measuring starts so that the history will be whole from ``needed_from`` on; None where it is already."""
    if not windows or needed_from >= windows[0].start or track.whole(needed_from, windows[0].start):
        return None
    return needed_from


def _restored_from(track: Track[Delivery], spend: Sequence[Window], windows: Sequence[Window]) -> datetime | None:
    """Where reading starts again because an hour's cost needs more than the sink remembers; None where it does not."""
    if not windows or not spend or spend[0].start >= windows[0].start:
        return None
    known = track.between(spend[0].start, windows[0].start)
    return spend[0].start if any(delivery.restored for delivery in known) else None
