"""All systems now: the newest value of each kind, as long as it is new enough to be the present."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from exporter.config import Config
from exporter.console.lines import IDS_PER_FILTER, Reader
from exporter.console.questions import Questions
from exporter.console.series.model import Answer, Part, Question, Range, Series
from exporter.model import System
from exporter.rendering.ranges import DELIVERY_DELAY_S, HOUR_S, LANDING_DELAY_S
from exporter.windows import MINUTE, align_down

Health = Literal["healthy", "degraded", "failing", "unknown"]
_HEALTHS: Mapping[float, Health] = {2.0: "healthy", 1.0: "degraded", 0.0: "failing"}

_INTERVALS = 3
"""A value that is older than three intervals and its delay is not the present any more."""

_ALIKE = 10
"""Intervals up to ten times the shortest are asked for together: more questions cost calls, fewer cost points."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One system now; None is no value that is new enough, ``as_of`` the time of the newest."""

    system: System
    health: Health = "unknown"
    as_of: datetime | None = None
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    latency_p99_s: float | None = None
    error_ratio: float | None = None
    cost_per_message_usd: float | None = None
    data_age_s: float | None = None
    backlog_messages: float | None = None
    backlog_age_s: float | None = None
    published_per_s: float | None = None
    delivered_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Glances:
    """The systems that were asked for, in order of the configuration, and why values may be missing."""

    systems: tuple[Glance, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Kind:
    """A metric with some of its labels, how late it is, and into which fields its series go by the value of ``label``."""

    metric: str
    delay_s: int
    fields: Mapping[str, str]
    label: str = ""
    where: Mapping[str, tuple[str, ...]] | None = None
    hourly: bool = False

    def oldest_s(self, system: System) -> int:
        """How old a value of a system may be."""
        interval_s = max(HOUR_S, system.interval_s) if self.hourly else system.interval_s
        return _INTERVALS * interval_s + self.delay_s


_LATENCIES = {"0.5": "latency_p50_s", "0.95": "latency_p95_s", "0.99": "latency_p99_s"}
_RATES = {"published": "published_per_s", "delivered": "delivered_per_s"}
_KINDS = (
    _Kind("health", LANDING_DELAY_S, {"": "health"}),
    _Kind("latency_quantile", LANDING_DELAY_S, _LATENCIES, "quantile", {"quantile": tuple(_LATENCIES)}),
    _Kind("data_age", LANDING_DELAY_S, {"": "data_age_s"}),
    _Kind("messages", DELIVERY_DELAY_S, _RATES, "outcome", {"outcome": tuple(_RATES)}),
    _Kind("error_ratio", DELIVERY_DELAY_S, {"": "error_ratio"}),
    _Kind("backlog_messages", DELIVERY_DELAY_S, {"": "backlog_messages"}),
    _Kind("backlog_age", DELIVERY_DELAY_S, {"": "backlog_age_s"}),
    _Kind("cost_per_message", DELIVERY_DELAY_S, {"": "cost_per_message_usd"}, "", {"horizon": ("24h",)}, hourly=True),
)


@dataclass(frozen=True, slots=True)
class _Value:
    end_s: float
    value: float


class Overview:
    """Looks at the systems of one fleet, each kind of value with as few questions as their intervals allow."""

    def __init__(self, reader: Reader, config: Config, now: Callable[[], datetime]) -> None:
        self._reader = reader
        self._questions = Questions(config)
        self._fleet = config.systems
        self._now = now

    def all(self) -> Glances:
        """Every system of the fleet."""
        return self._look(self._fleet)

    def one(self, system: System) -> Glances:
        """One system alone."""
        return self._look([system])

    def _look(self, systems: Sequence[System]) -> Glances:
        now = align_down(self._now(), MINUTE)
        asked = [(kind, question, span) for kind in _KINDS for question, span in self._ask(kind, systems, now)]
        # Enough for all: what is cut off would be taken for silence.
        answers = self._reader.ask_each([(question, span) for _, question, span in asked], 1_000_000)
        newest: dict[tuple[str, str], _Value] = {}
        for (kind, _, _), answer in zip(asked, answers, strict=True):
            for key, value in _values(kind, answer.series):
                if key not in newest or value.end_s > newest[key].end_s:
                    newest[key] = value
        found = tuple(_glance(system, newest, now.timestamp()) for system in systems)
        return Glances(found, _problem(answers))

    def _ask(self, kind: _Kind, systems: Sequence[System], now: datetime) -> Iterator[tuple[Question, Range]]:
        for place, group in enumerate(_alike(systems)):
            span = Range(now - timedelta(seconds=max(kind.oldest_s(each) for each in group)), now)
            # Within the shortest range the others have few points: no need to name anybody.
            everybody = place == 0 and len(systems) == len(self._fleet)
            for ids in [None] if everybody else _chunks([each.id for each in group]):
                yield Question(Part(self._questions.metric(kind.metric, kind.where, ids))), span
            if kind.hourly and everybody and span.start <= now - timedelta(seconds=max(map(kind.oldest_s, systems))):
                return


def _alike(systems: Sequence[System]) -> list[list[System]]:
    """Systems in groups of similar intervals, the shortest first."""
    groups: list[list[System]] = []
    for system in sorted(systems, key=lambda each: each.interval_s):
        if not groups or system.interval_s > _ALIKE * groups[-1][0].interval_s:
            groups.append([])
        groups[-1].append(system)
    return groups


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[first : first + IDS_PER_FILTER] for first in range(0, len(ids), IDS_PER_FILTER))


