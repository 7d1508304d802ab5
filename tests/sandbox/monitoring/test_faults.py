"""Injected faults, and the statistics of calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import (
    GoogleAPICallError,
    InternalServerError,
    InvalidArgument,
    MethodNotImplemented,
    ResourceExhausted,
    ServiceUnavailable,
)
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from exporter.sandbox.faults import Fault
from exporter.sandbox.monitoring.limits import Settings
from tests.sandbox.monitoring.cloud import NAME, NOW, Cloud, of_type, series, summary

MINUTE = timedelta(minutes=1)


def many(count: int = 5) -> list[Any]:
    return [series(labels={"n": str(n)}) for n in range(count)]


def test_a_whole_batch_is_refused(cloud: Cloud) -> None:
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="UNAVAILABLE", count=1))
    assert isinstance(cloud.refused(*many()), ServiceUnavailable)
    assert cloud.monitoring.points_stored == 0
    cloud.write(*many())
    assert cloud.monitoring.points_stored == 5


@pytest.mark.parametrize("fault", [{"status": "UNAVAILABLE"}, {"garbage": True}])
def test_the_answer_may_be_lost_of_a_batch_that_was_written(cloud: Cloud, fault: dict[str, Any]) -> None:
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", after=True, count=1, **fault))
    with pytest.raises(Exception, match=r"unavailable|deserializing"):
        cloud.write(*many())
    assert cloud.monitoring.points_stored == 5
    assert "must be written in order" in cloud.refused(*many()).message


def test_a_lost_answer_may_have_been_a_refusal(cloud: Cloud) -> None:
    cloud.write(*many())
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="UNAVAILABLE", after=True))
    assert isinstance(cloud.refused(*many()), ServiceUnavailable)
    assert cloud.monitoring.points_stored == 5


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("INVALID_ARGUMENT", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("INTERNAL", 500),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_any_status_can_be_injected(cloud: Cloud, status: str, code: int) -> None:
    cloud.faults.add(Fault("monitoring", status=status))
    assert cloud.refused(series()).code == code
    with pytest.raises(GoogleAPICallError) as caught:
        cloud.read(of_type())
    assert caught.value.code == code
    assert cloud.faults.calls() == {
        ("monitoring", "CreateTimeSeries", status): 1,
        ("monitoring", "ListTimeSeries", status): 1,
    }


def test_a_used_up_quota_says_when_to_come_back(cloud: Cloud) -> None:
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="RESOURCE_EXHAUSTED"))
    error = cloud.refused(series())
    assert isinstance(error, ResourceExhausted)
    status = rpc_status.from_call(error.response)
    assert status is not None
    retry = RetryInfo()
    assert [detail.Unpack(retry) for detail in status.details] == [False, True]
    assert retry.retry_delay.ToTimedelta() == timedelta(seconds=1)


def test_some_series_are_refused_and_the_others_written(cloud: Cloud) -> None:
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="INTERNAL", series=2, count=1))
    error = cloud.refused(*many())
    assert isinstance(error, InternalServerError)
    assert error.message == (
        'One or more TimeSeries could not be written: timeSeries[0,1] (example metric.type="custom.googleapis.com/'
        'pipeline/latency", metric.labels={"n": "0"}): Internal error encountered. Please retry after a few seconds.'
    )
    assert summary(error) == (5, 3, {13: 2})
    assert {each.metric.labels["n"] for each in cloud.read(of_type())} == {"2", "3", "4"}
    cloud.write(*many()[:2])
    assert cloud.monitoring.points_stored == 5


def test_some_series_are_refused_beside_those_that_break_a_rule(cloud: Cloud) -> None:
    cloud.write(series(labels={"n": "4"}))
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="INVALID_ARGUMENT", series=1))
    error = cloud.refused(*many())
    assert isinstance(error, InvalidArgument)
    assert summary(error) == (5, 3, {3: 2})


def test_an_answer_cannot_be_parsed(cloud: Cloud) -> None:
    cloud.write(series())
    cloud.faults.add(Fault("monitoring", garbage=True))
    for call in (lambda: cloud.read(of_type()), lambda: cloud.write(series(end=NOW + MINUTE))):
        with pytest.raises(InternalServerError, match="deserializing"):
            call()
    cloud.faults.clear()
    assert cloud.monitoring.points_stored == 1


def test_only_the_named_method_is_hit(cloud: Cloud) -> None:
    cloud.faults.add(Fault("monitoring", "ListTimeSeries", status="UNAVAILABLE"))
    cloud.faults.add(Fault("bigquery", status="UNAVAILABLE"))
    cloud.write(series())
    with pytest.raises(ServiceUnavailable):
        cloud.read(of_type())


def test_every_call_is_counted_by_its_code(cloud: Cloud) -> None:
    cloud.write(series())
    cloud.refused(series())
    cloud.read(of_type())
    list(cloud.client.list_metric_descriptors(name=NAME))
    with pytest.raises(MethodNotImplemented):
        cloud.client.create_service_time_series(name=NAME, time_series=[series()])
    assert cloud.faults.calls() == {
        ("monitoring", "CreateTimeSeries", "OK"): 1,
        ("monitoring", "CreateTimeSeries", "INVALID_ARGUMENT"): 1,
        ("monitoring", "ListTimeSeries", "OK"): 1,
        ("monitoring", "ListMetricDescriptors", "OK"): 1,
        ("monitoring", "CreateServiceTimeSeries", "UNIMPLEMENTED"): 1,
    }


def test_faults_come_in_the_older_wording_too() -> None:
    with Cloud(Settings(wording="older")) as cloud:
        cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="INTERNAL", series=3))
        assert cloud.refused(*many(4)).message == (
            "One or more TimeSeries could not be written: Internal error encountered. Please retry after a few seconds.: "
            "timeSeries[0-2]"
        )
