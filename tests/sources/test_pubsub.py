"""The listing of subscriptions: all pages, asked again where that helps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.pubsub_v1.types import BigQueryConfig, ListSubscriptionsResponse, Subscription

from exporter import calls
from exporter.circuits import Circuits
from exporter.errors import Permanent, Transient
from exporter.sources import pubsub
from tests.sources.apis import GrpcApi, Refusal


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAUSE_S", 0.001)


def named(name: str, **more: Any) -> Subscription:
    return Subscription(name=f"projects/acme-data/subscriptions/{name}", **more)


def in_turn(*answers: Any) -> Callable[[Any], Any]:
    left = list(answers)

    def answer(_: Any) -> Any:
        now = left.pop(0)
        if isinstance(now, Refusal):
            raise now
        return now

    return answer


@pytest.fixture
def api() -> Iterator[GrpcApi]:
    with GrpcApi(in_turn()) as made:
        yield made


def listed(api: GrpcApi, circuits: Circuits | None = None) -> tuple[dict[str, Any], Counter[str]]:
    counted: Counter[str] = Counter()
    found = pubsub.subscriptions(
        api.subscriber, "acme-data", lambda _api, _method, code: counted.update([code]), 10.0, circuits=circuits
    )
    return {name.rpartition("/")[2]: each for name, each in found.items()}, counted


def test_all_pages_are_listed_and_a_page_that_fails_is_asked_for_again(api: GrpcApi) -> None:
    api.answer = in_turn(
        ListSubscriptionsResponse(subscriptions=[named("a", topic="t")], next_page_token="b"),
        Refusal("UNAVAILABLE"),
        ListSubscriptionsResponse(subscriptions=[named("b")]),
    )
    found, counted = listed(api)
    assert list(found) == ["a", "b"]
    assert found["a"].topic == "t"
    assert [request.page_token for request in api.requests] == ["", "b", "b"]
    assert counted == {"OK": 2, "UNAVAILABLE": 1}


def test_a_state_that_is_newer_than_the_client_library_is_a_state(api: GrpcApi) -> None:
    strange = named("a", bigquery_config=BigQueryConfig(table="p.d.t"))
    Subscription.pb(strange).bigquery_config.state = 77
    own = named("b", state=Subscription.State.RESOURCE_ERROR)
    api.answer = in_turn(ListSubscriptionsResponse(subscriptions=[strange, own]))
    found, _ = listed(api)
    assert (found["a"].state, found["a"].active) == ("STATE_77", False)
    assert (found["b"].state, found["b"].active) == ("RESOURCE_ERROR", False)


def test_who_may_not_list_is_told_what_to_grant_and_asks_once(api: GrpcApi) -> None:
    api.answer = in_turn(Refusal("PERMISSION_DENIED", "you may not"))
    with pytest.raises(Permanent, match="you may not") as denied:
        listed(api)
    assert "pubsub.subscriptions.list" in denied.value.remedy


def test_an_exhausted_api_is_left_alone(api: GrpcApi) -> None:
    circuits = Circuits()
    api.answer = in_turn(Refusal("RESOURCE_EXHAUSTED"))
    with pytest.raises(Transient):
        listed(api, circuits)
    with pytest.raises(Transient, match=r"Pub/Sub said RESOURCE_EXHAUSTED") as held:
        listed(api, circuits)
    assert held.value.reason == "circuitOpen"
    assert len(api.requests) == 1
