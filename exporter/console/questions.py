"""Questions about the metrics of one fleet, under the names that they have where its sinks write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exporter.config import Config
from exporter.console.measures import How, Measure
from exporter.console.series.model import Aggregation, Part, Question
from exporter.metrics.catalog import CATALOG
from exporter.rendering.backends import backend_of, names

_JOB = 'resource.label."job"'


class Questions:
    """Puts questions about one fleet; raises ``UsageError`` where its sinks write nothing that can be read."""

    def __init__(self, config: Config) -> None:
        self._names = names(backend_of(config), config.exporter.metric_prefix)
        self._fleet = config.fleet

    def metric(
        self, name: str, where: Mapping[str, tuple[str, ...]] | None = None, systems: Iterable[str] | None = None
    ) -> str:
        """A filter for one metric of the catalogue, of the whole fleet or of some systems (at most a hundred)."""
        conditions = [
            f'metric.type = "{self._names["prefix"]}{name}{self._names[_SUFFIX[CATALOG[name].kind.value]]}"',
            f'resource.type = "{self._names["resource_type"]}"',
            f'resource.labels.namespace = "{self._fleet}"',
        ]
        conditions += [f"metric.labels.{label} = {_one_of(values)}" for label, values in (where or {}).items()]
        if systems is not None:
            conditions.append(f"resource.labels.job = {_one_of(tuple(systems))}")
        return " AND ".join(conditions)

    def of(self, measure: Measure, step_s: int, systems: Iterable[str] | None = None) -> tuple[Question, ...]:
        """What a measure asks for, by job: one question, or of a share the parts and then the whole."""
        asked = [measure.where] if measure.whole is None else [measure.where, measure.whole]
        chosen = None if systems is None else tuple(systems)
        return tuple(
            Question(Part(self.metric(measure.metric, where, chosen), _aggregation(measure)), step_s=step_s)
            for where in asked
        )


_SUFFIX = {"gauge": "gauge", "count": "counter", "distribution": "distribution"}

_ALIGNMENTS: Mapping[How, tuple[str, str]] = {
    "mean": ("ALIGN_MEAN", "REDUCE_MEAN"),
    "total": ("ALIGN_MEAN", "REDUCE_SUM"),
    "worst": ("ALIGN_MIN", "REDUCE_MIN"),
    "rate": ("ALIGN_RATE", "REDUCE_SUM"),
    "share": ("ALIGN_DELTA", "REDUCE_SUM"),
    "average": ("ALIGN_DELTA", "REDUCE_SUM"),
}


def _aggregation(measure: Measure) -> Aggregation:
    aligner, reducer = _ALIGNMENTS[measure.how]
    return Aggregation(aligner, reducer, None, (_JOB,))


def _one_of(values: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{value}"' for value in values)
    return quoted if len(values) == 1 else f"one_of({quoted})"
