"""What the exporter remembers between cycles: all of it only saves asking the sink and the sources again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from exporter import restoration
from exporter.attention import Attention
from exporter.computation import State
from exporter.export import Unfinished
from exporter.history import History
from exporter.model import Family, Outcome, System, SystemSummary, Watermark
from exporter.plan import SystemPlan
from exporter.pricing import Prices
from exporter.sinks import Sink
from exporter.windows import MAX_AGE

Key = tuple[str, Family]


@dataclass(slots=True)
class Memory:
    """The last day of results, up to where each family is stored, and what is not stored yet."""

    history: History = field(default_factory=History)
    watermarks: dict[Key, Watermark] = field(default_factory=dict)
    unfinished: Unfinished = field(default_factory=Unfinished)
    attention: Attention = field(default_factory=Attention)
    states: dict[str, State] = field(default_factory=dict)
    """How each system was when it was written last."""
    summaries: tuple[SystemSummary, ...] = ()
    unsaved: dict[Key, datetime] = field(default_factory=dict)
    """Watermarks that the sink does not know yet."""
    began: datetime | None = None
    """When the first cycle was."""

    @property
    def restored(self) -> bool:
        """Whether the sink's memory was read back."""
        return self.began is not None

    def restore(self, sink: Sink, systems: Sequence[System], prices: Prices, now: datetime) -> None:
        """Read watermarks and history back, once; raises ``SourceError``."""
        sink.prepare()
        self.heed(restoration.watermarks(sink, systems, now, first=True))
        if self.watermarks:
            restoration.restore(sink, systems, self.history, prices, now)
            self.attention.judge(systems, self.history, now)
        self.began = now

    def heed(self, found: Mapping[Key, Watermark]) -> None:
        """Take over watermarks of the sink; they only move forward: one that was just written may not be readable yet."""
        self.watermarks |= {
            key: mark
            for key, mark in found.items()
            if key not in self.watermarks or mark.end > self.watermarks[key].end
        }

    def skip_expired(self, plans: Iterable[SystemPlan], now: datetime) -> int:
        """Move over windows that are too old to be sent, and say how many they are: each is counted once."""
        for plan in plans:
            for family, until in plan.expired_until:
                self.advance({(plan.system.id, family): until}, now)
        return sum(plan.expired for plan in plans)

    def advance(self, reached: Mapping[Key, datetime], now: datetime) -> None:
        """Note up to where families are stored now."""
        self.watermarks |= {key: Watermark(end, now) for key, end in reached.items()}
        self.unsaved |= reached

    def saved(self, outcome: Outcome) -> None:
        """Note which watermarks the sink has now; the others are written again."""
        for point in (*outcome.written, *outcome.already_written):
            if point.metric == "exporter/watermark":
                self.unsaved.pop((point.job, Family(point.labels["family"])), None)

    def forget(self, systems: Sequence[System], now: datetime) -> None:
        """Forget what nobody will ask for again."""
        self.unfinished.forget(now - MAX_AGE)
        self.history.prune(now, [system.id for system in systems])
        for system in systems:
            landed, delivered, spent = (
                None if mark is None else mark.end
                for mark in (
                    self.watermarks.get((system.id, f)) for f in (Family.LANDING, Family.DELIVERY, Family.SPEND)
                )
            )
            both = None if delivered is None or spent is None else min(delivered, spent)
            self.history.of(system.id).settle(landed, both)
