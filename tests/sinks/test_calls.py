"""Whatever a client raises is one kind of error here, and no answer can end a cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.exceptions import RefreshError

from exporter.calls import Caller
from exporter.errors import SourceError, Transient
from exporter.metrics.catalog import CATALOG
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from tests.sinks.cloud import NOW, SYSTEMS, WINDOW, Cloud, count, gauge, window_of

RAISED = {
    "no code": (grpc.RpcError("gone"), "UNKNOWN", 3),
    "given up": (exceptions.RetryError("deadline of 60 s exceeded", None), "UNKNOWN", 3),
    "no status": (exceptions.GoogleAPICallError("?"), "UNKNOWN", 3),
    "credentials": (RefreshError("expired"), "UNKNOWN", 3),
    "closed": (ValueError("Cannot invoke RPC on closed channel!"), "UNKNOWN", 3),
    "nothing to say": (ValueError(), "UNKNOWN", 3),
}


@pytest.mark.parametrize("kind", RAISED)
def test_whatever_is_raised_has_a_code(kind: str) -> None:
    raised, code, attempts = RAISED[kind]
    counted: Counter[tuple[str, str, str]] = Counter()
    call = Caller(lambda *each: counted.update([each]), 1.0)

    def function(**_: Any) -> None:
        raise raised

    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        call("monitoring_read", "ListTimeSeries", function, None)
    assert caught.value.grpc_status_code is grpc.StatusCode[code]
    assert caught.value.message
    assert counted == {("monitoring_read", "ListTimeSeries", code): attempts}


def test_an_error_of_grpc_itself_keeps_its_code(cloud: Cloud) -> None:
    method = "/google.monitoring.v3.MetricService/CreateServiceTimeSeries"
    bare = cloud.channel.unary_unary(method)
    with pytest.raises(exceptions.MethodNotImplemented, match="sandbox"):
        Caller(lambda *_: None, 1.0)("monitoring_write", "CreateServiceTimeSeries", lambda **_: bare(b""), None)


def test_a_mistake_of_our_own_is_not_taken_for_an_answer() -> None:
    def function(**_: Any) -> None:
        raise TypeError("no such argument")

    with pytest.raises(TypeError):
        Caller(lambda *_: None, 1.0)("monitoring_read", "ListTimeSeries", function, None)


QUESTIONS: dict[str, Callable[[CloudMonitoringSink], Any]] = {
    "watermarks": lambda sink: sink.watermarks(NOW - WINDOW, NOW),
    "read": lambda sink: sink.read("messages", NOW - WINDOW, NOW),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_garbage_is_no_answer_to_a_question(cloud: Cloud, sink: CloudMonitoringSink, question: str) -> None:
    sink.export([count()])
    cloud.fault("ListTimeSeries", garbage=True)
    with pytest.raises(Transient) as caught:
        QUESTIONS[question](sink)
    assert caught.value.reason == "INTERNAL"
    cloud.faults.clear()
    QUESTIONS[question](sink)


def test_garbage_is_no_receipt(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.fault(garbage=True)
    points = window_of(SYSTEMS[:50])
    outcome = sink.export(points)
    assert sorted(id(each.point) for each in outcome.retryable) == sorted(map(id, points))
    assert {each.code for each in outcome.retryable} == {"INTERNAL"}
    cloud.faults.clear()
    assert len(sink.export(points).written) == len(points)


@pytest.mark.parametrize("method", ["ListMetricDescriptors", "CreateMetricDescriptor"])
def test_garbage_describes_nothing(cloud: Cloud, method: str) -> None:
    sink = cloud.sink()
    cloud.fault(method, garbage=True)
    sink.prepare()
    outcome = sink.export([gauge()])
    assert [each.code for each in outcome.retryable] == ["INTERNAL"]
    assert not cloud.front.requests
    cloud.faults.clear()
    assert len(sink.export([gauge()]).written) == 1


def test_after_the_channel_was_closed_there_are_outcomes_still(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.client.transport.close()
    outcome = sink.export([gauge(), count()])
    assert [each.code for each in outcome.retryable] == ["UNKNOWN"] * 2
    fresh = cloud.sink()
    fresh.prepare()
    assert [each.code for each in fresh.export([gauge()]).retryable] == ["UNKNOWN"]
    for question in QUESTIONS.values():
        with pytest.raises(SourceError):
            question(sink)


def test_one_descriptor_that_fails_costs_the_others_nothing(cloud: Cloud) -> None:
    sink = cloud.sink()
    cloud.fault("CreateMetricDescriptor", status="RESOURCE_EXHAUSTED", count=len(CATALOG))
    sink.prepare()
    cloud.fault("CreateMetricDescriptor", status="RESOURCE_EXHAUSTED", count=1)
    points = [gauge(), count()]
    outcome = sink.export(points)
    assert (len(outcome.written), [each.code for each in outcome.retryable]) == (1, ["RESOURCE_EXHAUSTED"])
    assert sink.export([outcome.retryable[0].point]).written == (outcome.retryable[0].point,)
