"""The only place where Google clients are made: for the real services, or for the endpoints that the configuration names."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from requests.adapters import HTTPAdapter

from exporter.config import Config
from exporter.errors import Permanent, Transient

_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_CONNECTIONS = 64
"""Concurrent requests to BigQuery: a batch that a hung table broke is asked again system by system."""

Now = Callable[[], datetime]
"""The present time, aware UTC."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of the three services, and the clock that the exporter goes by."""

    bigquery: bigquery.Client
    monitoring: MetricServiceClient
    subscriber: SubscriberClient
    now: Now

    def close(self) -> None:
        """Close every connection."""
        self.bigquery.close()
        self.monitoring.transport.close()
        self.subscriber.transport.close()


def make(config: Config) -> Clients:
    """Make the clients of a configuration; without endpoints they use application default credentials.

    Raises ``Permanent`` where there are none.
    """
    try:
        return _make(config)
    except GoogleAuthError as error:
        remedy = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
        raise Permanent("unauthenticated", f"no Google credentials: {error}", remedy=remedy) from error


def _make(config: Config) -> Clients:
    endpoints = config.endpoints
    clock = endpoints.clock
    return Clients(
        bigquery=_bigquery(config.exporter.monitoring_project, endpoints.bigquery),
        monitoring=_monitoring(endpoints.monitoring),
        subscriber=_subscriber(endpoints.pubsub),
        now=_utc_now if clock is None else lambda: _remote_now(clock),
    )


def _bigquery(project: str, endpoint: str | None) -> bigquery.Client:
    if endpoint is None:
        client = bigquery.Client(project=project)
    else:
        options = ClientOptions(api_endpoint=endpoint)
        client = bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options=options)
    adapter = HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
    client._http.mount("https://", adapter)
    client._http.mount("http://", adapter)
    return client


def _monitoring(endpoint: str | None) -> MetricServiceClient:
    if endpoint is None:
        return MetricServiceClient()
    channel = grpc.insecure_channel(endpoint, options=_UNLIMITED)
    return MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def _subscriber(endpoint: str | None) -> SubscriberClient:
    if endpoint is None:
        return SubscriberClient()
    channel = grpc.insecure_channel(endpoint, options=_UNLIMITED)
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _remote_now(url: str) -> datetime:
    """Ask a sandbox for its time; raises ``Transient`` where it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a configured endpoint
            return datetime.fromisoformat(json.load(answer)["now"])
    except (OSError, ValueError, KeyError) as error:
        raise Transient("clock", f"no time from {url}: {error}") from error
