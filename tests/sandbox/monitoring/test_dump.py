"""What was accepted, for anyone who wants to recompute."""

from __future__ import annotations

import json
from datetime import timedelta

from google.api.distribution_pb2 import Distribution
from google.cloud.monitoring_v3 import TimeSeries
from google.protobuf import json_format

from tests.sandbox.monitoring.cloud import NAME, NOW, PROJECT, TASK, Cloud, series

MINUTE = timedelta(minutes=1)


def test_every_accepted_point_is_there_in_the_order_of_arrival(cloud: Cloud) -> None:
    histogram = Distribution(count=3, mean=2.5, bucket_counts=[1, 2])
    histogram.bucket_options.explicit_buckets.bounds.append(2.0)
    written = [
        series(1.5, NOW, labels={"quantile": "0.5"}),
        series(7, NOW, NOW - MINUTE, metric="custom.googleapis.com/messages"),
        series(True, NOW, metric="custom.googleapis.com/up"),
        series(histogram, NOW, NOW - MINUTE, metric="custom.googleapis.com/sizes"),
    ]
    cloud.write(*written)
    cloud.clock.advance(61.5)
    cloud.refused(series(2.5, NOW, labels={"quantile": "0.5"}))
    cloud.write(series(2.5, NOW + MINUTE, labels={"quantile": "0.5"}))
    lines = [json.loads(json.dumps(line)) for line in cloud.monitoring.accepted()]
    assert [line["metric"]["type"].rpartition("/")[2] for line in lines] == [
        "latency",
        "messages",
        "up",
        "sizes",
        "latency",
    ]
    assert [line.pop("receivedAt") for line in lines] == ["2026-11-02T12:00:00Z"] * 4 + ["2026-11-02T12:01:01.500Z"]
    assert lines[0] == {
        "metric": {"type": "custom.googleapis.com/pipeline/latency", "labels": {"quantile": "0.5"}},
        "resource": {"type": "generic_task", "labels": {**TASK, "project_id": PROJECT}},
        "metricKind": "GAUGE",
        "valueType": "DOUBLE",
        "points": [
            {
                "interval": {"startTime": "2026-11-02T12:00:00Z", "endTime": "2026-11-02T12:00:00Z"},
                "value": {"doubleValue": 1.5},
            }
        ],
    }
    for line, given in zip(lines, written, strict=False):
        parsed = json_format.ParseDict(line, TimeSeries.pb()())
        assert parsed.points[0].value == TimeSeries.pb(given).points[0].value


def test_points_of_a_deleted_metric_were_accepted_all_the_same(cloud: Cloud) -> None:
    cloud.write(series())
    cloud.client.delete_metric_descriptor(name=f"{NAME}/metricDescriptors/custom.googleapis.com/pipeline/latency")
    assert len(list(cloud.monitoring.accepted())) == cloud.monitoring.points_stored == 1
