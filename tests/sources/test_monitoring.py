"""Readings are whole or not there, and what fails costs only those whom it concerns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import ListMetricDescriptorsResponse, ListTimeSeriesResponse

from exporter import calls
from exporter.circuits import Circuits
from exporter.errors import Permanent
from exporter.model import System
from exporter.sources import monitoring
from exporter.sources.monitoring import DEFAULT_DELAY, MonitoringSource
from tests.builders import T0, system
from tests.sources.apis import GrpcApi, Refusal

END = T0 + timedelta(minutes=5)
METRICS = 8


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAUSE_S", 0.001)


def of(project: str, name: str) -> System:
    return system(
        id=name,
        topic=f"projects/{project}/topics/{name}",
        subscription=f"projects/{project}/subscriptions/{name}-bq",
    )


FLEET = [*(of("here", f"here-{n}") for n in range(3)), *(of("there", f"there-{n}") for n in range(2))]


def names_in(request: Any) -> list[str]:
    """Topics or subscriptions that a request asks about."""
    return [part.strip(' "') for part in request.filter.partition("one_of(")[2].partition(")")[0].split(",")]


def sample(request: Any) -> Any:
    """One sample of every series that was asked for."""
    label = "topic_id" if "topic_id" in request.filter else "subscription_id"
    response = ListTimeSeriesResponse.pb()()
    for name in names_in(request):
        series = response.time_series.add()
        series.resource.labels[label] = name
        code = "invalid_argument" if "!=" in request.filter else "success"
        series.metric.labels.update({"response_code": code, "response_class": "ack"})
        point = series.points.add()
        point.interval.end_time.FromDatetime(T0 + timedelta(minutes=1))
        if "message_sizes" in request.filter:
            point.value.distribution_value.count = 7
            point.value.distribution_value.mean = 100.0
        else:
            point.value.int64_value = 7
    return ListTimeSeriesResponse.wrap(response)


def unless(condition: Callable[[Any], bool], code: str) -> Callable[[Any], Any]:
    def answer(request: Any) -> Any:
        if condition(request):
            raise Refusal(code, "it is not to be")
        return sample(request)

    return answer


@pytest.fixture
def api() -> Iterator[GrpcApi]:
    with GrpcApi(sample) as made:
        yield made


class Reader:
    """A source, and what it says of its calls."""

    def __init__(self, api: GrpcApi, circuits: Circuits | None = None) -> None:
        self.counted: Counter[str] = Counter()
        self.series = 0
        self._pool = ThreadPoolExecutor(12)
        self.source = MonitoringSource(
            api.monitoring,
            self._pool,
            lambda _api, _method, code: self.counted.update([code]),
            10.0,
            on_series=self._returned,
            circuits=circuits,
        )

    def _returned(self, series: int) -> None:
        self.series += series

    def collect(self, systems: Sequence[System] = FLEET) -> monitoring.Collected:
        return self.source.collect(systems, T0, END)


@pytest.fixture
def reader(api: GrpcApi) -> Iterator[Reader]:
    made = Reader(api)
    yield made
    made._pool.shutdown()


def test_every_metric_of_every_system_is_read_with_one_call_per_project(api: GrpcApi, reader: Reader) -> None:
    collected = reader.collect()
    assert not collected.failures
    assert collected.readings.keys() == {each.id for each in FLEET}
    second = (T0 + timedelta(minutes=1)).timestamp()
    for readings in collected.readings.values():
        assert readings.sizes == [(second, 7, 700)]
        assert readings.requests == readings.dead_lettered == readings.backlog == readings.oldest_age == [(second, 7)]
        assert readings.attempts == [(second, "ok", "success", 7)]
        assert readings.rejected == readings.backlog_bytes == [(second, 7)]
    assert reader.counted == {"OK": 2 * METRICS}
    assert reader.series == len(FLEET) * METRICS


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED"])
def test_one_read_that_fails_in_passing_costs_nothing(api: GrpcApi, reader: Reader, code: str) -> None:
    failing = [True]
    api.answer = unless(lambda _: bool(failing and failing.pop()), code)
    collected = reader.collect()
    assert len(collected.readings) == len(FLEET)
    assert not collected.failures
    assert reader.counted == {"OK": 2 * METRICS, code: 1}


@pytest.mark.parametrize(("code", "transient"), [("PERMISSION_DENIED", False), ("UNAVAILABLE", True)])
def test_a_project_that_fails_costs_its_own_systems_and_each_says_why(
    api: GrpcApi, reader: Reader, code: str, transient: bool
) -> None:
    api.answer = unless(lambda request: request.name == "projects/there", code)
    collected = reader.collect()
    assert collected.readings.keys() == {"here-0", "here-1", "here-2"}
    assert {(failure.system, failure.reason, failure.transient) for failure in collected.failures} == {
        ("there-0", code, transient),
        ("there-1", code, transient),
    }
    assert all(("roles/monitoring.viewer" in failure.remedy) != transient for failure in collected.failures)


def test_a_system_without_all_its_metrics_has_no_readings(api: GrpcApi, reader: Reader) -> None:
    """A sum over half of the series would be a wrong value."""
    api.answer = unless(
        lambda request: "backlog_bytes" in request.filter and request.name == "projects/here", "UNAVAILABLE"
    )
    collected = reader.collect()
    assert collected.readings.keys() == {"there-0", "there-1"}
    assert len(collected.failures) == 3


def test_what_fails_for_everybody_is_one_failure(api: GrpcApi, reader: Reader) -> None:
    api.answer = unless(lambda request: "backlog_bytes" in request.filter, "UNAVAILABLE")
    collected = reader.collect()
    assert not collected.readings
    assert [(each.source, each.system, each.reason) for each in collected.failures] == [
        ("monitoring", None, "UNAVAILABLE")
    ]


def test_of_a_large_project_only_those_are_lost_that_were_asked_for_together(api: GrpcApi, reader: Reader) -> None:
    fleet = [of("large", f"s{number:03}") for number in range(250)]
    api.answer = unless(lambda request: "s150" in names_in(request), "INVALID_ARGUMENT")
    collected = reader.collect(fleet)
    assert len(collected.readings) == 150
    assert {failure.system for failure in collected.failures} == {f"s{number:03}" for number in range(100, 200)}


def test_systems_that_share_a_topic_are_lost_together(api: GrpcApi, reader: Reader) -> None:
    first, second = of("here", "one"), of("here", "two")
    shared = system(id="shared", topic=first.topic, subscription="projects/there/subscriptions/shared-bq")
    api.answer = unless(lambda request: names_in(request) == ["shared-bq"], "NOT_FOUND")
    collected = reader.collect([first, second, shared])
    assert collected.readings.keys() == {"one", "two"}
    assert collected.readings["one"].sizes
    assert [failure.system for failure in collected.failures] == ["shared"]


def test_an_exhausted_quota_of_one_project_holds_only_its_own_calls(api: GrpcApi) -> None:
    reader = Reader(api, Circuits())
    api.answer = unless(lambda request: request.name == "projects/there", "RESOURCE_EXHAUSTED")
    reader.collect()
    asked = len(api.requests)
    collected = reader.collect()
    assert len(api.requests) == asked + METRICS
    assert collected.readings.keys() == {"here-0", "here-1", "here-2"}
    assert {failure.reason for failure in collected.failures} == {"circuitOpen"}
    assert all(failure.transient for failure in collected.failures)


def test_pages_are_put_together_and_each_is_counted(api: GrpcApi, reader: Reader) -> None:
    def paged(request: Any) -> Any:
        response = sample(request)
        response.next_page_token = "" if request.page_token else "second"
        return response

    api.answer = paged
    collected = reader.collect([of("here", "one")])
    assert len(collected.readings["one"].sizes) == 2
    assert (reader.counted, reader.series) == ({"OK": 2 * METRICS}, 2 * METRICS)


def test_the_delay_is_that_of_the_slowest_metric_that_is_read(api: GrpcApi, reader: Reader) -> None:
    def descriptors(request: Any) -> Any:
        first = not request.page_token
        made = MetricDescriptor(type=f"pubsub.googleapis.com/{'topic/message_sizes' if first else 'topic/other'}")
        made.metadata.sample_period.FromSeconds(60)
        made.metadata.ingest_delay.FromSeconds(240 if first else 9000)
        return ListMetricDescriptorsResponse(metric_descriptors=[made], next_page_token="next" if first else "")

    api.answer = descriptors
    assert reader.source.delay("here") == timedelta(seconds=300)
    assert reader.counted == {"OK": 2}
    api.answer = lambda _: ListMetricDescriptorsResponse()
    assert reader.source.delay("here") == DEFAULT_DELAY
    api.answer = unless(lambda _: True, "PERMISSION_DENIED")
    with pytest.raises(Permanent, match="not to be"):
        reader.source.delay("here")
