"""The dump: every message of every system is accounted for by what it holds, and by nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from pyarrow import parquet

from exporter.sandbox.fleet import ODDITIES
from exporter.sandbox.server import Sandbox
from tests.sandbox.running import NOW, advance, ask, lines, still

MINUTE = timedelta(minutes=1)
PUBSUB_FIELDS = {
    *("system", "minute", "published", "published_bytes", "publish_requests", "rejected"),
    *("attempts_ok", "attempts_error", "dead_lettered", "backlog", "backlog_bytes"),
}
JOB_FIELDS = {
    *("query", "parameters", "labels", "referenced_tables", "slot_ms"),
    *("bytes_processed", "bytes_billed", "error"),
}


@dataclass(frozen=True, slots=True)
class Dump:
    """What was dumped: minutes and rows by system."""

    directory: Path
    minutes: dict[str, list[dict[str, Any]]]

    def rows(self, system: str) -> list[dict[str, Any]]:
        """A system's table, oldest row first."""
        table: list[dict[str, Any]] = parquet.read_table(self.directory / "tables" / f"{system}.parquet").to_pylist()
        return table


def dumped(sandbox: Sandbox, directory: Path) -> Dump:
    """Have a dump written as an outside program does, at a full minute: so no minute is left unfinished."""
    now = datetime.fromisoformat(ask(sandbox, "GET", "/clock")[1]["now"])
    assert now == now.replace(second=0, microsecond=0)
    status, answer = ask(sandbox, "POST", f"/dump?dir={directory}")
    assert status == 200, answer
    minutes = defaultdict(list)
    for line in lines(directory / "pubsub.jsonl"):
        minutes[line["system"]].append(line)
    return Dump(directory, minutes)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with still(6, scenario="odd-systems") as made:
        yield made


@pytest.fixture(scope="module")
def dump(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    with bigquery.Client(
        project=sandbox.addresses.project,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=sandbox.addresses.bigquery),
    ) as client:
        settings = bigquery.QueryJobConfig(
            labels={"app": "test"}, query_parameters=[bigquery.ScalarQueryParameter("id", "STRING", "none")]
        )
        pipeline = sandbox.world.pipelines[0]
        text = f"SELECT publish_time FROM `{pipeline.table}` WHERE message_id = @id"
        assert not list(client.query_and_wait(text, job_config=settings, location=pipeline.location))
        storage = (
            f"SELECT total_rows FROM `{pipeline.table.project}`.`region-us-central1`.INFORMATION_SCHEMA.TABLE_STORAGE"
        )
        assert list(client.query_and_wait(storage, location=pipeline.location))
    return dumped(sandbox, tmp_path_factory.mktemp("dump"))


def total(minutes: list[dict[str, Any]], field: str) -> int:
    return sum(minute[field] or 0 for minute in minutes)


def first_time_rows(sandbox: Sandbox, dump: Dump, system: str) -> int:
    """Messages of a system's own subscription that are in its table, each counted once."""
    (pipeline,) = (each for each in sandbox.world.pipelines if each.id == system)
    rows = [row for row in dump.rows(system) if row["subscription_name"] == pipeline.subscription]
    return len({row["message_id"] for row in rows})


USUAL = ("jfk-lax", "lga-atl", "lga-ord")
ACCOUNTED = (
    *USUAL,
    *(f"odd-{name}" for name in ODDITIES if name not in ("no-metadata", "missing-subscription", "filtered")),
)


@pytest.mark.parametrize("system", ACCOUNTED)
def test_every_published_message_is_in_the_table_or_dead_lettered_or_lost_or_waits(
    sandbox: Sandbox, dump: Dump, system: str
) -> None:
    minutes = dump.minutes[system]
    ends = {key: total(minutes, key) for key in ("published", "dead_lettered", "lost")}
    delivered = first_time_rows(sandbox, dump, system)
    assert ends["published"] == delivered + ends["dead_lettered"] + ends["lost"] + minutes[-1]["backlog"]
    assert (delivered > 0) is (system != "odd-empty")


def test_messages_without_metadata_are_rows_all_the_same(dump: Dump) -> None:
    minutes = dump.minutes["odd-no-metadata"]
    rows = dump.rows("odd-no-metadata")
    assert {(row["message_id"], row["publish_time"], row["subscription_name"]) for row in rows} == {(None, None, None)}
    assert len(rows) >= total(minutes, "published") - minutes[-1]["backlog"] > 0


def test_a_filter_lets_only_its_messages_through(sandbox: Sandbox, dump: Dump) -> None:
    minutes = dump.minutes["odd-filtered"]
    delivered = first_time_rows(sandbox, dump, "odd-filtered")
    assert 0 < delivered < total(minutes, "published") - minutes[-1]["backlog"]


def test_without_a_subscription_there_is_no_delivery_and_no_backlog(dump: Dump) -> None:
    minutes = dump.minutes["odd-missing-subscription"]
    assert total(minutes, "published") > 0
    assert {(each["attempts_ok"], each["dead_lettered"], each["backlog"]) for each in minutes} == {(None, None, None)}
    assert dump.rows("odd-missing-subscription") == []


