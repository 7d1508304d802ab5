"""Runs slo-generator against the Cloud Monitoring at an address, its first argument; with slo-generator's own Python.

It has no setting for the address. Its own code is used as it is: only the client that it asks for is made here.
"""

from __future__ import annotations

import sys

import grpc
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

address = sys.argv.pop(1)
GenuineClient = monitoring_v3.MetricServiceClient


def client() -> monitoring_v3.MetricServiceClient:
    """A genuine client of the address."""
    return GenuineClient(transport=MetricServiceGrpcTransport(channel=grpc.insecure_channel(address)))


monitoring_v3.MetricServiceClient = client  # type: ignore[misc, assignment]

if __name__ == "__main__":
    from slo_generator.cli import main  # type: ignore[import-not-found]

    main()
