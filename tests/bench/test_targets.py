from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench import comparison, document
from tests.bench.candidates import Sample
from tests.bench.comparison import Comparison
from tests.bench.processes import Taken
from tests.bench.results import Machine, Results
from tests.bench.simulation import Day, Growth, Hour
from tests.bench.targets import Target, targets
from tests.bench.usage import Usage

PRICES = {
    "scalar_point_bytes": 8,
    "distribution_point_bytes": 80,
    "on_demand_per_tib": 6.25,
    "custom_metrics_per_mib": 0.258,
    "monitoring_read_per_million_series": 0.5,
}
USED = Usage(4, 8, 17, 1, 550_000_000, 3200, 200, 400)


def sample(wall_s: float = 1.0, cpu_s: float = 0.2, peak_rss_mib: float = 100.0, used: Usage = USED) -> Sample:
    return Sample(Taken(wall_s, cpu_s, peak_rss_mib), used, peak_rss_mib)


def results(*warm: Sample, hours: list[float] | None = None, growth: tuple[Usage, Usage] | None = None) -> Results:
    names = (comparison.COLD, comparison.FLOOR, comparison.SLO, comparison.QUERIES_COLD, comparison.QUERIES_WARM)
    measured = list(warm or (sample(),))
    samples = {comparison.WARM: measured, comparison.ONE_WINDOW: measured, **{name: [sample()] for name in names}}
    few, many = growth or (USED, USED * 100)
    return Results(
        machine=Machine("2026-11-24", 2, "3.11.7", "Linux"),
        command="make bench",
        comparison=Comparison(samples),
        slow=[sample(4.0)],
        offline=[Taken(0.5, 0.4, 50)],
        demo=[Taken(9.0, 8.0, 300)],
        growth=[
            Growth(50, sample(used=few), sample(used=few), [sample(used=Usage())]),
            Growth(5000, sample(used=many), sample(used=many), [sample(used=Usage())]),
        ],
        day=Day(50, 25, sample(), [Hour(USED, 1.0, rss_mib) for rss_mib in hours or [100.0] * 24]),
        prices=PRICES,
    )


def found(measured: Results, name: str) -> Target:
    return next(each for each in targets(measured) if each.name.startswith(name))


def test_what_keeps_every_number_has_reached_them_all() -> None:
    assert [each.name for each in targets(results()) if not each.reached] == []


def test_the_median_counts_not_the_unluckiest_run() -> None:
    assert found(results(sample(1.0), sample(1.4), sample(9.0)), "cycle").reached
    assert not found(results(sample(1.0), sample(1.6), sample(9.0)), "cycle").reached


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("CPU", sample(cpu_s=0.26)),
        ("memory, warm", sample(peak_rss_mib=121)),
        ("BigQuery jobs", sample(used=replace(USED, bigquery_calls=5))),
        ("Cloud Monitoring reads, warm", sample(used=replace(USED, monitoring_reads=11))),
        ("Cloud Monitoring writes", sample(used=replace(USED, monitoring_writes=20))),
    ],
)
def test_a_number_that_is_missed_is_named(name: str, worse: Sample) -> None:
    assert not found(results(worse), name).reached


def test_full_requests_may_end_with_a_part_in_every_wave() -> None:
    fewest = replace(USED, points=3200, monitoring_writes=16)
    assert found(results(sample(used=replace(fewest, monitoring_writes=19))), "Cloud Monitoring writes").reached


def test_memory_that_grows_all_day_is_not_flat() -> None:
    assert found(results(hours=[90.0, *[100.0] * 23]), "memory over").reached
    assert not found(results(hours=[100.0 + hour for hour in range(24)]), "memory over").reached


def test_what_many_systems_need_more_of_each_costs_more() -> None:
    assert not found(results(growth=(USED, USED * 101)), "cost per system").reached


def test_a_bill_over_the_limit_is_not_reached() -> None:
    measured = results()
    dear = [Hour(USED * 20, 1.0, 100.0)] * 24
    assert found(measured, "the month's bill").reached
    assert not found(replace(measured, day=replace(measured.day, hours=dear)), "the month's bill").reached


def test_the_document_holds_every_candidate_and_target() -> None:
    measured = results()
    text = document.text(measured)
    for name in [*measured.comparison.samples, *(each.name for each in targets(measured))]:
        assert f"| {name}" in text
    assert "$" not in text


def test_who_was_skipped_is_named() -> None:
    measured = replace(results(), skipped=("a peer needs another Python",))
    assert "Not measured: a peer needs another Python." in document.text(measured)


def test_one_size_alone_says_nothing_of_growth() -> None:
    measured = results()
    assert found(replace(measured, growth=measured.growth[:1]), "cost per system").reached is None


def test_an_hour_is_four_collections_and_fifty_six_minutes_without() -> None:
    idle = [sample(used=Usage(monitoring_writes=writes)) for writes in (1, 1, 1, 1, 3)]
    hour = Growth(50, sample(used=Usage(points=1000)), sample(used=Usage(points=3000)), idle).used
    assert hour.points == 3 * 1000 + 3000
    assert hour.monitoring_writes == pytest.approx(7 / 5 * 56)
