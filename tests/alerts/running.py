"""Let an exporter measure a fleet, let every alert be evaluated on what it wrote, and tell which incidents open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exporter.rendering.backends import Backend, names
from tests.alerts import exporting, firing, policies, promtool
from tests.alerts.exporting import Setting
from tests.alerts.policies import Rule
from tests.alerts.promql import selectors
from tests.alerts.traffic import Pipeline

EVALUATED_AT_S = 10
"""When in a minute conditions are evaluated: points can be seen 15 s after the full minute, so they wait for nearly all of the next."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What somebody is told of: ``job`` is a system, the exporter, or of the fleet's the kind of trouble; times are seconds since zero."""

    kind: str
    owner: str
    job: str
    opened_s: int
    closed_s: int | None


@dataclass(frozen=True, slots=True)
class Watch:
    """When alerts are evaluated, and how they are rendered; ``step_s`` is the least time between evaluations of one.

    ``kinds`` are those that are evaluated, each up to its own time; all of them where it is None.
    """

    begin_s: int
    end_s: int
    step_s: int = 60
    incident_systems: int = 5
    backend: Backend = Backend.CLOUD_MONITORING
    kinds: Mapping[str, int] | None = None
    setting: Setting = field(default_factory=Setting)


def incidents(pipelines: Sequence[Pipeline], watch: Watch, folder: Path) -> list[Incident]:
    """Every incident that opens while alerts are watched, in the order in which they open."""
    config = policies.fleet([pipeline.system for pipeline in pipelines], watch.incident_systems)
    rules = policies.rules(list(policies.rendered(config, watch.backend).values()))
    watched = [rule for rule in rules if watch.kinds is None or rule.kind in watch.kinds]
    questions = [promtool.Question(rule.query, at_s) for rule in watched for at_s in _times(rule, watch)]
    ranges_s = reach(watched)
    prefix = names(watch.backend, config.exporter.metric_prefix)["promql_prefix"]
    written = exporting.samples(pipelines, watch.setting, watch.end_s, prefix, config.fleet)
    looked_at = [sample for sample in written if sample.metric in ranges_s]
    answers = iter(promtool.evaluate(looked_at, questions, ranges_s, folder))
    opened: list[Incident] = []
    for rule in watched:
        evaluations = [(at_s, next(answers)) for at_s in _times(rule, watch)]
        for span in firing.spans(evaluations, rule.duration_s):
            labels = dict(span.labels)
            job = labels.get("job") or labels.get("kind", "")
            opened.append(Incident(rule.kind, rule.owner, job, span.opened_s, span.closed_s))
    return sorted(opened, key=lambda incident: (incident.opened_s, incident.kind, incident.job))


def _times(rule: Rule, watch: Watch) -> range:
    step_s = max(rule.every_s, watch.step_s)
    end_s = watch.end_s if watch.kinds is None else watch.kinds[rule.kind]
    return range(watch.begin_s // step_s * step_s + EVALUATED_AT_S, end_s, step_s)


def reach(rules: Sequence[Rule]) -> Mapping[str, int]:
    """How far back rules look at each metric, in seconds."""
    found: dict[str, int] = defaultdict(int)
    for rule in rules:
        for selector in selectors(rule.query):
            found[selector.metric] = max(found[selector.metric], selector.range_s)
    return found
