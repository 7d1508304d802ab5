"""What the kinds of faults in scenarios do to the world, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from exporter.sandbox.bigquery.catalog import Table
from exporter.sandbox.faults import Fault
from exporter.sandbox.fleet import Pipeline
from exporter.sandbox.provisioning import behaviour_of
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.scenario import Scenario, ScenarioError, TimedFault
from exporter.sandbox.world import SECOND_US, World

Act = Callable[[World, Pipeline, Mapping[str, Any], int], None]

_REQUIRED_COLUMN = {"name": "added_by_somebody", "type": "STRING", "mode": "REQUIRED"}


def begin(world: World, scenario: Scenario, start_us: int) -> None:
    """Plan everything that a scenario does, from its start on; raises ``ScenarioError`` where it names no system of the fleet."""
    chosen = [(fault, _chosen(world, scenario, fault)) for fault in scenario.faults]
    for fault, pipelines in chosen:
        begins_us = start_us + round(fault.from_s * SECOND_US)
        ends_us = None if fault.until_s is None else start_us + round(fault.until_s * SECOND_US)
        if fault.kind == "api":
            _plan_api(world, fault, begins_us, ends_us)
            continue
        start, end = _ACTS[fault.kind]
        for pipeline in pipelines:
            world.plan(begins_us, _bound(start, world, pipeline, fault.options))
            if ends_us is not None:
                world.plan(ends_us, _bound(end, world, pipeline, fault.options))


def _chosen(world: World, scenario: Scenario, fault: TimedFault) -> Sequence[Pipeline]:
    usual = [pipeline for pipeline in world.pipelines if pipeline.oddity is None]
    by_name = {f"odd:{pipeline.oddity}": pipeline for pipeline in world.pipelines if pipeline.oddity}
    found = []
    for name in fault.systems:
        if isinstance(name, int) and 0 <= name < len(usual):
            found.append(usual[name])
        elif isinstance(name, int):
            raise ScenarioError(f"{scenario.name}: needs at least {name + 1} systems, there are {len(usual)}")
        elif name in by_name:
            found.append(by_name[name])
        else:
            raise ScenarioError(f"{scenario.name}: no system {name!r} in this sandbox; start it with --scenario")
    return found


def _bound(act: Act, world: World, pipeline: Pipeline, options: Mapping[str, Any]) -> Callable[[int], None]:
    return lambda at_us: act(world, pipeline, options, at_us)


def _plan_api(world: World, fault: TimedFault, begins_us: int, ends_us: int | None) -> None:
    injected = Fault(**fault.options["fault"])
    faults = world.engines.faults
    world.plan(begins_us, lambda _: faults.add(injected))
    if ends_us is not None:
        world.plan(ends_us, lambda _: faults.remove(injected))


def _behave(world: World, pipeline: Pipeline, options: Mapping[str, Any], at_us: int) -> None:
    _set(world, pipeline, replace(behaviour_of(pipeline), **options["set"]), at_us)


def _behave_again(world: World, pipeline: Pipeline, _: Mapping[str, Any], at_us: int) -> None:
    _set(world, pipeline, behaviour_of(pipeline), at_us)


def _set(world: World, pipeline: Pipeline, behaviour: Behaviour, at_us: int) -> None:
    with suppress(Refused):  # somebody has deleted the subscription
        world.engines.pubsub.set_behaviour(pipeline.subscription, behaviour, at_us)


def _table(world: World, pipeline: Pipeline) -> Table | None:
    """The pipeline's table, unless a scenario or somebody else has deleted it."""
    found = world.engines.bigquery.catalog.find(pipeline.table)
    return found if isinstance(found, Table) else None


def _lacks(table: Table | None, column: str) -> bool:
    return table is not None and all(each.name != column for each in table.columns)


def _has(table: Table | None, column: str) -> bool:
    return table is not None and not _lacks(table, column)


def _require_column(world: World, pipeline: Pipeline, _: Mapping[str, Any], __: int) -> None:
    if _lacks(_table(world, pipeline), _REQUIRED_COLUMN["name"]):
        world.engines.bigquery.add_column(pipeline.table, _REQUIRED_COLUMN)


def _drop_column(world: World, pipeline: Pipeline, _: Mapping[str, Any], __: int) -> None:
    if _has(_table(world, pipeline), _REQUIRED_COLUMN["name"]):
        world.engines.bigquery.drop_column(pipeline.table, _REQUIRED_COLUMN["name"])


def _delete_table(world: World, pipeline: Pipeline, _: Mapping[str, Any], __: int) -> None:
    if _table(world, pipeline) is not None:
        world.engines.bigquery.delete_table(pipeline.table)


def _nothing(_: World, __: Pipeline, ___: Mapping[str, Any], ____: int) -> None:
    """A deleted table stays deleted, and loaded rows stay loaded."""


def _revoke(world: World, pipeline: Pipeline, options: Mapping[str, Any], _: int) -> None:
    world.engines.iam.revoke(options["principal"], options["permission"], str(pipeline.table))


def _restore(world: World, pipeline: Pipeline, options: Mapping[str, Any], _: int) -> None:
    world.engines.iam.restore(options["principal"], options["permission"], str(pipeline.table))


def _silence(world: World, pipeline: Pipeline, _: Mapping[str, Any], __: int) -> None:
    world.influences[pipeline.id].silent = True


def _speak(world: World, pipeline: Pipeline, _: Mapping[str, Any], __: int) -> None:
    world.influences[pipeline.id].silent = False


def _read_more(world: World, pipeline: Pipeline, options: Mapping[str, Any], _: int) -> None:
    world.influences[pipeline.id].read_factor = float(options["factor"])


def _read_as_before(world: World, pipeline: Pipeline, _: Mapping[str, Any], __: int) -> None:
    world.influences[pipeline.id].read_factor = 1.0


def _load_rows(world: World, pipeline: Pipeline, options: Mapping[str, Any], at_us: int) -> None:
    """Rows of a load job: they have data, and none of the metadata that Pub/Sub writes."""
    table = _table(world, pipeline)
    if table is not None:
        table.contents.append(["data"], [(b'{"loaded":true}',) for _ in range(options["rows"])], at_us)


_ACTS: Mapping[str, tuple[Act, Act]] = {
    "behaviour": (_behave, _behave_again),
    "require_column": (_require_column, _drop_column),
    "delete_table": (_delete_table, _nothing),
    "revoke": (_revoke, _restore),
    "silence": (_silence, _speak),
    "reads": (_read_more, _read_as_before),
    "load_rows": (_load_rows, _nothing),
}
