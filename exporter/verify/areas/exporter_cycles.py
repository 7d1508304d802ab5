"""Runs the exporter itself over the throwaway pipelines, in this process and through the run's clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from google.pubsub_v1 import types

from exporter import assembly, pricing
from exporter.assembly import Parts
from exporter.calls import CallLog
from exporter.circuits import Circuits
from exporter.clients import Clients
from exporter.collection import Collector
from exporter.cycle import PATIENCE_S
from exporter.metrics.catalog import CATALOG
from exporter.model import CycleReport, SystemSummary
from exporter.patience import Patience
from exporter.verify.areas.exporter_config import WINDOW_S, config
from exporter.verify.areas.states_watching import PROVOKED
from exporter.verify.areas.writing_series import metric_type
from exporter.verify.lab import Lab
from exporter.verify.pipeline import PIPELINES, TIMEOUT_S
from exporter.verify.questions import Step
from exporter.verify.services import ONCE
from exporter.windows import HOUR, align_up

CYCLES, BROKEN = "cycles", "cycle over broken systems"
"""Facts: what each cycle said of itself; and of the first, when it was and what Pub/Sub said of the subscriptions then."""

_MEASURED_BROKEN = "measured broken"

_STOPPED_S = 600.0
"""So long is waited at most for the states of subscriptions whose tables refuse everything."""

_AFTERWARDS = timedelta(minutes=5)
"""So long after the last message that the tables refuse everything has become of it that will."""


@contextmanager
def _assembled(lab: Lab) -> Iterator[Parts]:
    """The exporter's parts around the clients of the run, which are left as they are."""
    settings, services = config(lab.place), lab.services
    made = Clients(services.bigquery, services.monitoring, services.subscriber, lab.now)
    calls, circuits = CallLog(), Circuits(now=made.now)
    hooks = services.bigquery._http.hooks["response"]
    known = list(hooks)
    collector = Collector(made, calls, circuits)
    try:
        prices = pricing.load(settings.exporter.prices, systems=len(settings.systems))
        yield Parts(settings, made, prices, calls, circuits, collector)
    finally:
        collector.close()
        hooks[:] = known


def _cycle(lab: Lab) -> CycleReport:
    """One cycle of an exporter that has just started; what it will write is noted before. Raises ``SourceError``."""
    for name in CATALOG:
        lab.making("descriptor", f"projects/{lab.place.project}/metricDescriptors/{metric_type(lab, name)}")
    with _assembled(lab) as parts:
        # With the hour before there is a window to measure, whenever the run began.
        made = assembly.exporter(parts, since=lab.done_at("created") - HOUR)
        return made.cycle(lab.now(), Patience(PATIENCE_S))


def _advance(lab: Lab) -> dict[str, datetime]:
    """Run a cycle when a window has passed since the last; returns up to where each family of ``main`` is stored."""
    last = lab.book.get(CYCLES, [None])[-1]
    if last is None or (lab.now() - datetime.fromisoformat(last["at"])).total_seconds() >= WINDOW_S:
        last = _noted(_cycle(lab))
        lab.book.append(CYCLES, last)
    return {name: datetime.fromisoformat(end).astimezone(UTC) for name, end in last["stored"].items()}


def _noted(report: CycleReport) -> dict[str, Any]:
    """What is kept of a cycle: what passes by itself is tried again by the next."""
    main = next(system for system in report.systems if system.id == "main")
    return {
        "at": report.at.isoformat(),
        "stored": _stored(main),
        "written": report.written,
        "rejected": [f"{each.point.metric}: {each.code}" for each in report.rejected],
        "failures": [[each.system, each.source, each.reason] for each in report.failures if not each.transient],
    }


def _stored(main: SystemSummary) -> dict[str, str]:
    windows = {"landing": main.landing, "delivery": main.delivery, "spend": main.spend}
    return {name: window.end.isoformat() for name, window in windows.items() if window is not None}


def _state(lab: Lab, subscription: str) -> str:
    """The state that is to be written of a subscription: its destination's, where that is not active."""
    found = lab.services.subscriber.get_subscription(subscription=subscription, timeout=TIMEOUT_S, retry=ONCE)
    destination = types.BigQueryConfig.State(found.bigquery_config.state).name
    return str(destination if destination != "ACTIVE" else types.Subscription.State(found.state).name)


def _measured_broken(lab: Lab) -> bool:
    """Run the first cycle while tables refuse everything and their subscriptions say so: they are mended some minutes later."""
    states = _states(lab)
    active = [name for name in PROVOKED if states[name] == "ACTIVE"]
    if active and lab.waited_s("broken systems") < _STOPPED_S:
        return False
    noted = _noted(_cycle(lab))
    if _states(lab) != states:
        return False
    lab.book.append(CYCLES, noted)
    lab.book.note(BROKEN, {"at": noted["at"], "states": states})
    return True


def _states(lab: Lab) -> dict[str, str]:
    return {pipeline.name: _state(lab, pipeline.subscription(lab.place)) for pipeline in PIPELINES}


def _measured(lab: Lab) -> bool:
    """Cycle until the windows in which anything happened to ``main`` are stored; the cycle over broken systems goes first."""
    if lab.book.get(f"began step {_MEASURED_BROKEN}") is not None and not lab.is_over(_MEASURED_BROKEN):
        return False
    until = lab.done_at("poisoned") + _AFTERWARDS
    stored = _advance(lab)
    return all(family in stored and stored[family] >= until for family in ("landing", "delivery"))


def _measured_hours(lab: Lab) -> bool:
    """Cycle until the hours in which anything happened to ``main`` are stored."""
    until = align_up(lab.done_at("poisoned"), HOUR)
    stored = _advance(lab)
    return "spend" in stored and stored["spend"] >= until


_TABLES_A_CYCLE = 9
"""Tables that one cycle is billed for: the landing of each system, JOBS, storage, writes."""

STEPS = (
    Step(
        _MEASURED_BROKEN,
        "letting the exporter measure systems that are broken",
        _measured_broken,
        tuple(PROVOKED.values()),
        timedelta(minutes=20),
        _TABLES_A_CYCLE,
    ),
    Step(
        "measured",
        "letting the exporter measure the pipelines",
        _measured,
        ("poisoned",),
        timedelta(minutes=45),
        _TABLES_A_CYCLE,
    ),
    Step(
        "measured hours",
        "letting the exporter measure whole hours",
        _measured_hours,
        ("measured",),
        timedelta(minutes=90),
        _TABLES_A_CYCLE,
    ),
)
