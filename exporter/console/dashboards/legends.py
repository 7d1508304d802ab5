"""What the series of an answer are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from exporter.console.dashboards.nodes import clean
from exporter.console.series.model import Series

_REFERENCE = re.compile(r"\$\{\s*([^{}]+?)\s*\}")
_BETWEEN = ", "
MAX_LEGEND = 200
"""Characters of a template."""
_MAX_NAME = 300
"""Characters of a name: labels may have a thousand each."""
_SPELLED = {"resource.label": "resource.labels", "metric.label": "metric.labels"}


def names(found: Sequence[Series], legend: str) -> list[str]:
    """A name for each series: by the template, or by the labels that tell the series apart where it is empty or yields nothing."""
    defaults = _told_apart(found)
    if not legend.strip():
        return defaults
    return [_filled(legend, each) or default for each, default in zip(found, defaults, strict=True)]


def labels(series: Series) -> dict[str, str]:
    """All labels of a series by their short names; a name that resource and metric both have is written in full."""
    both = series.resource_labels.keys() & series.metric_labels.keys()
    shown = {f"resource.labels.{key}" if key in both else key: value for key, value in series.resource_labels.items()}
    shown |= {f"metric.labels.{key}" if key in both else key: value for key, value in series.metric_labels.items()}
    return dict(sorted(shown.items()))


def _told_apart(found: Sequence[Series]) -> list[str]:
    """Values of the labels in which the series differ; the metric's own name where there is none."""
    all_labels = [labels(each) for each in found]
    keys = sorted({key for each in all_labels for key in each})
    differing = [key for key in keys if len({each.get(key) for each in all_labels}) > 1]
    several_metrics = len({each.metric_type for each in found}) > 1
    made = []
    for series, own in zip(found, all_labels, strict=True):
        parts = [own[key] for key in differing if own.get(key)]
        metric = series.metric_type.rsplit("/", 1)[-1]
        made.append(_BETWEEN.join([metric, *parts] if several_metrics else parts) or metric)
    return [_bounded(each) for each in made]


def _bounded(name: str) -> str:
    shown = clean(name)
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"


def _filled(legend: str, series: Series) -> str:
    known = _references(series)
    filled = _REFERENCE.sub(lambda match: known.get(_spelled(match[1]), ""), legend)
    return _bounded(" ".join(filled.split()))


def _references(series: Series) -> Mapping[str, str]:
    return {
        "resource.type": series.resource_type,
        "metric.type": series.metric_type,
        **{f"resource.labels.{key}": value for key, value in series.resource_labels.items()},
        **{f"metric.labels.{key}": value for key, value in series.metric_labels.items()},
    }


def _spelled(reference: str) -> str:
    """``metric.label."job"`` and the like as ``metric.labels.job``."""
    head, _, rest = reference.partition(".")
    middle, _, key = rest.partition(".")
    path = f"{head}.{middle}"
    return f"{_SPELLED.get(path, path)}.{key.strip(chr(34))}" if key else reference
