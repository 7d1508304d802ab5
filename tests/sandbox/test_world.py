"""The whole sandbox in time: the same seed gives the same data, faults stay where they are, no message is lost at a seam."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from exporter.sandbox import scenario
from exporter.sandbox.bigquery.catalog import Table
from exporter.sandbox.clock import to_us
from exporter.sandbox.fleet import Pipeline
from exporter.sandbox.ledger import MINUTE_US
from exporter.sandbox.server import Sandbox, SandboxOptions
from exporter.sandbox.traffic import schedule
from tests.sandbox.running import NOW, advance, ask, calls, eventually, still

SYSTEMS = 12
"""As many as the scenario needs that names most."""


def rows_of(sandbox: Sandbox, pipeline: Pipeline) -> list[dict[str, Any]] | None:
    """A pipeline's rows as they lie in its table, None where that is gone."""
    bigquery = sandbox.world.engines.bigquery
    if not isinstance(bigquery.catalog.find(pipeline.table), Table):
        return None
    return list(bigquery.table_rows(pipeline.table).to_pylist())


def evidence(sandbox: Sandbox, pipeline: Pipeline) -> tuple[Any, ...]:
    """Everything that a pipeline's numbers are computed from."""
    engines = sandbox.world.engines
    jobs = [job for job in engines.bigquery.jobs() if str(pipeline.table) in job["referenced_tables"]]
    ledger = engines.ledger
    return (
        rows_of(sandbox, pipeline),
        ledger.topics().get(pipeline.topic),
        ledger.subscriptions().get(pipeline.subscription),
        ledger.topics().get(pipeline.dead_letter_topic),
        jobs,
    )


def all_evidence(sandbox: Sandbox) -> Mapping[str, tuple[Any, ...]]:
    """The evidence of every usual pipeline."""
    return {pipeline.id: evidence(sandbox, pipeline) for pipeline in sandbox.world.pipelines if pipeline.oddity is None}


@pytest.fixture(scope="module")
def calm() -> Mapping[str, tuple[Any, ...]]:
    with still(SYSTEMS) as sandbox:
        return all_evidence(sandbox)


def test_the_same_seed_and_times_give_the_same_data(calm: Mapping[str, tuple[Any, ...]]) -> None:
    with still(SYSTEMS) as sandbox:
        assert all_evidence(sandbox) == calm


def test_another_seed_gives_other_data(calm: Mapping[str, tuple[Any, ...]]) -> None:
    with still(SYSTEMS, seed=2) as sandbox:
        other = all_evidence(sandbox)
    assert other.keys() == calm.keys()
    assert all(other[name] != calm[name] for name in calm)


def test_time_that_passes_step_by_step_gives_the_same_data_as_time_laid_down_at_once() -> None:
    with (
        still(3, history_s=1800) as whole,
        Sandbox(SandboxOptions(systems=3, history_s=600, now=NOW.replace(minute=11), speed=0, live=False)) as stepped,
    ):
        assert stepped.begin_us == whole.begin_us
        for seconds in (0.3, 59.7, 7, 13, 100, 960):
            advance(stepped, seconds)
        assert stepped.world.engines.clock.now() == NOW
        assert all_evidence(stepped) == all_evidence(whole)


@pytest.mark.parametrize("name", scenario.names())
def test_a_scenario_changes_nothing_of_the_systems_that_it_does_not_name(
    name: str, calm: Mapping[str, tuple[Any, ...]]
) -> None:
    chosen = scenario.load(name)
    touched = {place for fault in chosen.faults for place in fault.systems}
    with still(SYSTEMS, scenario=name) as sandbox:
        found = all_evidence(sandbox)
        named = [pipeline.id for pipeline in sandbox.world.pipelines if pipeline.index in touched]
    assert found.keys() == calm.keys()
    assert {each for each in calm if found[each] != calm[each]} == set(named)


