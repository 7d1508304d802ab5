"""How measures go together: over systems with one number each, or over time with one pair for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

from exporter.console import statistics
from exporter.console.lines import Line, Lines, Measuring, Wanted
from exporter.console.measures import Measure
from exporter.console.series.model import Range
from exporter.console.statistics import Relation
from exporter.model import System

MOST_SYSTEMS = 60
"""Systems of one matrix: more rows nobody reads, and each pair takes time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One point of a scatter plot; ``at_s`` is the end of its step in seconds since the epoch, None over systems."""

    system: str
    x: float
    y: float
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pairs and what can be said of them; ``missing`` names the systems without a value of both."""

    pairs: tuple[Pair, ...]
    relation: Relation
    missing: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Coefficients of every two of ``names``; None is undefined, ``n`` is how many pairs each is made of."""

    names: tuple[str, ...]
    pearson: tuple[tuple[float | None, ...], ...]
    spearman: tuple[tuple[float | None, ...], ...]
    n: tuple[tuple[int, ...], ...]
    problem: str | None


def over_systems(measuring: Measuring, x: Measure, y: Measure, span: Range) -> Correlation:
    """A pair for each system: the means of both measures over the range."""
    systems = list(measuring.systems.values())
    xs, ys = measuring.lines([Wanted(x, systems), Wanted(y, systems)], span)
    pairs = [
        Pair(one.system, one.mean, other.mean)
        for one, other in zip(xs.lines, ys.lines, strict=True)
        if one.mean is not None and other.mean is not None
    ]
    return _correlation(pairs, [system.id for system in systems], _problem(xs, ys))


def over_time(measuring: Measuring, x: tuple[Measure, System], y: tuple[Measure, System], span: Range) -> Correlation:
    """A pair for each step: one system's measure against the same or another system's, both at the end of the same step."""
    shortest_s = max(measure.writing_s(system) for measure, system in (x, y))
    xs, ys = measuring.lines([Wanted(measure, [system], shortest_s, aligned=True) for measure, system in (x, y)], span)
    ids = list(dict.fromkeys(system.id for _, system in (x, y)))
    theirs = dict(zip(ys.lines[0].ends_s, ys.lines[0].values, strict=True))
    pairs = [
        Pair(ids[0], value, theirs[end_s], end_s)
        for end_s, value in zip(xs.lines[0].ends_s, xs.lines[0].values, strict=True)
        if end_s in theirs
    ]
    silent = [line.system for line in (xs.lines[0], ys.lines[0]) if not line.values]
    found = _correlation(pairs, [], _problem(xs, ys))
    return Correlation(found.pairs, found.relation, tuple(dict.fromkeys(silent)), found.problem)


def between_measures(measuring: Measuring, measures: Sequence[Measure], span: Range) -> Matrix:
    """Every two measures, over systems."""
    systems = list(measuring.systems.values())
    found = measuring.lines([Wanted(measure, systems) for measure in measures], span)
    columns = [{line.system: line.mean for line in each.lines if line.mean is not None} for each in found]
    return _matrix([measure.id for measure in measures], columns, _problem(*found))


def between_systems(measuring: Measuring, measure: Measure, systems: Sequence[System], span: Range) -> Matrix:
    """Every two systems, over time."""
    chosen, problem = systems[:MOST_SYSTEMS], None
    shortest_s = max((measure.writing_s(system) for system in chosen), default=None)
    (found,) = measuring.lines([Wanted(measure, chosen, shortest_s, aligned=True)], span)
    columns = [_points(line) for line in found.lines]
    if len(systems) > len(chosen):
        problem = f"only the first {len(chosen)} of {len(systems)} systems are compared: name those that matter"
    return _matrix([system.id for system in chosen], columns, _joined(found.problem, problem))


def _points(line: Line) -> dict[float, float]:
    return dict(zip(line.ends_s, line.values, strict=True))


def _correlation(pairs: Sequence[Pair], expected: Sequence[str], problem: str | None) -> Correlation:
    there = {pair.system for pair in pairs}
    relation = statistics.relation([pair.x for pair in pairs], [pair.y for pair in pairs])
    return Correlation(tuple(pairs), relation, tuple(id_ for id_ in expected if id_ not in there), problem)


def _matrix(names: Sequence[str], columns: Sequence[Mapping[Any, float]], problem: str | None) -> Matrix:
    """Every two columns, each pair by what both have."""
    size = len(names)
    pearson: list[list[float | None]] = [[None] * size for _ in range(size)]
    spearman: list[list[float | None]] = [[None] * size for _ in range(size)]
    n = [[0] * size for _ in range(size)]
    for row, column in combinations_with_replacement(range(size), 2):
        one, other = columns[row], columns[column]
        shared = [key for key in one if key in other]
        xs, ys = [one[key] for key in shared], [other[key] for key in shared]
        n[row][column] = n[column][row] = len(shared)
        pearson[row][column] = pearson[column][row] = statistics.pearson(xs, ys)
        spearman[row][column] = spearman[column][row] = statistics.spearman(xs, ys)
    return Matrix(tuple(names), tuple(map(tuple, pearson)), tuple(map(tuple, spearman)), tuple(map(tuple, n)), problem)


def _problem(*found: Lines) -> str | None:
    return _joined(*(each.problem for each in found))


def _joined(*problems: str | None) -> str | None:
    return "; ".join(dict.fromkeys(each for each in problems if each is not None)) or None