def _values(kind: _Kind, found: Iterable[Series]) -> Iterator[tuple[tuple[str, str], _Value]]:
    """The newest value of each series, by system and field."""
    for series in found:
        field = kind.fields.get(series.metric_labels.get(kind.label, "") if kind.label else "")
        if field is None or not series.ends_s or series.value_type in ("distribution", "string"):
            continue
        value = _rate(series) if kind.metric == "messages" else float(cast(float, series.values[-1]))
        if value is not None:
            yield (series.resource_labels.get("job", ""), field), _Value(series.ends_s[-1], value)


def _rate(series: Series) -> float | None:
    """What was counted in the newest window, per second; a cumulative that did not reset counts from the point before.

    Windows are whole seconds: the millisecond by which the start of a cumulative that reset is later is none of it.
    """
    value, start_s = float(cast(float, series.values[-1])), series.starts_s[-1]
    if series.kind == "cumulative" and len(series.ends_s) > 1 and start_s < series.ends_s[-2]:
        value -= float(cast(float, series.values[-2]))
        start_s = series.ends_s[-2]
    length_s = round(series.ends_s[-1] - start_s)
    return value / length_s if length_s > 0 else None


_LIMITS = {field: kind for kind in _KINDS for field in kind.fields.values()}


def _glance(system: System, newest: Mapping[tuple[str, str], _Value], now_s: float) -> Glance:
    present = {
        field: value
        for field, kind in _LIMITS.items()
        if (value := newest.get((system.id, field))) is not None and value.end_s > now_s - kind.oldest_s(system)
    }
    if not present:
        return Glance(system)
    values = {field: value.value for field, value in present.items()}
    health = _HEALTHS.get(values.pop("health", -1.0), "unknown")
    as_of = datetime.fromtimestamp(max(value.end_s for value in present.values()), UTC)
    return replace(Glance(system, health, as_of), **values)  # type: ignore[arg-type]


def _problem(answers: Iterable[Answer]) -> str | None:
    """Why values may be missing; that a metric has no point yet is no reason to worry."""
    problems = (each.problem for each in answers if each.problem is not None and each.reason != "NOT_FOUND")
    return "; ".join(dict.fromkeys(problems)) or None
