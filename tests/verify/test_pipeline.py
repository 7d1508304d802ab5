"""The throwaway pipelines over the wire: made in an order that works, each thing noted before, states provoked, messages sent once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.iam.v1 import iam_policy_pb2
from google.protobuf.json_format import MessageToDict
from google.pubsub_v1 import types

from exporter.errors import Transient
from exporter.sandbox.faults import Fault
from exporter.sandbox.server import Sandbox
from exporter.verify import messages, pipeline, runner, steps
from exporter.verify.book import Book
from exporter.verify.clock import SandboxClock
from exporter.verify.lab import MADE, Lab, Place
from exporter.verify.messages import Draft
from exporter.verify.pipeline import BY_NAME, PIPELINES, TIMEOUT_S
from exporter.verify.questions import Check, CouldNotAsk, Seen, Verdict
from exporter.verify.services import services
from tests.verify.places import endpoints

MAIN = BY_NAME["main"]


@pytest.fixture
def lab(sandbox: Sandbox, tmp_path: Path) -> Iterator[Lab]:
    control = sandbox.addresses.control
    with services(sandbox.addresses.project, endpoints(sandbox), control) as found:
        # A run of its own for each test: what the others made stays where it is.
        place = Place(sandbox.addresses.project, "us-central1", "us-central1", f"6aeb1e40{secrets.token_hex(2)}")
        yield Lab(place, found, SandboxClock(f"{control}/clock"), Book(tmp_path))


@pytest.fixture
def main(lab: Lab) -> Lab:
    assert pipeline.ready(lab, MAIN)
    return lab


def settings_of(subscription: types.Subscription) -> dict[str, Any]:
    """A subscription as it was asked for: what the service adds is left out."""
    found = MessageToDict(types.Subscription.pb(subscription))
    found.get("bigqueryConfig", {}).pop("state", None)
    return {key: value for key, value in found.items() if key not in ("state", "ackDeadlineSeconds", "pushConfig")}


@pytest.mark.parametrize("made", PIPELINES, ids=lambda each: each.name)
def test_what_is_made_is_what_is_defined(lab: Lab, made: pipeline.Pipeline) -> None:
    assert pipeline.ready(lab, made)
    table = lab.services.bigquery.get_table(made.table(lab.place)).to_api_repr()
    wanted = pipeline.table_resource(lab.place, made)
    assert {key: table[key] for key in wanted} == wanted
    found = lab.services.subscriber.get_subscription(subscription=made.subscription(lab.place))
    assert settings_of(found) == settings_of(pipeline.subscription_resource(lab.place, made))
    if made.view:
        view = lab.services.bigquery.get_table(f"{made.table(lab.place)}_view")
        assert view.view_query == pipeline.view_resource(lab.place, made)["view"]["query"]
    if made.dead_letters:
        name = made.dead_letter_subscription(lab.place)
        found = lab.services.subscriber.get_subscription(subscription=name)
        assert settings_of(found) == settings_of(pipeline.dead_letter_subscription_resource(lab.place, made))


def test_the_service_agent_may_do_what_it_needs_and_no_more(main: Lab) -> None:
    agent = main.book.get(pipeline.AGENT)
    assert agent.endswith("@gcp-sa-pubsub.iam.gserviceaccount.com")
    policy = main.services.bigquery.get_iam_policy(MAIN.table(main.place))
    assert [(each["role"], set(each["members"])) for each in policy.bindings] == [(pipeline.WRITER, {agent})]
    for client, name, role in (
        (main.services.publisher, MAIN.dead_letter_topic(main.place), pipeline.PUBLISHER),
        (main.services.subscriber, MAIN.subscription(main.place), pipeline.SUBSCRIBER),
    ):
        request = iam_policy_pb2.GetIamPolicyRequest(resource=name)
        granted = client.get_iam_policy(request=request).bindings
        assert [(each.role, list(each.members)) for each in granted] == [(role, [agent])]


def test_rights_that_take_a_while_are_waited_for(sandbox: Sandbox, lab: Lab) -> None:
    sandbox.world.engines.faults.add(Fault("pubsub", "CreateSubscription", "PERMISSION_DENIED", count=2))
    for _ in range(2):
        with pytest.raises(Transient, match="plain: 403 "):
            pipeline.ready(lab, BY_NAME["plain"])
    assert pipeline.ready(lab, BY_NAME["plain"])


def test_rights_that_never_come_are_named_in_the_end(sandbox: Sandbox, lab: Lab) -> None:
    """As where Pub/Sub's service agent does not exist."""
    sandbox.world.engines.faults.add(Fault("bigquery", "tables.setIamPolicy", "INVALID_ARGUMENT"))
    never = Check("S01", "?", "!", "a test", lambda _: None, ("created",))
    (result,) = runner.run(lab, steps.STEPS, [never], lambda _: None)
    assert result.seen.startswith("step created: mismatch: 400 ")
    assert result.seen.endswith("within 0:15:00")
    assert len({name for kind, name in lab.book.get(MADE) if kind == "topic"}) == 9


