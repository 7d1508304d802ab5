"""Aggregations of a request: what they ask for, whether a metric can have it, and carrying it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.cloud.monitoring_v3.types import Aggregation as AggregationType

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.align import align, lead_ns
from exporter.sandbox.monitoring.errors import Proto, invalid_field, missing
from exporter.sandbox.monitoring.filters import Field, parse_field
from exporter.sandbox.monitoring.grid import Grid
from exporter.sandbox.monitoring.reduce import reduce
from exporter.sandbox.monitoring.store import Reading
from exporter.sandbox.monitoring.times import SECOND_NS

MIN_PERIOD_S = 60
MAX_PERIOD_S = 104 * 7 * 86400

_NO_ALIGNER, _NO_REDUCER = "ALIGN_NONE", "REDUCE_NONE"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregation that has been understood; ``period_ns`` is 0 without an aligner."""

    name: str
    aligner: str
    reducer: str
    period_ns: int
    fields: tuple[Field, ...]

    @property
    def aligns(self) -> bool:
        """Whether anything is to be done at all: without an aligner there is no reducer."""
        return self.aligner != _NO_ALIGNER

    def gives(self, kind: int, value_type: int) -> tuple[int, int]:
        """Kind and value type of the result; raises ``Refused`` where the metric does not allow the operation."""
        if not self.aligns:
            return kind, value_type
        if not kinds.ALIGNERS[self.aligner].takes(kind, value_type):
            raise self._unfit("perSeriesAligner", self.aligner, "aligner", kind, value_type)
        kind, value_type = kinds.ALIGNERS[self.aligner].gives(kind, value_type)
        if self.reducer == _NO_REDUCER:
            return kind, value_type
        if not kinds.REDUCERS[self.reducer].takes(kind, value_type):
            raise self._unfit("crossSeriesReducer", self.reducer, "reducer", kind, value_type)
        return kinds.REDUCERS[self.reducer].gives(kind, value_type)

    def _unfit(self, field: str, value: str, noun: str, kind: int, value_type: int) -> Exception:
        reason = (
            f"The {noun} cannot be applied to metrics with kind {kinds.kind_name(kind)} and value type "
            f"{kinds.type_name(value_type)}."
        )
        return invalid_field(f"{self.name}.{field}", value, reason)

    def unit(self, unit: str) -> str:
        """The unit of the result, from that of the metric."""
        if self.aligner == "ALIGN_RATE":
            unit = f"{unit or '1'}/s"
        elif self.aligner == "ALIGN_PERCENT_CHANGE":
            unit = "%"
        counts = ("COUNT", "FRACTION")
        return "1" if any(word in self.aligner or word in self.reducer for word in counts) else unit

    def grid(self, start_ns: int, end_ns: int) -> Grid:
        """The periods of an interval."""
        return Grid(start_ns, end_ns, self.period_ns)

    def begin_ns(self, start_ns: int, end_ns: int) -> int:
        """From when on points are needed for an interval."""
        return self.grid(start_ns, end_ns).begin_ns - lead_ns(self.aligner, self.period_ns)

    def apply(self, readings: Sequence[Reading], start_ns: int, end_ns: int) -> list[Reading]:
        """The series of a metric that allows the operation, aligned and reduced; those without points are left out."""
        grid = self.grid(start_ns, end_ns)
        aligned = [align(reading, self.aligner, grid) for reading in readings]
        filled = [reading for reading in aligned if reading.samples]
        return filled if self.reducer == _NO_REDUCER else reduce(filled, self.reducer, self.fields)


def understand(given: Proto, name: str) -> Aggregation:
    """The aggregation of a request; raises ``Refused`` where it makes no sense for any metric."""
    aligner = _enum(AggregationType.Aligner, given.per_series_aligner, f"{name}.perSeriesAligner")
    reducer = _enum(AggregationType.Reducer, given.cross_series_reducer, f"{name}.crossSeriesReducer")
    if aligner == _NO_ALIGNER:
        if reducer != _NO_REDUCER:
            reason = "An aligner must be specified when a reducer is."
            raise invalid_field(f"{name}.perSeriesAligner", aligner, reason)
        return Aggregation(name, aligner, reducer, 0, ())
    if not given.HasField("alignment_period"):
        raise missing(f"{name}.alignmentPeriod")
    period = given.alignment_period
    if period.nanos or not MIN_PERIOD_S <= period.seconds <= MAX_PERIOD_S:
        reason = f"The alignment period must be whole seconds, at least {MIN_PERIOD_S} and at most {MAX_PERIOD_S}."
        raise invalid_field(f"{name}.alignmentPeriod", period.ToJsonString(), reason)
    fields = () if reducer == _NO_REDUCER else _fields(given.group_by_fields, f"{name}.groupByFields")
    return Aggregation(name, aligner, reducer, period.seconds * SECOND_NS, fields)


def _enum(enum: Proto, number: int, field: str) -> str:
    try:
        return str(enum(number).name)
    except ValueError:
        raise invalid_field(field, str(number), "There is no such value.") from None


def _fields(given: Sequence[str], name: str) -> tuple[Field, ...]:
    fields = []
    for index, text in enumerate(given):
        field = parse_field(text)
        if field is None:
            raise invalid_field(f"{name}[{index}]", text, "The field is not one that series can be grouped by.")
        fields.append(field)
    return tuple(fields)
