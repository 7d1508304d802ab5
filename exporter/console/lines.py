"""Measures over time, a line for each system: what charts draw, and what comparisons and correlations are computed from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from exporter.config import Config
from exporter.console.measures import Measure
from exporter.console.questions import Questions
from exporter.console.series.model import Answer, Question, Range, Series
from exporter.console.series.steps import step_s as fitting_step_s
from exporter.model import System
from exporter.rendering.ranges import DELIVERY_DELAY_S, LANDING_DELAY_S

IDS_PER_FILTER = 100
"""More systems than this are not named in a filter: then all are asked for."""

_ANY_NUMBER = 1_000_000
_TOO_MANY = "there are more points than are read at once: choose a shorter range, or fewer systems"


class Reader(Protocol):
    """Answers questions about time series; see ``exporter.console.series.execution``."""

    def ask_each(self, wanted: Sequence[tuple[Question, Range]], most_series: int = ...) -> list[Answer]:
        """One answer for each question."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One system's values of a measure, oldest first, each at the end of its step; ``step_s`` is how far apart they are at best.

    ``mean`` is over the whole range: of a share or an average it is made of sums, not of the values.
    """

    system: str
    step_s: int
    ends_s: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    mean: float | None = None

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None


@dataclass(frozen=True, slots=True)
class Lines:
    """A measure of several systems, each of them in it; ``problem`` says why values are missing, where a reason is known."""

    measure: Measure
    step_s: int
    lines: tuple[Line, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A measure of some systems; ``shortest_s`` makes steps longer, ``aligned`` lets them end at multiples of their length."""

    measure: Measure
    systems: Sequence[System]
    shortest_s: int | None = None
    aligned: bool = False


class Measuring:
    """Asks for measures of the systems of one fleet; ``now`` tells how much of the newest step can be there."""

    def __init__(self, reader: Reader, config: Config, now: Callable[[], datetime]) -> None:
        self._reader = reader
        self._questions = Questions(config)
        self._systems = {system.id: system for system in config.systems}
        self._now = now

    @property
    def systems(self) -> Mapping[str, System]:
        """The systems of the fleet by id."""
        return self._systems

    def lines(self, wanted: Sequence[Wanted], span: Range) -> list[Lines]:
        """All of it at once; what could not be asked has a problem and no values."""
        steps = [_step_s(each, span) for each in wanted]
        spans = [_span(each, span, step) for each, step in zip(wanted, steps, strict=True)]
        asked: list[tuple[Question, Range]] = []
        places = []
        for each, step, own in zip(wanted, steps, spans, strict=True):
            questions = self._ask(each, step) if own.start < own.end else ()
            places.append(slice(len(asked), len(asked) + len(questions)))
            asked += ((question, own) for question in questions)
        answers = self._reader.ask_each(asked, _ANY_NUMBER)
        now_s = self._now().timestamp()
        return [
            _lines(each, step, answers[place], now_s) for each, step, place in zip(wanted, steps, places, strict=True)
        ]

    def _ask(self, wanted: Wanted, step: int) -> tuple[Question, ...]:
        ids = [system.id for system in wanted.systems]
        few = len(ids) < len(self._systems) and len(ids) <= IDS_PER_FILTER
        return self._questions.of(wanted.measure, step, ids if few else None)


def _step_s(wanted: Wanted, span: Range) -> int:
    """The step: as short as the points of the most frequent system are apart, if so many can be shown."""
    apart_s = min((wanted.measure.writing_s(system) for system in wanted.systems), default=None)
    return fitting_step_s((span.end - span.start).total_seconds(), apart_s, wanted.shortest_s)


def _span(wanted: Wanted, span: Range, step: int) -> Range:
    """The range, ending where a step does: of half an hour of an hour's count nobody could tell how much it is."""
    if not (wanted.aligned or wanted.measure.counts):
        return span
    end_s = math.floor(span.end.timestamp() / step) * step
    return Range(span.start, datetime.fromtimestamp(max(end_s, span.start.timestamp()), UTC))


def _lines(wanted: Wanted, step: int, answers: Sequence[Answer], now_s: float) -> Lines:
    measure = wanted.measure
    if not answers:
        lines = tuple(Line(system.id, max(step, measure.writing_s(system))) for system in wanted.systems)
        return Lines(measure, step, lines, f"the range holds the end of no step of {step} s: choose a longer one")
    problems = dict.fromkeys(answer.problem for answer in answers if answer.problem is not None)
    if any(answer.truncated for answer in answers):
        problems[_TOO_MANY] = None
    # A part that was not answered, or not wholly, is not zero.
    unknown = measure.zero_if_absent and bool(problems)
    found = [{} if unknown else _by_system(answer.series) for answer in answers]
    lines = tuple(
        _line(measure, system, step, [each.get(system.id) for each in found], now_s) for system in wanted.systems
    )
    return Lines(measure, step, lines, "; ".join(problems) or None)


def _by_system(series: Iterable[Series]) -> dict[str, Series]:
    return {each.resource_labels.get("job", ""): each for each in series}


def _line(measure: Measure, system: System, step: int, found: Sequence[Series | None], now_s: float) -> Line:
    apart_s = max(step, measure.writing_s(system))
    if measure.how == "average":
        return _shares(system.id, apart_s, *_sums(found[0]))
    if measure.how == "share":
        wholes = _values(found[1])
        zeros = dict.fromkeys(wholes, 0.0) if measure.zero_if_absent else {}
        return _shares(system.id, apart_s, {**zeros, **_values(found[0])}, wholes)
    values = {end: value * measure.scale for end, value in _values(found[0]).items()}
    if measure.how == "rate" and step > measure.writing_s(system):
        # A step of several windows is too low while not all of them are there.
        values = {end: value for end, value in values.items() if end <= now_s - _late_s(measure, system)}
    return _made(system.id, apart_s, values, math.fsum(values.values()), float(len(values)))


def _shares(system: str, apart_s: int, parts: Mapping[float, float], wholes: Mapping[float, float]) -> Line:
    """Parts by wholes, where there is a whole; the mean is of the sums."""
    shares = {end: parts[end] / whole for end, whole in wholes.items() if whole > 0 and end in parts}
    return _made(
        system, apart_s, shares, math.fsum(parts[end] for end in shares), math.fsum(wholes[end] for end in shares)
    )


def _made(system: str, apart_s: int, values: Mapping[float, float], total: float, weight: float) -> Line:
    return Line(system, apart_s, tuple(values), tuple(values.values()), total / weight if weight else None)


def _late_s(measure: Measure, system: System) -> int:
    delay_s = LANDING_DELAY_S if measure.family == "landing" else DELIVERY_DELAY_S
    return delay_s + system.interval_s


def _values(series: Series | None) -> dict[float, float]:
    """Values by the end of their step; series of other things than numbers have none."""
    if series is None or series.value_type in ("distribution", "string"):
        return {}
    return {end: float(cast(float, value)) for end, value in zip(series.ends_s, series.values, strict=True)}


def _sums(series: Series | None) -> tuple[dict[float, float], dict[float, float]]:
    """Sums and counts of what went into distributions, by the end of their step."""
    if series is None or series.value_type != "distribution":
        return {}, {}
    counts = {
        end: float(sum(cast(tuple[int, ...], value))) for end, value in zip(series.ends_s, series.values, strict=True)
    }
    means = zip(series.ends_s, series.means, strict=True)
    return {end: mean * counts[end] for end, mean in means}, counts
