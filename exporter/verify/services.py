"""The clients that a run asks through; made in ``exporter/clients.py``, as all are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.cloud.monitoring_v3 import MetricServiceClient
from google.pubsub_v1 import PublisherClient, SubscriberClient

from exporter import clients
from exporter.config.types import Endpoints
from exporter.rest import Rest
from exporter.sources.bigquery import library as bigquery

ONCE: Any = None
"""Given as ``retry``: a call is made once. The run asks again by itself, and knows that it did."""


@dataclass(frozen=True, slots=True)
class Services:
    """Clients of everything that a run touches."""

    publisher: PublisherClient
    subscriber: SubscriberClient
    bigquery: bigquery.Client
    monitoring: MetricServiceClient
    rest: Rest


@contextmanager
def services(project: str, endpoints: Endpoints, sandbox: str | None) -> Iterator[Services]:
    """Make the clients, and close them at the end; raises ``Permanent`` without credentials."""
    with clients.credentials_needed():
        made = Services(
            publisher=clients.publisher_client(endpoints.pubsub, project),
            subscriber=clients.subscriber_client(endpoints.pubsub, project),
            bigquery=clients.bigquery_client(project, endpoints.bigquery, pays=True),
            monitoring=clients.monitoring_client(endpoints.monitoring, project),
            rest=clients.rest_client(sandbox, project),
        )
    try:
        yield made
    finally:
        made.publisher.transport.close()
        made.subscriber.transport.close()
        made.bigquery.close()
        made.monitoring.transport.close()
        made.rest.close()
