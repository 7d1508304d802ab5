"""The judge itself: it finds nothing in an honest dump, and every planted error in a false one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from exporter.model import Family, System
from tests.end_to_end.conftest import running
from tests.torture.accounting import Deviation, Verdict, books, judge, watermarks, weigh
from tests.torture.stored import parse

START = datetime(2026, 11, 24, 11, tzinfo=UTC)
WINDOW = "2026-11-24T11:40:00Z"
"""The end of some window of the critical system, before all of its watermarks."""

Line = dict[str, Any]


class Case:
    """An honest dump, and false ones made from it."""

    def __init__(self, dump: Path, systems: tuple[System, ...], prices: dict[str, float]) -> None:
        self.dump = dump
        self.systems = systems
        self.prices = prices
        self.critical = systems[0].id
        self._books = books(dump, systems, prices)
        self._lines = (dump / "timeseries.jsonl").read_text().splitlines()

    def judge(self, dump: Path | None = None, start: datetime = START) -> Verdict:
        """Judge a dump."""
        return judge(dump or self.dump, self.systems, start, self.prices)

    def weigh(self, change: Callable[[list[Line]], list[Line]], system: str | None = None) -> Verdict:
        """Judge one system by what was accepted, with a change: the critical one, if it is not said which."""
        lines = change([json.loads(line) for line in self._lines])
        chosen = [each for each in self.systems if each.id == (system or self.critical)]
        return weigh(self._books, chosen, parse(lines), START)

    def copy(self, directory: Path) -> Path:
        """Another dump that is the same."""
        return Path(shutil.copytree(self.dump, directory / "copy"))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with running(2, scenario="odd-systems", history_s=3600) as run:
        whole = run.parts.config
        chosen = (whole.systems[0].id, "odd-late-duplicates", "odd-no-dead-letters", "odd-standing-backlog")
        systems = tuple(system for system in whole.systems if system.id in chosen)
        run = replace(run, parts=replace(run.parts, config=replace(whole, systems=systems)))
        exporter = run.exporter()
        for _ in range(4):
            run.cycle(exporter)
            run.advance(900)
        run.cycle(exporter)
        dump = run.dump(tmp_path_factory.mktemp("honest"))
        yield Case(dump, systems, dict(run.parts.prices.values))


def matches(line: Line, system: str, metric: str, end: str | None, **labels: str) -> bool:
    return (
        line["metric"]["type"] == f"custom.googleapis.com/pipeline/{metric}"
        and line["resource"]["labels"]["job"] == system
        and labels.items() <= line["metric"].get("labels", {}).items()
        and end in (None, line["points"][0]["interval"]["endTime"])
    )


def only(verdict: Verdict) -> Deviation:
    (deviation,) = verdict.deviations
    return deviation


def test_an_honest_dump_has_no_deviations(case: Case) -> None:
    verdict = case.judge()
    assert verdict.deviations == []
    assert verdict.windows[Family.LANDING] >= 100
    assert verdict.windows[Family.DELIVERY] >= 100
    assert verdict.windows[Family.SPEND] >= 2 * len(case.systems)
    assert {family for _, family, _ in watermarks(case.dump)} == {Family.LANDING, Family.DELIVERY, Family.SPEND}


PROOFS = [
    ("messages", {"outcome": "delivered"}, "landing", WINDOW),
    ("messages", {"outcome": "published"}, "delivery", WINDOW),
    ("latency", {}, "landing", WINDOW),
    ("slo_events", {"objective": "latency", "result": "bad"}, "landing", WINDOW),
    ("slo_events", {"objective": "errors", "result": "bad"}, "delivery", WINDOW),
    ("cost", {"component": "pubsub_delivery"}, "spend", "2026-11-24T12:00:00Z"),
    ("cost", {"component": "bigquery_storage"}, "spend", "2026-11-24T12:00:00Z"),
    ("bytes", {"stage": "written"}, "spend", "2026-11-24T12:00:00Z"),
    ("query_bytes", {"kind": "billed"}, "spend", "2026-11-24T12:00:00Z"),
]


@pytest.mark.parametrize(("metric", "labels", "family", "end"), PROOFS)
def test_a_missing_point_is_found(case: Case, metric: str, labels: dict[str, str], family: str, end: str) -> None:
    deviation = only(
        case.weigh(lambda lines: [line for line in lines if not matches(line, case.critical, metric, end, **labels)])
    )
    assert (deviation.system, deviation.family) == (case.critical, family)
    assert deviation.window.endswith(end)
    assert (deviation.expected, deviation.found) == ("1 point", "0 points")
    assert metric in deviation.what


@pytest.mark.parametrize("task", ["pipeline", "another"])
@pytest.mark.parametrize(("metric", "labels", "family", "end"), PROOFS)
def test_a_point_that_was_accepted_twice_is_found_whatever_series_holds_it(
    case: Case, metric: str, labels: dict[str, str], family: str, end: str, task: str
) -> None:
    def double(lines: list[Line]) -> list[Line]:
        (line,) = [line for line in lines if matches(line, case.critical, metric, end, **labels)]
        resource = {**line["resource"], "labels": {**line["resource"]["labels"], "task_id": task}}
        return [*lines, {**line, "resource": resource}]

    deviation = only(case.weigh(double))
    assert (deviation.system, deviation.family) == (case.critical, family)
    assert (deviation.expected, deviation.found) == ("1 point", "2 points")


@pytest.mark.parametrize(
    ("metric", "labels", "end"),
    [(metric, labels, end) for metric, labels, _, end in PROOFS if metric != "latency"],
)
def test_a_value_that_is_off_by_one_is_found(case: Case, metric: str, labels: dict[str, str], end: str) -> None:
    def shift(lines: list[Line]) -> list[Line]:
        (line,) = [line for line in lines if matches(line, case.critical, metric, end, **labels)]
        line["points"][0]["value"]["doubleValue"] += 1
        return lines

    deviation = only(case.weigh(shift))
    assert deviation.window.endswith(end)
    assert deviation.expected != deviation.found


@pytest.mark.parametrize("system", ["odd-late-duplicates", "odd-no-dead-letters", "odd-standing-backlog"])
@pytest.mark.parametrize(("outcome", "family"), [("delivered", "landing"), ("published", "delivery")])
def test_every_system_is_judged(case: Case, system: str, outcome: str, family: str) -> None:
    def shift(lines: list[Line]) -> list[Line]:
        found = [line for line in lines if matches(line, system, "messages", WINDOW, outcome=outcome)]
        found[0]["points"][0]["value"]["doubleValue"] -= 1
        return lines

    deviation = only(case.weigh(shift, system))
    assert (deviation.system, deviation.family) == (system, family)


def test_duplicates_are_counted(case: Case) -> None:
    def forget(lines: list[Line]) -> list[Line]:
        return [
            line for line in lines if not matches(line, "odd-late-duplicates", "messages", None, outcome="duplicate")
        ]

    verdict = case.weigh(forget, "odd-late-duplicates")
    assert len(verdict.deviations) > 5
    assert {deviation.system for deviation in verdict.deviations} == {"odd-late-duplicates"}


def test_a_value_in_the_wrong_bucket_and_a_wrong_sum_are_found(case: Case) -> None:
    def move(lines: list[Line]) -> list[Line]:
        (line,) = [line for line in lines if matches(line, case.critical, "latency", WINDOW)]
        counts = [int(count) for count in line["points"][0]["value"]["distributionValue"]["bucketCounts"]]
        place = next(place for place, count in enumerate(counts) if count)
        counts[place] -= 1
        counts[place - 1] += 1
        line["points"][0]["value"]["distributionValue"]["bucketCounts"] = [str(count) for count in counts]
        return lines

    def lengthen(lines: list[Line]) -> list[Line]:
        (line,) = [line for line in lines if matches(line, case.critical, "latency", WINDOW)]
        line["points"][0]["value"]["distributionValue"]["mean"] *= 1.000001
        return lines

    for change in (move, lengthen):
        assert only(case.weigh(change)).what == "latency"


def test_a_window_that_begins_elsewhere_or_is_on_no_grid_is_found(case: Case) -> None:
    def begin_earlier(lines: list[Line]) -> list[Line]:
        (line,) = [line for line in lines if matches(line, case.critical, "messages", WINDOW, outcome="delivered")]
        line["points"][0]["interval"]["startTime"] = "2026-11-24T11:38:00.001Z"
        return lines

    def end_later(lines: list[Line]) -> list[Line]:
        (line,) = [line for line in lines if matches(line, case.critical, "messages", WINDOW, outcome="delivered")]
        line["points"][0]["interval"]["endTime"] = "2026-11-24T11:40:01Z"
        return lines

    assert "a start at" in only(case.weigh(begin_earlier)).expected
    found = case.weigh(end_later).deviations
    assert {deviation.found for deviation in found} == {"0 points", "one"}


def test_what_lies_before_the_start_is_found(case: Case) -> None:
    verdict = case.judge(start=START.replace(hour=12))
    assert {deviation.window for deviation in verdict.deviations} >= {WINDOW, "2026-11-24T12:00:00Z"}


def test_a_missing_start_is_found(case: Case) -> None:
    verdict = case.judge(start=START.replace(hour=10))
    assert {deviation.family for deviation in verdict.deviations} == {"landing", "delivery", "spend"}
    assert any(deviation.window == "2026-11-24T10:00:00Z/2026-11-24T10:01:00Z" for deviation in verdict.deviations)


@pytest.mark.parametrize("family", ["landing", "delivery", "spend"])
def test_without_a_watermark_nothing_is_taken_for_granted(case: Case, family: str) -> None:
    def forget(lines: list[Line]) -> list[Line]:
        return [line for line in lines if not matches(line, case.critical, "exporter/watermark", None, family=family)]

    deviation = only(case.weigh(forget))
    assert (deviation.family, deviation.expected) == (family, "a watermark")


def test_beyond_the_watermark_windows_may_be_stored_in_part_but_not_wrongly(case: Case) -> None:
    def last_window(lines: list[Line], **labels: str) -> Line:
        return [line for line in lines if matches(line, case.critical, "messages", None, **labels)][-1]

    def set_back(lines: list[Line]) -> None:
        for line in lines:
            if matches(line, case.critical, "exporter/watermark", None):
                line["points"][0]["value"]["doubleValue"] -= 60

    def in_part(lines: list[Line]) -> list[Line]:
        set_back(lines)
        lines.remove(last_window(lines, outcome="delivered"))
        return lines

    def wrongly(lines: list[Line]) -> list[Line]:
        set_back(lines)
        last_window(lines, outcome="delivered")["points"][0]["value"]["doubleValue"] += 1
        return lines

    assert [each for each in case.weigh(in_part).deviations if each.family == "landing"] == []
    (deviation,) = [each for each in case.weigh(wrongly).deviations if each.family == "landing"]
    assert "messages" in deviation.what


def test_a_row_that_no_window_counts_is_found(case: Case, tmp_path: Path) -> None:
    forged = case.copy(tmp_path)
    file = forged / "tables" / f"{case.critical}.parquet"
    table = parquet.read_table(file)
    row = table.slice(table.num_rows // 2, 1)
    changed = row.set_column(
        row.schema.get_field_index("message_id"),
        "message_id",
        pa.array(["one-more"], row.schema.field("message_id").type),
    )
    file.unlink()
    parquet.write_table(pa.concat_tables([table, changed]).sort_by("commit_time"), file)
    found = case.judge(forged).deviations
    assert {each.family for each in found} == {"landing", "delivery", "spend"}
    assert any("outcome=delivered" in each.what and each.family == "landing" for each in found)


@pytest.mark.parametrize(
    ("name", "what"),
    [("published", "outcome=published"), ("dead_lettered", "outcome=dead_lettered"), ("rejected", "outcome=rejected")],
)
def test_what_pubsub_really_did_is_what_counts(case: Case, tmp_path: Path, name: str, what: str) -> None:
    def more(lines: list[Line]) -> list[Line]:
        (line,) = [
            each for each in lines if (each["system"], each["minute"]) == (case.critical, "2026-11-24T11:39:00Z")
        ]
        line[name] += 1
        return lines

    forged = case.copy(tmp_path)
    file = forged / "pubsub.jsonl"
    lines = more([json.loads(line) for line in file.read_text().splitlines()])
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = case.judge(forged).deviations
    assert any(what in each.what and each.family == "delivery" for each in found)
    assert any("cost component=pubsub" in each.what for each in found) == (name != "rejected")
    assert all(each.system == case.critical for each in found)
