"""Several exporters at once: replicas and a standby store what one alone stores, shards share the fleet, and a standby takes over."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.assembly import Role
from exporter.cycle import Exporter
from exporter.metrics.catalog import CATALOG
from exporter.model import Family, Tier
from exporter.shards import Shard, owner
from tests.torture import stored
from tests.torture.fleets import Fleet, caught_up, fleet
from tests.torture.length import rounds
from tests.torture.stored import Series, Value

TIERS = (Tier.CRITICAL, Tier.CRITICAL, Tier.STANDARD, Tier.STANDARD, Tier.STANDARD, Tier.BATCH)
FAMILIES = (Family.LANDING, Family.DELIVERY, Family.SPEND, Family.STATE)
LAG = timedelta(minutes=9)
"""How late delivery's metrics are, two minutes of grace for a standby, and two more."""

Key = tuple[str, Series, int, int]


def points(dump: Path) -> dict[Key, Value]:
    """Every stored point of a system in the families that a system has, by system, series and interval."""
    found: dict[Key, Value] = {}
    for job, by_series in stored.read(dump).items():
        for each, accepted in by_series.items():
            if job not in ("exporter", "fleet") and CATALOG[each.metric].family in FAMILIES:
                for point in accepted:
                    assert (job, each, point.start_us, point.end_us) not in found
                    found[job, each, point.start_us, point.end_us] = point.value
    return found


def play(running: Fleet, turn: Callable[[], object], minutes: int) -> None:
    """A cycle each minute, a quarter of a minute after its begin."""
    running.advance(15)
    for _ in range(minutes):
        turn()
        running.advance(60)


def at_once(running: Fleet, exporters: Sequence[Exporter], source: random.Random) -> Callable[[], None]:
    """A turn in which all exporters do a cycle side by side, and start in whatever order."""
    pool = ThreadPoolExecutor(len(exporters))

    def turn() -> None:
        order = source.sample(list(exporters), len(exporters))
        for cycle in [pool.submit(running.cycle, exporter) for exporter in order]:
            cycle.result()

    return turn


def test_two_replicas_and_a_standby_store_what_one_alone_stores(tmp_path: Path) -> None:
    minutes = rounds(70, 360)
    with fleet(6, tiers=TIERS) as running:
        alone = running.exporter()
        play(running, lambda: running.cycle(alone), minutes)
        expected = points(running.dump(tmp_path / "alone"))
    with fleet(6, tiers=TIERS) as running:
        roles = (Role(replica="a"), Role(replica="b"), Role(replica="standby", standby=True))
        play(running, at_once(running, [running.exporter(role) for role in roles], random.Random(1)), minutes)
        dump = running.dump(tmp_path / "together")
        verdict = running.judge(dump)
        assert verdict.deviations == [], str(verdict)
        assert caught_up(running, running.marks(dump), LAG) == []
    found = points(dump)
    assert found.keys() - expected.keys() == set()
    assert expected.keys() - found.keys() == set()
    assert {key: (value, found[key]) for key, value in expected.items() if value != found[key]} == {}


def test_a_standby_does_nothing_while_the_other_does_it_all_and_takes_over_when_it_is_gone(tmp_path: Path) -> None:
    with fleet(3, tiers=(Tier.CRITICAL, Tier.CRITICAL, Tier.STANDARD)) as running:
        first, standby = running.exporter(), running.exporter(Role(replica="standby", standby=True))
        running.advance(15)
        idle = 0
        for _ in range(20):
            running.cycle(first)
            idle += running.cycle(standby).windows
            running.advance(60)
        assert idle == 0
        for _ in range(20):
            running.cycle(standby)
            running.advance(60)
        dump = running.dump(tmp_path)
        assert caught_up(running, running.marks(dump), LAG) == []
        verdict = running.judge(dump)
        assert verdict.deviations == [], str(verdict)


def test_every_system_is_exported_by_exactly_one_of_three_shards_and_all_are(tmp_path: Path) -> None:
    with fleet(12) as running:
        shards = [running.exporter(Role(Shard(index, 3))) for index in (1, 2, 3)]
        ids = [system.id for shard in shards for system in shard.systems]
        assert sorted(ids) == sorted(system.id for system in running.systems)
        assert all(len(shard.systems) >= 1 for shard in shards)
        play(running, at_once(running, shards, random.Random(2)), 20)
        reports = [running.cycle(shard) for shard in shards]
        told = Counter(system.id for report in reports for system in report.systems)
        assert told == Counter(system.id for system in running.systems)
        dump = running.dump(tmp_path)
        batch = {system.id for system in running.systems if system.tier is Tier.BATCH}
        late = [each for each in caught_up(running, running.marks(dump), LAG) if each.split()[0] not in batch]
        assert [each for each in late if "spend" not in each] == []
        verdict = running.judge(dump, families=(Family.LANDING, Family.DELIVERY))
        assert [each for each in verdict.deviations if each.system not in batch] == [], str(verdict)


@pytest.mark.parametrize(("before", "after"), [(3, 4), (4, 3), (1, 2)])
def test_another_number_of_shards_moves_only_what_must_move_and_loses_nothing(
    tmp_path: Path, before: int, after: int
) -> None:
    with fleet(8, tiers=[Tier.CRITICAL] * 8) as running:
        for count in (before, after):
            shards = [running.exporter(Role(Shard(index, count))) for index in range(1, count + 1)]
            play(running, at_once(running, shards, random.Random(3)), 6)
        dump = running.dump(tmp_path)
        verdict = running.judge(dump, families=(Family.LANDING, Family.DELIVERY))
        assert verdict.deviations == [], str(verdict)
        assert {family for _, family in running.marks(dump)} >= {Family.LANDING, Family.DELIVERY}


@pytest.mark.parametrize("count", range(1, 12))
def test_one_shard_more_takes_systems_and_moves_no_others(count: int) -> None:
    ids = [f"system-{number}" for number in range(500)]
    moved = [system for system in ids if owner(system, count) != owner(system, count + 1)]
    assert {owner(system, count + 1) for system in moved} == {count + 1}
    assert len(moved) < 2 * len(ids) / (count + 1)
