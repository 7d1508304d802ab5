from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery

from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.iam import EXPORTER, Iam
from tests.sandbox.bigquery.conftest import MESSAGES, NOW, rows, us

SLOW = "SELECT COUNT(*) FROM raw.departures"


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_job_tells_what_it_was(client: bigquery.Client, departures: TableRef) -> None:
    config = bigquery.QueryJobConfig(labels={"app": "exporter", "family": "landing"})
    job = client.query("SELECT message_id FROM raw.departures", job_config=config, job_id_prefix="mine_")
    assert list(job.result()) == []
    known: Any = client.get_job(job.job_id, location="us-central1")
    assert known.job_id.startswith("mine_")
    assert (known.state, known.statement_type, known.labels) == (
        "DONE",
        "SELECT",
        {"app": "exporter", "family": "landing"},
    )
    assert [str(table) for table in known.referenced_tables] == ["acme.raw.departures"]
    assert known.created == known.started == known.ended == NOW
    assert known.query == "SELECT message_id FROM raw.departures"
    assert known.slot_millis > 0
    assert known.user_email.startswith("exporter@")


def test_one_round_trip_when_fast(client: bigquery.Client, engine: BigQuery) -> None:
    assert rows(client, "SELECT 1") == [(1,)]
    assert {key[1]: count for key, count in engine.faults.calls().items()} == {"jobs.query": 1}


def test_job_creation_may_be_optional(client: bigquery.Client) -> None:
    client.default_job_creation_mode = "JOB_CREATION_OPTIONAL"
    short = client.query_and_wait("SELECT 1")
    assert short.job_id is None
    assert short.query_id
    long = client.query_and_wait("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 30)) AS x", page_size=10)
    assert [row.x for row in long] == list(range(1, 31))
    assert long.job_id


def test_pages(client: bigquery.Client) -> None:
    sql = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 25)) AS x ORDER BY x"
    pages = [[row.x for row in page] for page in client.query(sql).result(page_size=10).pages]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [x for page in pages for x in page] == list(range(1, 26))
    assert client.query(sql).result().total_rows == 25
    assert [row.x for row in client.query(sql).result(max_results=3)] == [1, 2, 3]
    assert [row.x for row in client.query(sql).result(start_index=20)] == list(range(21, 26))


def test_the_same_request_id_starts_one_job(server: Server, engine: BigQuery) -> None:
    body = {"query": "SELECT RAND()", "useLegacySql": False, "requestId": "once"}
    first, second = (
        requests.post(f"{server.url}/bigquery/v2/projects/acme/queries", json=body, timeout=10).json() for _ in range(2)
    )
    assert first["rows"] == second["rows"]
    assert len(list(engine.jobs())) == 1


def test_the_same_job_id_is_a_conflict(client: bigquery.Client) -> None:
    client.query("SELECT 1", job_id="mine", job_retry=None).result()
    with pytest.raises(exceptions.Conflict, match=r"Already Exists: Job acme:US\.mine"):
        client.query("SELECT 1", job_id="mine", job_retry=None)


def test_unknown_jobs_are_not_found(client: bigquery.Client) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Not found: Job acme:US\.nosuch"):
        client.get_job("nosuch", location="US")
    job = client.query("SELECT 1")
    with pytest.raises(exceptions.NotFound):
        client.get_job(job.job_id, location="EU")


def test_a_hung_query_is_not_complete_in_time(server: Server, engine: BigQuery, departures: TableRef) -> None:
    engine.hang(departures)
    body = {"query": SLOW, "useLegacySql": False, "timeoutMs": 50}
    answer = requests.post(f"{server.url}/bigquery/v2/projects/acme/queries", json=body, timeout=10).json()
    assert answer["jobComplete"] is False
    assert answer["jobReference"]["location"] == "us-central1"
    assert "rows" not in answer


