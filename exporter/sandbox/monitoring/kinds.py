"""Metric kinds and value types, and which of them aligners and reducers take and give.

Source: comments of ``google.monitoring.v3.Aggregation``. Where they do not say which kind comes out, a sum, mean, minimum or
maximum over series keeps the kind, a sum over time too, and every other statistic is a gauge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.api.distribution_pb2 import Distribution
from google.api.metric_pb2 import MetricDescriptor

from exporter.sandbox.monitoring.errors import Proto

GAUGE: int = MetricDescriptor.GAUGE
DELTA: int = MetricDescriptor.DELTA
CUMULATIVE: int = MetricDescriptor.CUMULATIVE

BOOL: int = MetricDescriptor.BOOL
INT64: int = MetricDescriptor.INT64
DOUBLE: int = MetricDescriptor.DOUBLE
STRING: int = MetricDescriptor.STRING
DISTRIBUTION: int = MetricDescriptor.DISTRIBUTION

VALUE_FIELDS: Mapping[int, str] = {
    BOOL: "bool_value",
    INT64: "int64_value",
    DOUBLE: "double_value",
    STRING: "string_value",
    DISTRIBUTION: "distribution_value",
}
"""The member of ``TypedValue`` that holds values of a type."""

VALUE_TYPES: Mapping[str, int] = {field: value_type for value_type, field in VALUE_FIELDS.items()}


def kind_name(kind: int) -> str:
    """``GAUGE``, ``DELTA`` or ``CUMULATIVE``."""
    return str(MetricDescriptor.MetricKind.Name(kind))


def type_name(value_type: int) -> str:
    """``BOOL``, ``INT64``, ``DOUBLE``, ``STRING`` or ``DISTRIBUTION``."""
    return str(MetricDescriptor.ValueType.Name(value_type))


_NUMERIC = frozenset({INT64, DOUBLE})
_NUMERIC_OR_DISTRIBUTION = _NUMERIC | {DISTRIBUTION}
_BOOL = frozenset({BOOL})
_ANY = frozenset(VALUE_FIELDS)

_GAUGE = frozenset({GAUGE})
_SAMPLES = frozenset({GAUGE, DELTA})
_CHANGES = frozenset({CUMULATIVE, DELTA})


@dataclass(frozen=True, slots=True)
class Conversion:
    """What an operation takes, and what it gives; None gives what came in."""

    kinds: frozenset[int]
    types: frozenset[int]
    kind: int | None = None
    value_type: int | None = None

    def takes(self, kind: int, value_type: int) -> bool:
        """Whether the operation is valid for a metric."""
        return kind in self.kinds and value_type in self.types

    def gives(self, kind: int, value_type: int) -> tuple[int, int]:
        """Kind and value type of the result."""
        return self.kind or kind, self.value_type or value_type


_ALIGN_PERCENTILE = Conversion(_SAMPLES, frozenset({DISTRIBUTION}), GAUGE, DOUBLE)
_REDUCE_PERCENTILE = Conversion(_SAMPLES, _NUMERIC_OR_DISTRIBUTION, GAUGE, DOUBLE)

ALIGNERS: Mapping[str, Conversion] = {
    "ALIGN_DELTA": Conversion(_CHANGES, _NUMERIC_OR_DISTRIBUTION, DELTA),
    "ALIGN_RATE": Conversion(_CHANGES, _NUMERIC, GAUGE, DOUBLE),
    "ALIGN_INTERPOLATE": Conversion(_GAUGE, _NUMERIC),
    "ALIGN_NEXT_OLDER": Conversion(_GAUGE, _ANY),
    "ALIGN_MIN": Conversion(_SAMPLES, _NUMERIC, GAUGE),
    "ALIGN_MAX": Conversion(_SAMPLES, _NUMERIC, GAUGE),
    "ALIGN_MEAN": Conversion(_SAMPLES, _NUMERIC, GAUGE, DOUBLE),
    "ALIGN_COUNT": Conversion(_SAMPLES, _NUMERIC | _BOOL, GAUGE, INT64),
    "ALIGN_SUM": Conversion(_SAMPLES, _NUMERIC_OR_DISTRIBUTION),
    "ALIGN_STDDEV": Conversion(_SAMPLES, _NUMERIC, GAUGE, DOUBLE),
    "ALIGN_COUNT_TRUE": Conversion(_GAUGE, _BOOL, GAUGE, INT64),
    "ALIGN_COUNT_FALSE": Conversion(_GAUGE, _BOOL, GAUGE, INT64),
    "ALIGN_FRACTION_TRUE": Conversion(_GAUGE, _BOOL, GAUGE, DOUBLE),
    "ALIGN_PERCENTILE_99": _ALIGN_PERCENTILE,
    "ALIGN_PERCENTILE_95": _ALIGN_PERCENTILE,
    "ALIGN_PERCENTILE_50": _ALIGN_PERCENTILE,
    "ALIGN_PERCENTILE_05": _ALIGN_PERCENTILE,
    "ALIGN_PERCENT_CHANGE": Conversion(_SAMPLES, _NUMERIC, GAUGE, DOUBLE),
}

REDUCERS: Mapping[str, Conversion] = {
    "REDUCE_MEAN": Conversion(_SAMPLES, _NUMERIC_OR_DISTRIBUTION, None, DOUBLE),
    "REDUCE_MIN": Conversion(_SAMPLES, _NUMERIC),
    "REDUCE_MAX": Conversion(_SAMPLES, _NUMERIC),
    "REDUCE_SUM": Conversion(_SAMPLES, _NUMERIC_OR_DISTRIBUTION),
    "REDUCE_STDDEV": Conversion(_SAMPLES, _NUMERIC_OR_DISTRIBUTION, GAUGE, DOUBLE),
    "REDUCE_COUNT": Conversion(_SAMPLES, _ANY, GAUGE, INT64),
    "REDUCE_COUNT_TRUE": Conversion(_SAMPLES, _BOOL, GAUGE, INT64),
    "REDUCE_COUNT_FALSE": Conversion(_SAMPLES, _BOOL, GAUGE, INT64),
    "REDUCE_FRACTION_TRUE": Conversion(_SAMPLES, _BOOL, GAUGE, DOUBLE),
    "REDUCE_PERCENTILE_99": _REDUCE_PERCENTILE,
    "REDUCE_PERCENTILE_95": _REDUCE_PERCENTILE,
    "REDUCE_PERCENTILE_50": _REDUCE_PERCENTILE,
    "REDUCE_PERCENTILE_05": _REDUCE_PERCENTILE,
}


def set_value(typed: Proto, value_type: int, value: object) -> None:
    """Put a value of a type into a ``TypedValue``."""
    if value_type == DISTRIBUTION:
        typed.distribution_value.CopyFrom(value)
    else:
        setattr(typed, VALUE_FIELDS[value_type], value)


def copy_of(typed: Proto) -> object:
    """The value inside a ``TypedValue``, independent of the message that holds it."""
    if typed.HasField("distribution_value"):
        value = Distribution()
        value.CopyFrom(typed.distribution_value)
        return value
    plain: object = getattr(typed, typed.WhichOneof("value"))
    return plain
