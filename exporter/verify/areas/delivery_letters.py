"""What comes out of dead-letter subscriptions, read without keeping a word of what the messages say."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

from exporter.verify import messages
from exporter.verify.lab import Lab
from exporter.verify.pipeline import BY_NAME, TIMEOUT_S
from exporter.verify.questions import Step
from exporter.verify.steps import BAD_MESSAGES

PREFIX = "CloudPubSubDeadLetterSource"
COUNT, PUBLISHED = f"{PREFIX}DeliveryCount", f"{PREFIX}TopicPublishTime"
ATTRIBUTES = (COUNT, f"{PREFIX}Subscription", f"{PREFIX}SubscriptionProject", PUBLISHED)
"""What Pub/Sub adds to every message that it forwards (https://docs.cloud.google.com/pubsub/docs/handling-failures)."""

NOTED = "dead letters of main"
_PER_PULL = 50
_SETTLED_S = 300.0


def pulled(lab: Lab, subscription: str) -> list[Any]:
    """The messages that wait in a subscription, acknowledged at once.

    Pub/Sub advises against pulls that do not wait, and its library warns of them: subscribers would waste calls. Here nothing is an answer,
    too, and the question is put again.
    """
    subscriber = lab.services.subscriber
    request = {"subscription": subscription, "max_messages": _PER_PULL, "return_immediately": True}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The return_immediately flag", DeprecationWarning)
        answer = subscriber.pull(request=request, timeout=TIMEOUT_S, retry=None)
    if answer.received_messages:
        ack_ids = [each.ack_id for each in answer.received_messages]
        subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids, timeout=TIMEOUT_S, retry=None)
    return [each.message for each in answer.received_messages]


def _read(lab: Lab) -> bool:
    """Note what arrives in the dead-letter subscription of ``main``, until all of it did or nothing more comes."""
    main = BY_NAME["main"]
    bodies = {messages.bad(lab.place.run, "main-bad", place): place for place in range(BAD_MESSAGES)}
    for message in pulled(lab, main.dead_letter_subscription(lab.place)):
        lab.book.append(NOTED, _letter(message, bodies.get(message.data)))
    found = {each["place"] for each in lab.book.get(NOTED, [])}
    return found >= set(bodies.values()) or lab.waited_s("dead letters of main read") > _SETTLED_S


def _letter(message: Any, place: int | None) -> dict[str, Any]:
    """What is kept of a dead letter: which message it was, when it was forwarded, and what Pub/Sub added."""
    added = {name: value for name, value in message.attributes.items() if name.startswith(PREFIX)}
    return {"place": place, "forwarded_at": message.publish_time.isoformat(), "added": added}


def letters(lab: Lab) -> list[dict[str, Any]]:
    """The dead letters of ``main``, each message once."""
    return list({each["place"]: each for each in lab.book.get(NOTED, []) if each["place"] is not None}.values())


STEPS = (Step("dead letters", "reading dead letters", _read, ("poisoned",), timedelta(minutes=10)),)
