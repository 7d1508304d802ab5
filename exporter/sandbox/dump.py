"""Writes down what really happened, so that anybody can compute the exporter's numbers again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyarrow import parquet

from exporter.sandbox.bigquery.catalog import Table
from exporter.sandbox.clock import from_us
from exporter.sandbox.fleet import Pipeline
from exporter.sandbox.ledger import Ledger, SubscriptionMinute, TopicMinute
from exporter.sandbox.world import World


def write_dump(world: World, directory: Path) -> None:
    """Write tables, Pub/Sub's ledger, storage snapshots, jobs and time series into a directory, which is made if need be."""
    world.settle()
    with world.lock:
        tables = directory / "tables"
        tables.mkdir(parents=True, exist_ok=True)
        bigquery = world.engines.bigquery
        for pipeline in world.pipelines:
            file = tables / f"{pipeline.id}.parquet"
            file.unlink(missing_ok=True)  # of an earlier dump: a table that is gone by now has no file
            if isinstance(bigquery.catalog.find(pipeline.table), Table):
                parquet.write_table(bigquery.table_rows(pipeline.table), file)
        _write_lines(directory / "pubsub.jsonl", _minutes(world))
        _write_lines(directory / "storage.jsonl", map(_stamped, bigquery.storage_snapshots()))
        _write_lines(directory / "jobs.jsonl", map(_timed, sorted(bigquery.jobs(), key=_by_time)))
        _write_lines(directory / "timeseries.jsonl", world.engines.monitoring.accepted())


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def _stamped(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in snapshot.items() if key != "at_us"}
    return {"at": _rfc3339(snapshot["at_us"]), **rest}


def _by_time(job: Mapping[str, Any]) -> tuple[int, str]:
    return job["created_us"], job["job_id"]


def _timed(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job with its times written out; one that runs has not ended."""
    rest = {key: value for key, value in job.items() if not key.endswith("_us")}
    times = {key.removesuffix("_us"): value for key, value in job.items() if key.endswith("_us")}
    return {**rest, **{key: _rfc3339(at_us) if at_us else None for key, at_us in times.items()}}


def _rfc3339(at_us: int) -> str:
    return from_us(at_us).isoformat().replace("+00:00", "Z")


def _minutes(world: World) -> Iterator[dict[str, Any]]:
    ledger = world.engines.ledger
    with ledger.lock:
        for pipeline in world.pipelines:
            yield from _of_pipeline(ledger, pipeline)


def _of_pipeline(ledger: Ledger, pipeline: Pipeline) -> Iterator[dict[str, Any]]:
    topic = ledger.topics().get(pipeline.topic, {})
    subscription = ledger.subscriptions().get(pipeline.subscription)
    for minute_us in sorted(topic.keys() | (subscription or {}).keys()):
        yield {
            "system": pipeline.id,
            "minute": _rfc3339(minute_us),
            **_topic(topic.get(minute_us, TopicMinute())),
            **_subscription(None if subscription is None else subscription.get(minute_us, SubscriptionMinute())),
        }


def _topic(minute: TopicMinute) -> dict[str, Any]:
    return {
        "published": minute.messages,
        "published_bytes": minute.message_bytes,
        "publish_requests": minute.requests,
        "rejected": sum(minute.rejected.values()),
    }


def _subscription(minute: SubscriptionMinute | None) -> dict[str, Any]:
    """A system whose subscription does not exist has no delivery and no backlog."""
    if minute is None:
        names = ("attempts_ok", "attempts_error", "dead_lettered", "acknowledged", "lost", "backlog", "backlog_bytes")
        return dict.fromkeys(names)
    attempts: Counter[str] = Counter()
    for (response_class, _), count in minute.attempts.items():
        attempts["ok" if response_class == "ack" else "error"] += count
    return {
        "attempts_ok": attempts["ok"],
        "attempts_error": attempts["error"],
        "dead_lettered": minute.dead_lettered,
        "acknowledged": minute.delivered,
        "lost": minute.lost,
        "backlog": minute.backlog,
        "backlog_bytes": minute.backlog_bytes,
    }
