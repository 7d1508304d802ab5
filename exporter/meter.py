"""What the monitoring itself used, as measured, and what a month of it costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from exporter.observer.usage import Usage, bill, total
from exporter.pricing import HOURS_PER_MONTH, Prices
from exporter.windows import HOUR, align_down

_DAY = timedelta(hours=24)


class Meter:
    """Adds up usage by the hour, and projects the last day over a month; what the exporter runs on is not in it.

    The first cycle of a process may have a day to catch up with, which says nothing about a month: it counts for ``used`` only.
    """

    def __init__(self, prices: Prices, sinks: Collection[str], budget_usd: float | None = None) -> None:
        self._prices = prices
        self._sinks = sinks
        self.budget_usd = budget_usd
        self.used = Usage()
        """Everything since the start of the process."""
        self._hours: dict[datetime, Usage] = {}
        self._since: datetime | None = None

    def add(self, now: datetime, stored: Usage, bytes_billed: int, series_read: int) -> None:
        """Take in one cycle: what its points use in each kind of sink, the bytes that were billed, the time series that reads returned."""
        usage = stored.only(self._sinks) + Usage(bytes_billed=bytes_billed, series_read=series_read)
        self.used += usage
        if self._since is None:
            self._since = now
            return
        hour = align_down(now, HOUR)
        self._hours[hour] = self._hours.get(hour, Usage()) + usage
        self._hours = {at: used for at, used in self._hours.items() if at > hour - _DAY}

    def monthly_usd(self, now: datetime) -> Mapping[str, float]:
        """What a month costs at this rate, by component; empty until an hour has been measured."""
        if self._since is None or now - self._since < HOUR:
            return {}
        since = max(self._since, align_down(now, HOUR) - _DAY + HOUR)
        factor = HOURS_PER_MONTH * HOUR / (now - since)
        projected = bill(total(self._hours.values()), self._prices)
        return {name: float(usd) * factor for name, usd in projected.components.items() if usd}

    def is_over_budget(self, now: datetime) -> bool:
        """Whether a month at this rate costs more than it may."""
        return self.budget_usd is not None and sum(self.monthly_usd(now).values()) > self.budget_usd
