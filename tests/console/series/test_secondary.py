"""The second aggregation of ratios, held against the sandbox's aligners and reducers, which share no code with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console.series.model import Aggregation, Series
from exporter.console.series.requests import ALIGNERS, REDUCERS, Unaskable
from exporter.console.series.secondary import aggregated
from exporter.sandbox.monitoring.align import align
from exporter.sandbox.monitoring.filters import Field
from exporter.sandbox.monitoring.grid import Grid
from exporter.sandbox.monitoring.reduce import reduce
from tests.console.series.making import points, series
from tests.sandbox.monitoring.arithmetic import DOUBLE, G, gauges, identity, ns, reading

END_S = 6000.0
CARRIED_OUT = ("MEAN", "MIN", "MAX", "SUM", "COUNT", "STDDEV")

LINES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y"]),
        st.dictionaries(st.integers(1, 100).map(lambda n: n * 60), st.floats(0, 1), min_size=1),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line[:2],
)


def ours(lines: list[tuple[str, str, dict[int, float]]]) -> list[Series]:
    return [series(dict(sorted(own.items())), {"k": k}, {"job": job}) for job, k, own in lines]


def theirs(
    lines: list[tuple[str, str, dict[int, float]]], aligner: str, reducer: str, period_s: int
) -> dict[tuple[str, float], float]:
    grid = Grid(0, ns(END_S), ns(period_s))
    readings = [
        align(reading(G, DOUBLE, gauges(*sorted(own.items())), identity({"k": k}, {"job": job})), aligner, grid)
        for job, k, own in lines
    ]
    found = reduce(readings, reducer, [Field("resource.labels", "job")])
    return {
        (dict(each.identity.resource_labels)["job"], sample.end_ns / 1e9): sample.value
        for each in found
        for sample in each.samples
    }


@given(
    LINES,
    st.sampled_from([*CARRIED_OUT, "NEXT_OLDER"]),
    st.sampled_from([*CARRIED_OUT, "PERCENTILE_99", "PERCENTILE_95", "PERCENTILE_50", "PERCENTILE_05"]),
    st.sampled_from([60, 420, 600, 7000]),
)
def test_is_what_the_api_would_do(
    lines: list[tuple[str, str, dict[int, float]]], aligner: str, reducer: str, period_s: int
) -> None:
    wanted = Aggregation(f"ALIGN_{aligner}", f"REDUCE_{reducer}", period_s, ('resource.label."job"',))
    found = aggregated(ours(lines), wanted, END_S)
    assert all({*each.resource_labels} == {"project_id", "job"} and not each.metric_labels for each in found)
    given_ = {(each.resource_labels["job"], end): value for each in found for end, value in points(each).items()}
    assert given_ == pytest.approx(theirs(lines, wanted.aligner, wanted.reducer, period_s), abs=1e-12)


def test_without_a_reducer_every_series_stays() -> None:
    two = [series({60: 0.25, 120: 0.75}, {"k": "x"}), series({120: 1.0}, {"k": "y"})]
    found = aggregated(two, Aggregation("ALIGN_MEAN", period_s=120), 120.0)
    assert [(each.metric_labels, points(each)) for each in found] == [
        ({"k": "x"}, {120.0: 0.5}),
        ({"k": "y"}, {120.0: 1.0}),
    ]


def test_nothing_to_do_changes_nothing() -> None:
    one = [series({60: 0.25})]
    assert aggregated(one, Aggregation(), 60.0) == one


@pytest.mark.parametrize(
    "wanted",
    [
        Aggregation("ALIGN_NONE", "REDUCE_SUM"),
        Aggregation("ALIGN_MEAN", "REDUCE_SUM", 60, ("job",)),
        *(
            Aggregation(name, period_s=60)
            for name in ALIGNERS
            if name.removeprefix("ALIGN_") not in (*CARRIED_OUT, "NEXT_OLDER", "NONE")
        ),
        *(
            Aggregation("ALIGN_MEAN", name, 60)
            for name in REDUCERS
            if name.removeprefix("REDUCE_") not in (*CARRIED_OUT, "NONE") and "PERCENTILE" not in name
        ),
    ],
    ids=lambda wanted: f"{wanted.aligner}-{wanted.reducer}",
)
def test_says_what_cannot_follow_a_ratio(wanted: Aggregation) -> None:
    with pytest.raises(Unaskable):
        aggregated([series({60: 0.25})], wanted, 60.0)