def test_all_is_noted_before_it_is_made(sandbox: Sandbox, lab: Lab) -> None:
    sandbox.world.engines.faults.add(Fault("pubsub", "CreateTopic", "UNAVAILABLE", count=1))
    with pytest.raises(exceptions.ServiceUnavailable):
        pipeline.ready(lab, MAIN)
    assert lab.book.get(MADE)[-1] == ["topic", MAIN.topic(lab.place)]
    assert pipeline.ready(lab, MAIN)
    kinds = [kind for kind, _ in lab.book.get(MADE)]
    assert sorted(kinds) == ["dataset", "subscription", "subscription", "table", "table", "topic", "topic"]


def test_what_a_lost_answer_made_is_taken_over(main: Lab) -> None:
    main.book.note("there", [])
    assert pipeline.ready(main, MAIN)


def drafts(count: int = 3) -> list[Draft]:
    return [Draft(messages.good("a run", "main-0", place), {"k": "v"} if place else {}) for place in range(count)]


def arrived(lab: Lab, batch: int) -> Sequence[dict[str, str]]:
    return steps._arrived(lab, batch)  # type: ignore[return-value]


def test_messages_are_noted_as_they_were_published(main: Lab) -> None:
    assert messages.publish(main, MAIN, "messages main", 0, drafts())
    first, second, _ = main.book.get("messages main")
    assert first["before"] <= first["after"]
    assert (first["batch"], first["attributes"], second["attributes"]) == (0, {}, {"k": "v"})
    assert second["size_bytes"] == second["body_bytes"] + 2 == len(drafts()[1].body) + 2
    assert messages.publish(main, MAIN, "messages main", 0, drafts())
    assert len(main.book.get("messages main")) == 3


def test_messages_whose_answer_was_lost_are_found_in_the_table(main: Lab) -> None:
    lost = [types.PubsubMessage(data=each.body, attributes=each.attributes) for each in drafts()]
    main.book.note("publishing messages main 0", main.now().isoformat())
    answer = main.services.publisher.publish(topic=MAIN.topic(main.place), messages=lost, timeout=TIMEOUT_S)
    assert not messages.publish(main, MAIN, "messages main", 0, drafts(), arrived)
    main.clock.wait(61)
    assert messages.publish(main, MAIN, "messages main", 0, drafts(), arrived)
    assert [each["id"] for each in main.book.get("messages main")] == list(answer.message_ids)


def test_messages_that_did_not_arrive_are_published_again(sandbox: Sandbox, main: Lab) -> None:
    sandbox.world.engines.faults.add(Fault("pubsub", "Publish", "UNAVAILABLE", count=1))
    with pytest.raises(exceptions.ServiceUnavailable):
        messages.publish(main, MAIN, "messages main", 0, drafts(), arrived)
    assert not messages.publish(main, MAIN, "messages main", 0, drafts(), arrived)
    main.clock.wait(61)
    assert not messages.publish(main, MAIN, "messages main", 0, drafts(), arrived)
    assert messages.publish(main, MAIN, "messages main", 0, drafts(), arrived)
    assert len(main.book.get("messages main")) == 3


def test_messages_that_nobody_can_find_again_are_given_up(sandbox: Sandbox, main: Lab) -> None:
    sandbox.world.engines.faults.add(Fault("pubsub", "Publish", "UNAVAILABLE", count=1))
    with pytest.raises(exceptions.ServiceUnavailable):
        messages.publish(main, MAIN, "poison main", 0, drafts())
    with pytest.raises(CouldNotAsk, match="nobody knows whether"):
        messages.publish(main, MAIN, "poison main", 0, drafts())


def test_a_refusal_proves_that_nothing_was_published(sandbox: Sandbox, main: Lab) -> None:
    sandbox.world.engines.faults.add(Fault("pubsub", "Publish", "RESOURCE_EXHAUSTED", count=1))
    with pytest.raises(exceptions.ResourceExhausted):
        messages.publish(main, MAIN, "poison main", 0, drafts())
    assert messages.publish(main, MAIN, "poison main", 0, drafts())


def test_every_state_is_provoked_and_bad_messages_are_refused(sandbox: Sandbox, lab: Lab) -> None:
    def state(lab: Lab, name: str) -> str:
        found = lab.services.subscriber.get_subscription(subscription=BY_NAME[name].subscription(lab.place))
        return str(found.bigquery_config.state.name)

    def states(lab: Lab) -> Seen | None:
        found = [state(lab, name) for name in ("deleted", "denied", "mismatch")]
        wanted = ["NOT_FOUND", "PERMISSION_DENIED", "SCHEMA_MISMATCH"]
        return Seen("", as_expected=True) if found == wanted else None

    def letters(lab: Lab) -> Seen | None:
        tally = sandbox.world.engines.pubsub.subscriptions.tally(MAIN.subscription(lab.place))
        return Seen("", as_expected=True) if tally.dead_lettered == steps.BAD_MESSAGES else None

    checks = [
        Check("S01", "?", "!", "a test", states, ("deleted", "denied", "mismatched"), timedelta(minutes=5)),
        Check("D01", "?", "!", "a test", letters, ("poisoned",), timedelta(minutes=5)),
    ]
    results = runner.run(lab, steps.STEPS, checks, lambda _: None)
    assert [result.verdict for result in results] == [Verdict.OK, Verdict.OK]
    assert len(lab.book.get("messages main")) == steps.BATCHES * steps.MESSAGES_PER_BATCH
    assert len(lab.book.get("poison plain")) == steps.BAD_MESSAGES
