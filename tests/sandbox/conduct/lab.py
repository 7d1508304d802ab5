"""A sandbox whose clock stands still, with genuine clients, that is told to behave otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import requests
from google.api_core import exceptions
from google.cloud import bigquery
from google.pubsub_v1 import types

from exporter import clients
from exporter.sandbox.fleet import PROJECT
from exporter.sandbox.server import Sandbox

DATASET = "lab"
NAME = f"projects/{PROJECT}"
METADATA = (
    ("subscription_name", "STRING"),
    ("message_id", "STRING"),
    ("publish_time", "TIMESTAMP"),
    ("attributes", "STRING"),
)

Facts = Mapping[str, Any]


class Lab:
    """Clients and shorthand; every name that :meth:`fresh` gives is new."""

    def __init__(self, sandbox: Sandbox) -> None:
        addresses = sandbox.addresses
        self.control = addresses.control
        self.bigquery = clients.bigquery_client(PROJECT, addresses.bigquery)
        self.publisher = clients.publisher_client(addresses.pubsub)
        self.subscriber = clients.subscriber_client(addresses.pubsub)
        self.monitoring = clients.monitoring_client(addresses.monitoring)
        self.http = requests.Session()
        self._numbers = itertools.count(1)
        dataset = bigquery.Dataset(f"{PROJECT}.{DATASET}")
        dataset.location = "us-central1"
        self.bigquery.create_dataset(dataset)

    def close(self) -> None:
        transports: list[Any] = [client.transport for client in (self.publisher, self.subscriber, self.monitoring)]
        for each in transports:
            each.close()
        self.bigquery.close()
        self.http.close()

    def fresh(self, what: str = "x") -> str:
        return f"{what}{next(self._numbers)}"

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.http.post(f"{self.control}{path}", json=body)
        assert answer.ok, answer.text
        return answer.json()

    def behave(self, **values: Any) -> None:
        self.post("/conduct", values)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.http.get(f"{self.control}/clock").json()["now"])

    def advance(self, seconds: float) -> datetime:
        return datetime.fromisoformat(self.post("/clock", {"advance_s": seconds})["now"])

    # BigQuery

    def table(self, *more: bigquery.SchemaField, name: str = "", data: str = "BYTES") -> str:
        """A table as BigQuery subscriptions write it, and its short name in the dataset."""
        schema = [bigquery.SchemaField(column, kind) for column, kind in METADATA]
        schema += [bigquery.SchemaField("data", data, mode="REQUIRED"), *more]
        made = name or self.fresh("t")
        self.bigquery.create_table(bigquery.Table(f"{PROJECT}.{DATASET}.{made}", schema=schema))
        return made

    def rows(self, sql: str, **options: Any) -> list[Any]:
        return list(self.job(sql, **options).result())

    def job(self, sql: str, **options: Any) -> Any:
        """A finished query; ``t`` tables are named with their dataset."""
        config = bigquery.QueryJobConfig(**options)
        job = self.bigquery.query(sql, job_config=config, location="us-central1", job_retry=None)
        if not options.get("dry_run"):
            job.result(retry=None)
        return job

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    # Pub/Sub

    def topic(self) -> str:
        name = f"{NAME}/topics/{self.fresh('topic-')}"
        self.publisher.create_topic(name=name)
        return name

    def pipeline(self, table: str, **more: Any) -> tuple[str, str]:
        """A topic and a subscription that writes it to a table; their full names."""
        topic, name = self.topic(), f"{NAME}/subscriptions/{self.fresh('subscription-')}"
        config = types.BigQueryConfig(table=f"{PROJECT}.{DATASET}.{table}", write_metadata=True)
        self.subscriber.create_subscription(
            request=types.Subscription(name=name, topic=topic, bigquery_config=config, **more)
        )
        return topic, name

    def publish(self, topic: str, *data: bytes) -> None:
        """One publish request."""
        self.publisher.publish(topic=topic, messages=[types.PubsubMessage(data=each) for each in data])

    # Monitoring

    def series(self, metric: str, resource: str, since: timedelta = timedelta(hours=1)) -> list[Any]:
        """Series of a service's metric about one topic or subscription, by its short name."""
        now = self.now()
        kind = "topic_id" if metric.split("/")[1] == "topic" else "subscription_id"
        return list(
            self.monitoring.list_time_series(
                request={
                    "name": NAME,
                    "filter": f'metric.type = "{metric}" AND resource.labels.{kind} = "{resource.split("/")[-1]}"',
                    "interval": {"start_time": now - since, "end_time": now},
                },
                retry=None,
            )
        )

    def total(self, metric: str, resource: str) -> Any:
        """The sum of a count over the last hour, or None without points."""
        points = [point for series in self.series(metric, resource) for point in series.points]
        return sum(point.value.int64_value for point in points) if points else None


def taken(act: Callable[[], Any]) -> str:
    """Whether an API takes a call."""
    try:
        act()
    except exceptions.GoogleAPICallError:
        return "refused"
    return "taken"


def differences(usual: Facts, changed: Facts) -> dict[str, Any]:
    """The facts that have changed, with what they are now."""
    assert usual.keys() == changed.keys()
    return {name: changed[name] for name in usual if usual[name] != changed[name]}