@pytest.mark.parametrize("name", ["latency-spike", "publisher-silent", "table-deleted"])
def test_a_scenario_that_is_started_later_leaves_the_others_alone(name: str) -> None:
    with still(5) as quiet, still(5) as struck:
        status, _ = ask(struck, "POST", f"/scenario/{name}")
        assert status == 200
        for sandbox in (quiet, struck):
            advance(sandbox, 600)
        before, after = all_evidence(quiet), all_evidence(struck)
        (index,) = scenario.load(name).faults[0].systems
        assert {each for each in before if before[each] != after[each]} == {quiet.world.pipelines[int(index)].id}


def test_history_holds_a_full_hour_that_every_source_covers() -> None:
    with still(2, history_s=3600) as sandbox:
        begin_us, now_us = sandbox.begin_us, to_us(NOW)
        assert begin_us % (60 * MINUTE_US) == 0
        assert now_us - begin_us >= 70 * MINUTE_US
        minutes = sandbox.world.engines.ledger.subscriptions()[sandbox.world.pipelines[0].subscription]
        closed = [start for start, minute in minutes.items() if minute.backlog is not None]
        assert sorted(closed) == list(range(begin_us, now_us, MINUTE_US))


def test_moving_the_clock_makes_up_exactly_the_traffic_that_is_due() -> None:
    with still(3) as sandbox:
        advance(sandbox, 5 * 3600 + 0.25)
        now_us = sandbox.world.engines.clock.now_us()
        for pipeline in sandbox.world.pipelines:
            due = [
                publish
                for minute in range(sandbox.begin_us, now_us, MINUTE_US)
                for publish in schedule.publishes(1, pipeline.id, pipeline.rate, minute)
                if publish.at_us < now_us
            ]
            minutes = sandbox.world.engines.ledger.topics()[pipeline.topic].values()
            assert sum(minute.requests for minute in minutes) == len(due)
            assert sum(minute.messages for minute in minutes) == sum(len(publish.messages) for publish in due)


def test_many_may_ask_for_the_time_at_once() -> None:
    with still(3) as sandbox, still(3) as alone:
        threads = [threading.Thread(target=advance, args=(sandbox, 60)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        advance(alone, 480)
        assert all_evidence(sandbox) == all_evidence(alone)


def published(sandbox: Sandbox, pipeline: Pipeline) -> int:
    """Messages that a pipeline's topic was given so far."""
    ledger = sandbox.world.engines.ledger
    with ledger.lock:
        return sum(minute.messages for minute in ledger.topics().get(pipeline.topic, {}).values())


def due_by(sandbox: Sandbox, pipeline: Pipeline, now_us: int) -> int:
    """Messages that the schedule holds for a pipeline up to a time."""
    minutes = range(sandbox.begin_us, now_us, MINUTE_US)
    return sum(
        len(publish.messages)
        for minute in minutes
        for publish in schedule.publishes(sandbox.world.seed, pipeline.id, pipeline.rate, minute)
        if publish.at_us < now_us
    )


def test_live_traffic_goes_through_the_genuine_client_and_loses_nothing_where_time_is_skipped() -> None:
    with Sandbox(SandboxOptions(systems=20, history_s=60)) as sandbox:
        eventually(lambda: calls(sandbox, "pubsub", "Publish") >= 3)
        for seconds in (90, 5, 600, 61):
            advance(sandbox, seconds)
            before = calls(sandbox, "pubsub", "Publish")
            eventually(lambda before=before: calls(sandbox, "pubsub", "Publish") > before)  # type: ignore[misc]
    world = sandbox.world
    world.engines.pubsub.run_until(world.engines.clock.now_us())
    given_out_us = world._traffic_us  # when live traffic stopped, which nobody else needs to know
    assert {each.id: published(sandbox, each) for each in world.pipelines} == {
        each.id: due_by(sandbox, each, given_out_us) for each in world.pipelines
    }


def test_without_live_traffic_nothing_is_published_over_the_wire() -> None:
    with Sandbox(SandboxOptions(systems=5, history_s=60, speed=600, live=True)) as sandbox:
        before = Counter({pipeline.id: published(sandbox, pipeline) for pipeline in sandbox.world.pipelines})

        def grown() -> bool:
            sandbox.world.settle()
            return all(published(sandbox, each) > before[each.id] for each in sandbox.world.pipelines)

        eventually(grown)
        assert calls(sandbox, "pubsub", "Publish") == 0
