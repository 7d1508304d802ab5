"""Measures and how they go together, as JSON: the shapes of the answers, and how they are filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from exporter.console.correlating import Correlation, Matrix
from exporter.console.lines import Line, Lines
from exporter.console.measures import Measure
from exporter.console.series.model import Range
from exporter.document import rfc3339
from exporter.web.schemas import Moment


class MeasureInfo(BaseModel):
    """A number of a system that is worth comparing."""

    id: str
    title: str
    unit: str = Field(description="in the notation of UCUM")
    family: str = Field(description="says how late its values are: docs/metrics.md")
    help: str


class MeasureList(BaseModel):
    """All measures."""

    measures: list[MeasureInfo]


class MeasuredSystem(BaseModel):
    """One system's values of a measure, oldest first; empty and null without any."""

    id: str
    step_s: int = Field(description="how far apart its values are at best: more is a gap")
    ends_s: list[float] = Field(description="ends of steps, in seconds since the epoch")
    values: list[float]
    last: float | None
    mean: float | None = Field(description="over the whole range; of shares by sums")
    min: float | None
    max: float | None


class Measured(BaseModel):
    """A measure by system."""

    measure: MeasureInfo
    start: Moment
    end: Moment
    step_s: int
    systems: list[MeasuredSystem]
    problem: str | None = Field(description="why values are missing, where a reason is known")


class ScatterPoint(BaseModel):
    """A pair of values."""

    system: str
    x: float
    y: float
    at_s: float | None = Field(description="end of the step in seconds since the epoch; null over systems")


class FittedLine(BaseModel):
    """The line of least squares."""

    slope: float
    intercept: float


class Correlated(BaseModel):
    """Pairs of two measures, and what can be said of them; null is undefined."""

    x: MeasureInfo
    y: MeasureInfo
    over: Literal["systems", "time"]
    points: list[ScatterPoint]
    n: int
    pearson: float | None
    spearman: float | None
    fit: FittedLine | None
    missing: list[str] = Field(description="systems without a value of both")
    problem: str | None


Coefficients = list[list[float | None]]


class CorrelationMatrix(BaseModel):
    """Coefficients of every two of the names; null is undefined."""

    between: Literal["measures", "systems"]
    names: list[str]
    titles: list[str]
    pearson: Coefficients
    spearman: Coefficients
    n: list[list[int]] = Field(description="of how many pairs each is made")
    problem: str | None


def info(measure: Measure) -> dict[str, str]:
    """What a measure is, as `MeasureInfo`."""
    return {
        "id": measure.id,
        "title": measure.title,
        "unit": measure.unit,
        "family": measure.family,
        "help": measure.help,
    }


def measured(found: Lines, span: Range) -> dict[str, Any]:
    """A measure by system, as `Measured`."""
    return {
        "measure": info(found.measure),
        "start": rfc3339(span.start),
        "end": rfc3339(span.end),
        "step_s": found.step_s,
        "systems": [_line(line) for line in found.lines],
        "problem": found.problem,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.system,
        "step_s": line.step_s,
        "ends_s": line.ends_s,
        "values": line.values,
        "last": line.last,
        "mean": line.mean,
        "min": min(line.values, default=None),
        "max": max(line.values, default=None),
    }


def correlated(found: Correlation, x: Measure, y: Measure, over: str) -> dict[str, Any]:
    """Pairs of two measures, as `Correlated`."""
    relation = found.relation
    fit = relation.fit
    return {
        "x": info(x),
        "y": info(y),
        "over": over,
        "points": [{"system": pair.system, "x": pair.x, "y": pair.y, "at_s": pair.at_s} for pair in found.pairs],
        "n": relation.n,
        "pearson": relation.pearson,
        "spearman": relation.spearman,
        "fit": None if fit is None else {"slope": fit.slope, "intercept": fit.intercept},
        "missing": found.missing,
        "problem": found.problem,
    }


def matrix(found: Matrix, between: str, titles: Sequence[str]) -> dict[str, Any]:
    """Coefficients, as `CorrelationMatrix`."""
    return {
        "between": between,
        "names": found.names,
        "titles": titles,
        "pearson": found.pearson,
        "spearman": found.spearman,
        "n": found.n,
        "problem": found.problem,
    }
