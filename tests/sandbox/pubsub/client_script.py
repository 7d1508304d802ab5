"""One script of client calls, played against the sandbox and against Google's emulator."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.pubsub_v1 import types

from tests.sandbox.pubsub.play import Play


def play_topics(play: Play) -> None:
    publisher = play.publisher
    for name in ("ab", "1abc", "goog-x", "a" * 256, "with space"):
        play.step(f"create topic {name[:12]}", publisher.create_topic, name=play.topic(name))
    play.step("create topic without project", publisher.create_topic, name="x")
    for name in ("abc", "t-c", "t-a", "t-b"):
        play.step(f"create topic {name}", publisher.create_topic, name=play.topic(name))
    play.step("create topic again", publisher.create_topic, name=play.topic("abc"))
    play.step(
        "create topic with retention",
        publisher.create_topic,
        request=types.Topic(name=play.topic("kept"), labels={"a": "b"}, message_retention_duration=timedelta(hours=1)),
    )
    for seconds in (599, 32 * 86_400):
        topic = types.Topic(name=play.topic("never"), message_retention_duration=timedelta(seconds=seconds))
        play.step(f"create topic retaining {seconds} s", publisher.create_topic, request=topic)
    schema = types.SchemaSettings(schema=f"{play.project}/schemas/absent", encoding=types.Encoding.JSON)
    play.step(
        "create topic with a schema that is not there",
        publisher.create_topic,
        request=types.Topic(name=play.topic("never"), schema_settings=schema),
    )
    play.step("get topic", publisher.get_topic, topic=play.topic("kept"))
    for name in ("absent", "ab"):
        play.step(f"get topic {name}", publisher.get_topic, topic=play.topic(name))
        play.step(f"delete topic {name}", publisher.delete_topic, topic=play.topic(name))
    play.step("list topics in pages", publisher.list_topics, request={"project": play.project, "page_size": 2})
    play.step("list topics of nobody", publisher.list_topics, project="projects/nobody")
    _update_topics(play)


def _update_topics(play: Play) -> None:
    def update(paths: list[str], name: str = "kept") -> Any:
        topic = types.Topic(name=play.topic(name), message_retention_duration=timedelta(hours=2))
        return play.publisher.update_topic(topic=topic, update_mask={"paths": paths})

    play.step("update topic", update, ["message_retention_duration"])
    play.step("update topic without mask", update, [])
    play.step("update a field of topics that is none", update, ["colour"])
    play.step("update the name of a topic", update, ["name"])
    play.step("update no topic", update, ["message_retention_duration"], "absent")


def play_subscriptions(play: Play) -> None:
    for name in ("main", "dead"):
        play.publisher.create_topic(name=play.topic(name))

    def create(name: str, topic: str | None = None, **fields: Any) -> Any:
        return play.subscriber.create_subscription(
            request=types.Subscription(name=play.subscription(name), topic=topic or play.topic("main"), **fields)
        )

    play.step("create subscription", create, "plain")
    play.step("create subscription again", create, "plain")
    play.step("create subscription ab", create, "ab")
    play.step("create subscription to nothing", create, "never", play.topic("absent"))
    play.step("create subscription to a bad topic", create, "never", "x")
    play.step("create subscription to a deleted topic", create, "never", "_deleted-topic_")
    for seconds in (601, -1):
        play.step(f"ack deadline {seconds}", create, "never", ack_deadline_seconds=seconds)
    for seconds in (599, 32 * 86_400):
        kept = timedelta(seconds=seconds)
        play.step(f"retention {seconds}", create, "never", message_retention_duration=kept)
    play.step("ordered", create, "ordered", enable_message_ordering=True)
    play.step(
        "retaining",
        create,
        "retaining",
        retain_acked_messages=True,
        message_retention_duration=timedelta(0, 600),
    )
    play.step("bigquery", create, "bigquery", bigquery_config={"table": "p.d.t", "write_metadata": True})
    play.step("retry", create, "retry", retry_policy={})
    for low, high in ((601, 601), (20, 10)):
        policy = {"minimum_backoff": timedelta(seconds=low), "maximum_backoff": timedelta(seconds=high)}
        play.step(f"back-off {low} to {high}", create, "never", retry_policy=policy)
    play.step(
        "dead letters to nothing",
        create,
        "never",
        dead_letter_policy={"dead_letter_topic": play.topic("no-one")},
    )
    for attempts in (4, 101, 0, 100):
        dead = {"dead_letter_topic": play.topic("dead"), "max_delivery_attempts": attempts}
        play.step(f"attempts {attempts}", create, f"dead-{attempts}", dead_letter_policy=dead)
    play.step("get", play.subscriber.get_subscription, subscription=play.subscription("dead-0"))
    play.step("get nothing", play.subscriber.get_subscription, subscription=play.subscription("absent"))
    play.step(
        "list in pages",
        play.subscriber.list_subscriptions,
        request={"project": play.project, "page_size": 3},
    )
    play.step("list of topic", play.publisher.list_topic_subscriptions, topic=play.topic("main"))
    _update_subscriptions(play)
    _delete_subscriptions(play)


def _update_subscriptions(play: Play) -> None:
    def update(path: str | None, name: str = "plain", **fields: Any) -> Any:
        return play.subscriber.update_subscription(
            subscription=types.Subscription(name=play.subscription(name), **fields),
            update_mask={"paths": [path] if path else []},
        )

    play.step("update ack deadline", update, "ack_deadline_seconds", ack_deadline_seconds=20)
    play.step("update ack deadline to the default", update, "ack_deadline_seconds")
    play.step("update ack deadline too far", update, "ack_deadline_seconds", ack_deadline_seconds=700)
    play.step("update retention", update, "message_retention_duration", message_retention_duration=timedelta(0, 700))
    play.step("update retention to the default", update, "message_retention_duration")
    backoff = {"minimum_backoff": timedelta(seconds=1)}
    play.step("update retry policy", update, "retry_policy", retry_policy=backoff)
    play.step("remove retry policy", update, "retry_policy")
    dead = {"dead_letter_topic": play.topic("dead")}
    play.step("update dead letters", update, "dead_letter_policy", dead_letter_policy=dead)
    play.step("remove dead letters", update, "dead_letter_policy")
    play.step("update retain acked", update, "retain_acked_messages", retain_acked_messages=True)
    play.step("update push config", update, "push_config")
    for path in (
        "topic",
        "name",
        "enable_message_ordering",
        "detached",
        "colour",
        "dead_letter_policy.max_delivery_attempts",
    ):
        play.step(f"update {path}", update, path)
    play.step("update without mask", update, None)
    play.step("update nothing", update, "ack_deadline_seconds", "absent")
    play.step(
        "modify push config",
        play.subscriber.modify_push_config,
        subscription=play.subscription("plain"),
        push_config={},
    )


def _delete_subscriptions(play: Play) -> None:
    subscriber = play.subscriber
    play.publish("main", types.PubsubMessage(data=b"left"))
    play.step("delete topic", play.publisher.delete_topic, topic=play.topic("main"))
    play.step("get with deleted topic", subscriber.get_subscription, subscription=play.subscription("plain"))
    play.note("pull with deleted topic", play.received(play.pull_some("plain", 1)))
    play.publisher.create_topic(name=play.topic("main"))
    play.publish("main", types.PubsubMessage(data=b"unseen"))
    play.note("topic made again", play.received(play.pull("plain")))
    play.step("delete", subscriber.delete_subscription, subscription=play.subscription("plain"))
    play.step("delete again", subscriber.delete_subscription, subscription=play.subscription("plain"))


def play_publishing(play: Play) -> None:
    play.publisher.create_topic(name=play.topic("press"))
    play.subscriber.create_subscription(name=play.subscription("reader"), topic=play.topic("press"))
    publish = play.publisher.publish
    message = types.PubsubMessage
    for name, topic, messages in (
        ("to nothing", "absent", [message(data=b"x")]),
        ("to a bad name", "ab", [message(data=b"x")]),
        ("no messages", "press", []),
        ("an empty message", "press", [message(data=b"x"), message()]),
        ("too many messages", "press", [message(data=b"x")] * 1001),
    ):
        play.step(f"publish {name}", publish, topic=play.topic(topic), messages=messages)
    play.note("nothing of that was published", play.received(play.pull("reader")))
    play.publish("press", message(data=b"one"), message(data=b"", attributes={"only": "attributes"}))
    play.publish("press", message(data=b"two", attributes={"a": "b", "\u00e9": "\u00fc"}, ordering_key="k"))
    received = play.pull_some("reader", 3)
    play.note("what was published", play.received(received))
    ids = [int(message.message.message_id) for message in received]
    play.note("ids increase", ids == sorted(ids))
    ages = [time.time() - message.message.publish_time.timestamp() for message in received]
    play.note("published just now", all(abs(age) < 60 for age in ages))


def play_leases(play: Play) -> None:
    play.publisher.create_topic(name=play.topic("work"))
    play.subscriber.create_subscription(name=play.subscription("worker"), topic=play.topic("work"))
    play.subscriber.create_subscription(name=play.subscription("other"), topic=play.topic("work"))
    name = play.subscription("worker")
    subscriber = play.subscriber
    play.publish("work", *(types.PubsubMessage(data=b"m%d" % number) for number in range(4)))
    first = play.pull_some("worker", 2, limit=2)
    play.note("two of four", play.received(first))
    play.note("the rest", play.received(play.pull_some("worker", 2)))
    play.note("all on lease", play.received(play.pull("worker")))
    play.nack("worker", first[:1])
    again = play.pull_some("worker", 1)
    play.note("nacked", play.received(again))
    play.acknowledge("worker", again)
    play.acknowledge("worker", again)
    play.extend("worker", first[1:], 1)
    back = play.pull_some("worker", 1)
    play.note("lease ended", play.received(back))
    play.acknowledge("worker", back)
    play.note("nothing ready", play.received(play.pull("worker")))
    play.note("the other has its own", play.received(play.pull_some("other", 4)))
    absent = play.subscription("absent")
    play.step("pull none", subscriber.pull, subscription=name, max_messages=0)
    play.step("pull from nothing", subscriber.pull, subscription=absent, max_messages=1)
    play.step("ack nothing", subscriber.acknowledge, subscription=name, ack_ids=[])
    play.step("ack something else", subscriber.acknowledge, subscription=name, ack_ids=["x"])
    play.step("ack of nothing", subscriber.acknowledge, subscription=absent, ack_ids=["x"])
    for title, ack_ids, seconds in (
        ("nothing", [], 10),
        ("something else", ["x"], 10),
        ("into the past", [back[0].ack_id], -1),
    ):
        play.step(
            f"extend {title}",
            subscriber.modify_ack_deadline,
            subscription=name,
            ack_ids=ack_ids,
            ack_deadline_seconds=seconds,
        )


def play_dead_letters(play: Play) -> None:
    for name in ("source", "grave"):
        play.publisher.create_topic(name=play.topic(name))
    play.subscriber.create_subscription(name=play.subscription("digger"), topic=play.topic("grave"))
    play.subscriber.create_subscription(
        request=types.Subscription(
            name=play.subscription("victim"),
            topic=play.topic("source"),
            dead_letter_policy={"dead_letter_topic": play.topic("grave"), "max_delivery_attempts": 5},
        )
    )
    play.publish("source", types.PubsubMessage(data=b"doomed", attributes={"own": "kept"}))
    for attempt in range(1, 6):
        messages = play.pull_some("victim", 1)
        play.note(f"attempt {attempt}", play.received(messages))
        play.nack("victim", messages)
    play.note("left", play.received(play.pull("victim")))  # what makes the emulator forward it
    buried = play.pull_some("digger", 1)
    play.note("forwarded", [(m.message.data, m.message.attributes["own"], m.delivery_attempt) for m in buried])
    attributes = dict(buried[0].message.attributes)
    play.note("count", attributes["CloudPubSubDeadLetterSourceDeliveryCount"])
    play.note("source", attributes["CloudPubSubDeadLetterSourceSubscription"])


def play_seeks(play: Play) -> None:
    subscriber = play.subscriber
    play.publisher.create_topic(name=play.topic("tape"))
    play.subscriber.create_subscription(name=play.subscription("deck"), topic=play.topic("tape"))
    name, snapshot = play.subscription("deck"), f"{play.project}/snapshots/mark"
    play.publish("tape", types.PubsubMessage(data=b"a"), types.PubsubMessage(data=b"b"))
    heard = play.pull_some("deck", 2)
    play.acknowledge("deck", heard[:1])
    play.step("snapshot", subscriber.create_snapshot, name=snapshot, subscription=name)
    play.step("snapshot again", subscriber.create_snapshot, name=snapshot, subscription=name)
    play.step("snapshot of nothing", subscriber.create_snapshot, name=snapshot + "2", subscription=name + "x")
    play.step("get snapshot", subscriber.get_snapshot, snapshot=snapshot)
    play.step("list snapshots", subscriber.list_snapshots, project=play.project)
    play.step("list snapshots of topic", play.publisher.list_topic_snapshots, topic=play.topic("tape"))
    play.publish("tape", types.PubsubMessage(data=b"c"))
    heard = [*heard[1:], *play.pull_some("deck", 1)]
    play.acknowledge("deck", heard)
    play.note("all acknowledged", play.received(play.pull("deck")))
    play.step("seek to snapshot", subscriber.seek, request={"subscription": name, "snapshot": snapshot})
    again = play.pull_some("deck", 2)
    play.note("again", sorted(play.received(again)))
    play.step("seek nowhere", subscriber.seek, request={"subscription": name})
    play.step("seek to no snapshot", subscriber.seek, request={"subscription": name, "snapshot": snapshot + "x"})
    play.nack("deck", again)
    later = datetime.now(UTC) + timedelta(minutes=1)
    play.step("seek to the future", subscriber.seek, request={"subscription": name, "time": later})
    play.note("dropped", play.received(play.pull("deck")))
    play.step("delete snapshot", subscriber.delete_snapshot, snapshot=snapshot)
    play.step("get no snapshot", subscriber.get_snapshot, snapshot=snapshot)


def play_order(play: Play) -> None:
    play.publisher.create_topic(name=play.topic("mixed"))
    ordered = types.Subscription(
        name=play.subscription("ordered"),
        topic=play.topic("mixed"),
        enable_message_ordering=True,
        filter="attributes:kind",
    )
    play.step("ordered", play.subscriber.create_subscription, request=ordered)
    for body in (b"1", b"2", b"3"):
        play.publish("mixed", types.PubsubMessage(data=body, attributes={"kind": "a"}, ordering_key="k"))
    play.publish("mixed", types.PubsubMessage(data=b"4", attributes={"kind": "a"}, ordering_key="other"))
    head = play.pull_some("ordered", 1, limit=1)
    play.note("first of its key", play.received(head))
    play.note("only the other key", play.received(play.pull("ordered")))
    play.note("held back", play.received(play.pull("ordered")))
    play.acknowledge("ordered", head)
    play.note("the others in order", play.received(play.pull_some("ordered", 2)))


SCENES: dict[str, Callable[[Play], None]] = {
    "topics": play_topics,
    "subscriptions": play_subscriptions,
    "publishing": play_publishing,
    "order": play_order,
    "leases": play_leases,
    "dead_letters": play_dead_letters,
    "seeks": play_seeks,
}