def test_a_hung_query_can_be_cancelled(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.hang(departures)
    engine.default_wait_ms = 50
    job = client.query(SLOW)
    assert client.get_job(job.job_id, location=job.location).state == "RUNNING"
    with pytest.raises(concurrent.futures.TimeoutError):
        job.result(timeout=0.3)
    job.cancel()
    with pytest.raises(exceptions.GoogleAPICallError, match="Job execution was cancelled: User requested cancellation"):
        job.result()
    assert job.cancelled()


def test_query_and_wait_cancels_what_takes_too_long(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    engine.hang(departures)
    engine.default_wait_ms = 50
    with pytest.raises((concurrent.futures.TimeoutError, exceptions.GoogleAPICallError)):
        client.query_and_wait(SLOW, api_timeout=1, wait_timeout=0.3)
    eventually(lambda: [line["state"] for line in engine.jobs()] == ["DONE"])
    (line,) = engine.jobs()
    assert line["error"]["reason"] == "stopped"


def test_a_job_timeout_ends_a_hung_query(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.hang(departures)
    config = bigquery.QueryJobConfig(job_timeout_ms=200)
    with pytest.raises(
        exceptions.GoogleAPICallError, match=r"Job execution was cancelled: Job timed out after 0\.2s"
    ) as stopped:
        client.query_and_wait(SLOW, job_config=config)
    assert stopped.value.errors[0]["reason"] == "stopped"
    assert rows(client, "SELECT 1") == [(1,)]


def test_a_job_timeout_counts_virtual_time_too(
    client: bigquery.Client, engine: BigQuery, departures: TableRef, clock: Clock
) -> None:
    engine.hang(departures)
    job = client.query(SLOW, job_config=bigquery.QueryJobConfig(job_timeout_ms=60_000))
    clock.advance(61)
    with pytest.raises(exceptions.GoogleAPICallError, match="Job timed out after 60s"):
        job.result()


def test_a_hung_table_holds_up_nobody_else(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.create_table(TableRef("acme", "raw", "arrivals"), MESSAGES)
    engine.hang(departures)
    for _ in range(20):
        client.query(SLOW)
    assert rows(client, "SELECT COUNT(*) FROM raw.arrivals") == [(0,)]
    engine.release(departures)
    assert rows(client, SLOW) == [(0,)]


def test_many_queries_at_once(client: bigquery.Client, engine: BigQuery, departures: TableRef) -> None:
    engine.insert(departures, ["data", "message_id"], [[b"", str(number)] for number in range(1000)])
    found: list[Any] = []

    def ask() -> None:
        found.extend(rows(client, "SELECT COUNT(DISTINCT message_id) FROM raw.departures", use_query_cache=False))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(1000,)] * 12


def test_jobs_are_listed_newest_first(client: bigquery.Client, engine: BigQuery, clock: Clock) -> None:
    for number in range(3):
        clock.advance(60)
        client.query(f"SELECT {number}").result()
    engine.record_job("acme", "US", "analyst@acme.com", us(NOW))
    assert [job.query for job in client.list_jobs()] == ["SELECT 2", "SELECT 1", "SELECT 0"]
    assert len(list(client.list_jobs(all_users=True))) == 4
    assert len(list(client.list_jobs(max_results=2))) == 2
    recent = client.list_jobs(min_creation_time=NOW + timedelta(minutes=2))
    assert [job.query for job in recent] == ["SELECT 2", "SELECT 1"]
    assert list(client.list_jobs(state_filter="running")) == []


def test_listing_jobs_of_all_takes_a_right(client: bigquery.Client, iam: Iam) -> None:
    iam.revoke(EXPORTER, "bigquery.jobs.listAll", "acme")
    with pytest.raises(exceptions.Forbidden, match="does not have permission to list all jobs"):
        list(client.list_jobs(all_users=True))
    assert list(client.list_jobs()) == []


def test_the_record_of_a_job_has_all_that_recomputing_takes(
    client: bigquery.Client, engine: BigQuery, departures: TableRef
) -> None:
    parameter = bigquery.ScalarQueryParameter("id", "STRING", "1")
    config = bigquery.QueryJobConfig(labels={"family": "landing"}, query_parameters=[parameter])
    client.query_and_wait("SELECT COUNT(*) FROM raw.departures WHERE message_id = @id", job_config=config)
    (line,) = engine.jobs()
    assert line["query"] == "SELECT COUNT(*) FROM raw.departures WHERE message_id = @id"
    assert line["parameters"] == [{"name": "id", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "1"}}]
    assert line["labels"] == {"family": "landing"}
    assert line["referenced_tables"] == ["acme.raw.departures"]
    assert (line["created_us"], line["started_us"], line["ended_us"]) == (us(NOW), us(NOW), us(NOW))
    assert (line["bytes_billed"], line["error"]) == (10 * 2**20, None)
    assert line["slot_ms"] > 0


def test_the_same_seed_makes_the_same_job_ids(clock: Clock, iam: Iam, engine: BigQuery) -> None:
    names = []
    for seed in (1, 1, 2):
        other = BigQuery(clock, engine.faults, iam, seed=seed)
        names.append([other.new_id() for _ in range(3)])
        other.close()
    assert names[0] == names[1] != names[2]
