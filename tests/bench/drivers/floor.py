"""The floor: one query, and the same series through the plain client, and nothing else.

Arguments: addresses of BigQuery and Cloud Monitoring, and the project.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import grpc
from google.api.metric_pb2 import MetricDescriptor
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.monitoring_v3 import CreateTimeSeriesRequest, MetricServiceClient, TimeSeries
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from exporter.model import LATENCY_BOUNDS_S
from tests.bench.drivers.answering import answer

SERIES_PER_REQUEST = 200
_CONCURRENT = 8
_WINDOW = timedelta(seconds=300)
_RESOURCE = {"location": "us-central1", "namespace": "floor", "job": "floor", "task_id": "pipeline"}


def _series(number: int, end: datetime, *, distribution: bool) -> Any:
    """One series with one point, of the same shape as ours; a raw message, which is the cheapest way to make one."""
    series = TimeSeries.pb()()
    series.resource.type = "generic_task"
    series.resource.labels.update(_RESOURCE)
    series.metric.type = f"custom.googleapis.com/floor/{'latency' if distribution else 'messages'}"
    series.metric.labels["system"] = str(number)
    point = series.points.add()
    point.interval.end_time.FromDatetime(end)
    if distribution:
        series.metric_kind = MetricDescriptor.CUMULATIVE
        point.interval.start_time.FromDatetime(end - _WINDOW + timedelta(milliseconds=1))
        value = point.value.distribution_value
        value.count, value.mean = len(LATENCY_BOUNDS_S) + 1, 2.5
        value.bucket_counts.extend([1] * (len(LATENCY_BOUNDS_S) + 1))
        value.bucket_options.explicit_buckets.bounds.extend(LATENCY_BOUNDS_S)
    else:
        series.metric_kind = MetricDescriptor.GAUGE
        point.value.double_value = 1.0
    return series


def _requests(project: str, asked: Mapping[str, Any]) -> Iterator[CreateTimeSeriesRequest]:
    end = datetime.fromisoformat(asked["now"])
    series = [_series(each, end, distribution=each < asked["distributions"]) for each in range(asked["series"])]
    for first in range(0, len(series), SERIES_PER_REQUEST):
        batch = series[first : first + SERIES_PER_REQUEST]
        message = CreateTimeSeriesRequest.pb()(name=f"projects/{project}", time_series=batch)
        yield CreateTimeSeriesRequest.wrap(message)


def main(bigquery_url: str, monitoring_address: str, project: str) -> None:
    """Answer with nothing but what it took."""
    options = ClientOptions(api_endpoint=bigquery_url)
    queries = bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options=options)
    channel = grpc.insecure_channel(monitoring_address)
    monitoring = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
    write = partial(monitoring.create_time_series, retry=None)

    with queries, channel, ThreadPoolExecutor(_CONCURRENT) as pool:

        def once(asked: Mapping[str, Any]) -> Mapping[str, Any]:
            list(queries.query_and_wait("SELECT 1", location="us-central1"))
            list(pool.map(write, _requests(project, asked)))
            return {}

        answer(once)


if __name__ == "__main__":
    main(*sys.argv[1:])
