"""The only place where Google clients are made: for the real services, or for the endpoints that the configuration names."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import google.auth
import grpc
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.oauth2 import credentials as oauth2
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from exporter.config import Config
from exporter.connections import BoundedAdapter
from exporter.errors import Permanent, Transient
from exporter.rest import Rest
from exporter.sources.bigquery import library as bigquery

_LONGEST_RECONNECT_PAUSE_MS = 5_000
"""After an outage the API is back for us within so long; by itself gRPC waits for up to two minutes."""

_KEEPALIVE_MS, _KEEPALIVE_TIMEOUT_MS = 30_000, 10_000
"""A connection whose other end went away in silence (a laptop that slept) is noticed after a minute, not after a quarter of an hour."""

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
    with credentials_needed():
        return _make(config)


@contextmanager
def credentials_needed() -> Iterator[None]:
    """Around making clients: without credentials raises ``Permanent``, which says how to get some."""
    try:
        yield
    except GoogleAuthError as error:
        remedy = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
        raise Permanent("unauthenticated", f"no Google credentials: {error}", remedy=remedy) from error


def _make(config: Config) -> Clients:
    endpoints = config.endpoints
    return Clients(
        bigquery=bigquery_client(config.exporter.monitoring_project, endpoints.bigquery),
        monitoring=monitoring_client(endpoints.monitoring),
        subscriber=subscriber_client(endpoints.pubsub),
        now=clock_of(endpoints.clock),
    )


def clock_of(url: str | None) -> Now:
    """The machine's clock, or that of the sandbox whose clock lies at an address."""
    return _utc_now if url is None else lambda: _remote_now(url)


def bigquery_client(project: str, endpoint: str | None, *, pays: bool = False) -> bigquery.Client:
    """A client of BigQuery whose jobs belong to ``project``, or of what serves it at an URL."""
    if endpoint is None:
        client = bigquery.Client(project=project, credentials=_credentials(project if pays else None))
    else:
        options = ClientOptions(api_endpoint=endpoint)
        client = bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options=options)
    adapter = BoundedAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
    client._http.mount("https://", adapter)
    client._http.mount("http://", adapter)
    return client


def monitoring_client(endpoint: str | None, project: str | None = None) -> MetricServiceClient:
    """A client of Cloud Monitoring, or of what serves it at HOST:PORT."""
    transport = MetricServiceGrpcTransport
    if endpoint is None:
        made = partial(transport, channel=partial(_secure_channel, transport))
        return MetricServiceClient(credentials=_credentials(project), transport=made)
    return MetricServiceClient(transport=transport(channel=_plain_channel(endpoint)))


def subscriber_client(endpoint: str | None, project: str | None = None) -> SubscriberClient:
    """A client of Pub/Sub for subscriptions, or of what serves it at HOST:PORT."""
    transport = SubscriberGrpcTransport
    if endpoint is None:
        made = partial(transport, channel=partial(_secure_channel, transport))
        return SubscriberClient(credentials=_credentials(project), transport=made)
    return SubscriberClient(transport=transport(channel=_plain_channel(endpoint)))


def publisher_client(endpoint: str | None, project: str | None = None) -> PublisherClient:
    """A client of Pub/Sub for topics, or of what serves it at HOST:PORT."""
    transport = PublisherGrpcTransport
    if endpoint is None:
        made = partial(transport, channel=partial(_secure_channel, transport))
        return PublisherClient(credentials=_credentials(project), transport=made)
    return PublisherClient(transport=transport(channel=_plain_channel(endpoint)))


def rest_client(sandbox: str | None, project: str | None = None) -> Rest:
    """A client of the APIs that have no library here, or of a sandbox that serves them below an address.

    ``project`` pays for the calls of a user's credentials that name no other: else they go to the project of the login program.
    """
    if sandbox is not None:
        return Rest(requests.Session(), sandbox)
    return Rest(AuthorizedSession(_credentials(project) or _default()))


def _default() -> Any:
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return credentials


def _credentials(project: str | None) -> Any:
    """Application default credentials for which ``project`` pays, if they are a user's and name none; None lets clients find their own."""
    if project is None:
        return None
    found = _default()
    is_user = isinstance(found, oauth2.Credentials) and found.quota_project_id is None
    return found.with_quota_project(project) if is_user else found


def _secure_channel(transport: Any, host: str, *, options: Sequence[tuple[str, int]] = (), **more: Any) -> grpc.Channel:
    """A channel as the client library makes it, that comes back soon."""
    channel: grpc.Channel = transport.create_channel(host, options=[*options, *_recovery()], **more)
    return channel


def _plain_channel(endpoint: str) -> grpc.Channel:
    return grpc.insecure_channel(endpoint, options=[*_UNLIMITED, *_recovery()])


def _recovery() -> list[tuple[str, int]]:
    """Options of channels that outlive outages."""
    return [
        ("grpc.max_reconnect_backoff_ms", _LONGEST_RECONNECT_PAUSE_MS),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        # By itself a ping that is not answered takes a minute, whatever the time-out of keep-alives.
        ("grpc.http2.ping_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        # Servers close connections that are pinged while nothing is asked (gRFC A8: at most every five minutes).
        ("grpc.keepalive_permit_without_calls", 0),
    ]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _remote_now(url: str) -> datetime:
    """Ask a sandbox for its time; raises ``Transient`` where it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a configured endpoint
            return datetime.fromisoformat(json.load(answer)["now"])
    except (OSError, ValueError, KeyError) as error:
        raise Transient("clock", f"no time from {url}: {error}") from error