def test_a_shared_table_is_dumped_whole_for_each_of_its_systems(sandbox: Sandbox, dump: Dump) -> None:
    assert dump.rows("odd-shared-table") == dump.rows("odd-second-subscription")
    names = {row["subscription_name"] for row in dump.rows("odd-shared-table")}
    own = {
        each.subscription
        for each in sandbox.world.pipelines
        if each.id in ("odd-shared-table", "odd-second-subscription")
    }
    assert names > own


def test_rows_of_loads_have_no_subscription(dump: Dump) -> None:
    rows = dump.rows("odd-loaded-rows")
    loaded = [row for row in rows if row["subscription_name"] is None]
    assert loaded
    assert all(row["publish_time"] is None and row["message_id"] is None for row in loaded)


@pytest.mark.parametrize("system", USUAL)
def test_every_minute_has_its_line_and_every_row_its_time(sandbox: Sandbox, dump: Dump, system: str) -> None:
    minutes = dump.minutes[system]
    assert all(minute.keys() >= PUBSUB_FIELDS for minute in minutes)
    starts = [datetime.fromisoformat(minute["minute"]) for minute in minutes]
    assert starts == [starts[0] + MINUTE * number for number in range(len(starts))]
    assert starts[-1] + MINUTE == NOW
    rows = dump.rows(system)
    assert rows[0].keys() == {"message_id", "publish_time", "commit_time", "subscription_name", "bytes"}
    assert all(starts[0] <= row["publish_time"] < row["commit_time"] <= NOW for row in rows)
    assert [row["commit_time"] for row in rows] == sorted(row["commit_time"] for row in rows)


@pytest.mark.parametrize("system", USUAL)
def test_the_backlog_at_a_minutes_end_is_what_was_published_and_not_yet_written(dump: Dump, system: str) -> None:
    minutes = dump.minutes[system]
    first_commit: dict[str, datetime] = {}
    published: dict[str, datetime] = {}
    for row in dump.rows(system):
        first_commit.setdefault(row["message_id"], row["commit_time"])
        published[row["message_id"]] = row["publish_time"]
    assert total(minutes, "dead_lettered") == 0
    for minute in minutes[:-3]:  # what waits at the end may be in no row yet
        end = datetime.fromisoformat(minute["minute"]) + MINUTE
        waiting = [name for name, at in published.items() if at < end <= first_commit[name]]
        assert minute["backlog"] == len(waiting), minute


def test_jobs_hold_what_their_cost_is_computed_from(sandbox: Sandbox, dump: Dump) -> None:
    jobs = lines(dump.directory / "jobs.jsonl")
    assert all(job.keys() >= JOB_FIELDS for job in jobs)
    (asked,) = (job for job in jobs if job["labels"] == {"app": "test"} and job["parameters"])
    table = sandbox.world.pipelines[0].table
    assert asked["referenced_tables"] == [str(table)]
    assert asked["parameters"][0]["parameterType"]["type"] == "STRING"
    assert asked["bytes_billed"] == 10 * 2**20
    assert asked["error"] is None


def test_storage_holds_the_figures_that_were_given_out(sandbox: Sandbox, dump: Dump) -> None:
    figures = {each["table"]: each for each in lines(dump.directory / "storage.jsonl")}
    for pipeline in sandbox.world.pipelines[:3]:
        figure = figures[str(pipeline.table)]
        assert figure["rows"] == len(dump.rows(pipeline.id))
        assert figure["active_logical_bytes"] == sum(row["bytes"] for row in dump.rows(pipeline.id))


def test_a_later_dump_continues_an_earlier_one(tmp_path: Path) -> None:
    with still(2, history_s=0) as sandbox:
        early = dumped(sandbox, tmp_path / "early")
        advance(sandbox, 1800)
        late = dumped(sandbox, tmp_path / "late")
    for pipeline in sandbox.world.pipelines:
        before, after = early.minutes[pipeline.id], late.minutes[pipeline.id]
        assert after[: len(before)] == before
        assert len(after) == len(before) + 30
        rows = early.rows(pipeline.id)
        assert late.rows(pipeline.id)[: len(rows)] == rows


def test_silent_loss_is_acknowledged_and_in_no_row(tmp_path: Path) -> None:
    with still(3, scenario="silent-loss", history_s=3600) as sandbox:
        dump = dumped(sandbox, tmp_path)
        struck = sandbox.world.pipelines[2].id
        lost = {each.id: total(dump.minutes[each.id], "lost") for each in sandbox.world.pipelines}
        minutes = dump.minutes[struck]
        assert lost[struck] > 0
        assert sum(lost.values()) == lost[struck]
        waits = total(minutes, "dead_lettered") + lost[struck] + minutes[-1]["backlog"]
        assert total(minutes, "published") == first_time_rows(sandbox, dump, struck) + waits


def test_a_deleted_table_has_no_rows_to_dump_and_its_messages_wait(tmp_path: Path) -> None:
    with still(2, scenario="table-deleted", history_s=3600) as sandbox:
        dump = dumped(sandbox, tmp_path)
        struck = sandbox.world.pipelines[1].id
        assert not (tmp_path / "tables" / f"{struck}.parquet").exists()
        assert dump.minutes[struck][-1]["backlog"] > 0
        assert total(dump.minutes[struck], "attempts_error") > 0
