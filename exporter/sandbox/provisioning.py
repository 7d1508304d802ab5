"""Builds the fleet's topics, subscriptions, tables and views in the engines, and writes the configuration that watches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from google.pubsub_v1 import types

from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.fleet import PROJECT, Pipeline
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.pubsub.behaviour import Behaviour
from exporter.sandbox.pubsub.engine import PubSub

BASE_DUPLICATE_RATIO = 0.001
MAX_DELIVERY_ATTEMPTS = 5
METADATA_COLUMNS: Sequence[Mapping[str, Any]] = (
    {"name": "subscription_name", "type": "STRING"},
    {"name": "message_id", "type": "STRING"},
    {"name": "publish_time", "type": "TIMESTAMP"},
    {"name": "attributes", "type": "STRING"},
)


def build(
    pipelines: Sequence[Pipeline], bigquery: BigQuery, pubsub: PubSub, iam: Iam, at_us: int, tables_at_us: int
) -> None:
    """Make everything that the pipelines consist of; the tables are older than the rest."""
    for location, names in _datasets(pipelines).items():
        for name in names:
            bigquery.create_dataset(PROJECT, name, location, created_us=tables_at_us)
    for pipeline in pipelines:
        _build_tables(pipeline, bigquery, tables_at_us)
    for pipeline in pipelines:
        _build_messaging(pipeline, pubsub, at_us)
        if pipeline.oddity == "unreadable":
            iam.revoke(EXPORTER, "bigquery.tables.getData", str(pipeline.table))


def _datasets(pipelines: Sequence[Pipeline]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for pipeline in pipelines:
        found.setdefault(pipeline.location, set()).update((pipeline.table.dataset, pipeline.view.dataset))
    return {location: sorted(names) for location, names in found.items()}


def _build_tables(pipeline: Pipeline, bigquery: BigQuery, at_us: int) -> None:
    if pipeline.table_of is None:
        metadata = () if pipeline.oddity == "no-metadata" else METADATA_COLUMNS
        columns = [*metadata, {"name": "data", "type": pipeline.data_type, "mode": "REQUIRED"}]
        bigquery.create_table(pipeline.table, columns, partitioned="DAY", created_us=at_us)
    bigquery.create_view(pipeline.view, _decoding(pipeline), created_us=at_us)


def _decoding(pipeline: Pipeline) -> str:
    text = "data" if pipeline.data_type == "JSON" else "SAFE_CONVERT_BYTES_TO_STRING(data)"
    metadata = "" if pipeline.oddity == "no-metadata" else "message_id, publish_time, "
    fields = ", ".join(f"JSON_VALUE({text}, '$.{name}') AS {name}" for name in ("carrier", "flight", "origin", "dest"))
    return f"SELECT {metadata}{fields} FROM `{pipeline.table}`"  # noqa: S608 - names of the sandbox's own


def _build_messaging(pipeline: Pipeline, pubsub: PubSub, at_us: int) -> None:
    pubsub.topics.create(types.Topic(name=pipeline.topic), at_us)
    if pipeline.dead_letters:
        pubsub.topics.create(types.Topic(name=pipeline.dead_letter_topic), at_us)
        kept = types.Subscription(name=pipeline.dead_letter_subscription, topic=pipeline.dead_letter_topic)
        pubsub.subscriptions.create(kept, at_us)
    if pipeline.oddity == "missing-subscription":
        return
    names = [pipeline.subscription]
    if pipeline.oddity == "second-subscription":
        names.append(f"{pipeline.subscription}-2")
    for name in names:
        pubsub.subscriptions.create(_subscription(pipeline, name), at_us)
        pubsub.set_behaviour(name, behaviour_of(pipeline), at_us)


def _subscription(pipeline: Pipeline, name: str) -> types.Subscription:
    config = types.BigQueryConfig(
        table=str(pipeline.table), write_metadata=pipeline.oddity != "no-metadata", drop_unknown_fields=False
    )
    subscription = types.Subscription(name=name, topic=pipeline.topic, bigquery_config=config)
    if pipeline.dead_letters:
        subscription.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=pipeline.dead_letter_topic, max_delivery_attempts=MAX_DELIVERY_ATTEMPTS
        )
    if pipeline.oddity == "filtered":
        subscription.filter = 'attributes.origin = "JFK"'
    return subscription


def behaviour_of(pipeline: Pipeline) -> Behaviour:
    """How a pipeline's subscription behaves when no scenario changes it."""
    if pipeline.oddity == "standing-backlog":
        # Without a dead-letter policy what the table refuses stays in the backlog.
        return Behaviour(refused_ratio=0.03)
    if pipeline.oddity == "late-duplicates":
        return Behaviour(duplicate_ratio=0.1, same_commit_ratio=0.1, rewrite_delay_s=(30.0, 590.0))
    return Behaviour(duplicate_ratio=BASE_DUPLICATE_RATIO)


def write_config(pipelines: Sequence[Pipeline], endpoints: Mapping[str, str], path: Path) -> None:
    """Write the ``systems.yaml`` that watches the pipelines through the given endpoints."""
    document = {
        "fleet": "flights",
        "defaults": {
            "project": PROJECT,
            "location": "us-central1",
            "objectives": {
                "latency": {"threshold": "30s", "target": 0.99},
                "errors": {"target": 0.999},
                "cost_per_message_usd": 0.002,
                "data_age": "15m",
            },
        },
        "systems": [_entry(pipeline) for pipeline in pipelines],
        # Several exporters may run against one sandbox: each takes a port that is free.
        "exporter": {"monitoring_project": PROJECT, "listen": "127.0.0.1:0"},
        "endpoints": dict(endpoints),
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _entry(pipeline: Pipeline) -> dict[str, Any]:
    table = pipeline.view if pipeline.oddity == "view-as-table" else pipeline.table
    entry: dict[str, Any] = {
        "id": pipeline.id,
        "tier": pipeline.tier,
        "owner": pipeline.owner,
        "topic": pipeline.id,
        "subscription": pipeline.subscription.rsplit("/", 1)[-1],
        "table": f"{table.dataset}.{table.table}",
        "view": f"{pipeline.view.dataset}.{pipeline.view.table}",
        "api": f"{pipeline.id}-api"[:63],
    }
    if pipeline.location != "us-central1":
        entry["location"] = pipeline.location
    if pipeline.dead_letters:
        entry["dead_letter_subscription"] = pipeline.dead_letter_subscription.rsplit("/", 1)[-1]
    return entry
