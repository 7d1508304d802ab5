"""What BigQuery subscriptions write, what goes wrong with them, and what metrics say of it, with each field of conduct changed alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from google.cloud import bigquery
from google.protobuf import duration_pb2
from google.pubsub_v1 import types

from exporter.sandbox.conduct import METADATA, Conduct
from exporter.sandbox.fleet import PROJECT
from exporter.sandbox.iam import project_number
from tests.sandbox.conduct.lab import DATASET, NAME, Facts, Lab, differences

AGENT = f"serviceAccount:service-{project_number(PROJECT)}@gcp-sa-pubsub.iam.gserviceaccount.com"
PUSHES = "pubsub.googleapis.com/subscription/push_request_count"
LATENCIES = "pubsub.googleapis.com/subscription/push_request_latencies"
BACKLOG = "pubsub.googleapis.com/subscription/num_undelivered_messages"
SIZES = "pubsub.googleapis.com/topic/message_sizes"
REQUESTS = "pubsub.googleapis.com/topic/send_request_count"
ACKED = "pubsub.googleapis.com/subscription/ack_message_count"
SENT = "pubsub.googleapis.com/subscription/sent_message_count"
DEAD = "pubsub.googleapis.com/subscription/dead_letter_message_count"

pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag is deprecated")

NO_WRITES = {
    "writes": 0,
    "stream type": set(),
    **{f"written {name}": set() for name in ("good", "row", "denied", "missing", "mismatch")},
}
DELIVERY: dict[str, tuple[Any, dict[str, Any]]] = {
    "defaults_filled": (True, {"default": 3}),
    "write_metadata_columns": (
        ["message_id", "publish_time", "attributes"],
        {"metadata": {"message_id", "publish_time", "attributes"}},
    ),
    "batches_messages": (False, {"attempts": 3, "writes": 3}),
    "row_refused_alone": (
        False,
        {
            "good beside bad": 0,
            "dead letters": 2,
            "dead-lettered": 2,
            "codes": {"invalid_argument"},
            "written row": {"INVALID_ARGUMENT"},
        },
    ),
    "dead_letter_attempts_exact": (False, {"delivery attempts": {"6"}, "refused attempts": 6}),
    "dead_letter_backoff": (
        True,
        {"dead letters": 0, "dead-lettered": None, "delivery attempts": set(), "refused attempts": 2},
    ),
    "dead_letter_topic_without_subscription": ("kept", {"lost dead letters": 1}),
    "dead_letter_attributes": (False, {"delivery attempts": {None}}),
    "state_on_missing_table": ("ACTIVE", {"missing": "ACTIVE"}),
    "state_on_denied": ("ACTIVE", {"denied": "ACTIVE"}),
    "state_on_mismatch": ("NOT_FOUND", {"mismatch": "NOT_FOUND"}),
    "state_delay_s": (7200.0, {"missing": "ACTIVE", "denied": "ACTIVE", "mismatch": "ACTIVE"}),
    "state_recovers": (False, {"recovered": "PERMISSION_DENIED"}),
    "states_to_dead_letters": (True, {"missing waiting": 0, "missing dead letters": 1}),
    # Without messages that wait, the table is not tried again.
    "refused_messages_kept": (
        False,
        {"missing waiting": 0, "denied waiting": 0, "came later": 0, "recovered": "PERMISSION_DENIED"},
    ),
    "timeline_has_subscription_writes": (False, NO_WRITES),
    "timeline_delay_s": (7200.0, NO_WRITES),
    "timeline_stream_type": ("COMMITTED", {"stream type": {"COMMITTED"}}),
    "timeline_error_code_ok": (
        "SUCCESS",
        {"written good": {"SUCCESS"}, "written row": {"SUCCESS", "INVALID_ARGUMENT"}},
    ),
    "timeline_error_code_row": ("ROWS", {"written row": {"OK", "ROWS"}}),
    "timeline_error_code_missing_table": ("GONE", {"written missing": {"GONE"}}),
    "timeline_error_code_denied": ("DENIED", {"written denied": {"DENIED"}}),
    "timeline_error_code_mismatch": ("OTHER", {"written mismatch": {"OTHER"}}),
    "attempt_unit": ("message", {"attempts": 3}),
    "delivery_type": ("bigquery", {"delivery type": {"bigquery"}}),
    "response_class_ok": ("success", {"class ok": {"success"}}),
    "response_class_refused": ("error", {"class refused": {"error"}}),
    "response_code_row": ("schema_error", {"codes": {"schema_error", "success"}}),
    "response_code_missing_table": ("gone", {"code missing": {"gone"}}),
    "response_code_denied": ("forbidden", {"code denied": {"forbidden"}}),
    "response_code_mismatch": ("mismatched", {"code mismatch": {"mismatched"}}),
    "message_sizes_counts": ("batches", {"sizes": 1}),
    "send_request_counts": ("messages", {"requests": 3}),
    "ack_count_has_bigquery": (False, {"acknowledged": None, "sent": None}),
    "dead_letter_count_written": (False, {"dead-lettered": None}),
    "push_latency_ms": (80, {"latency": 80_000.0}),
}
"""Fields with another value, and the facts that it changes."""

RETRY = types.RetryPolicy(
    minimum_backoff=duration_pb2.Duration(seconds=600), maximum_backoff=duration_pb2.Duration(seconds=600)
)


def waiting_room(lab: Lab, topic: str) -> str:
    """A subscription that holds what is published to a topic."""
    name = f"{NAME}/subscriptions/{lab.fresh('kept-')}"
    lab.subscriber.create_subscription(name=name, topic=topic)
    return name


def pulled(lab: Lab, subscription: str) -> list[Any]:
    request = {"subscription": subscription, "max_messages": 10, "return_immediately": True}
    return [each.message for each in lab.subscriber.pull(request=request, retry=None).received_messages]


def let_write(lab: Lab, table: str, *, allowed: bool) -> None:
    """Give the service agent its right on a table, or take it away, by the table's policy."""
    full = f"{PROJECT}.{DATASET}.{table}"
    policy = lab.bigquery.get_iam_policy(full)
    policy.bindings = [{"role": "roles/bigquery.dataEditor", "members": {AGENT}}] if allowed else []
    lab.bigquery.set_iam_policy(full, policy)


def state(lab: Lab, subscription: str) -> str:
    return str(lab.subscriber.get_subscription(subscription=subscription).bigquery_config.state.name)


def labels(series: Iterable[Any], key: str) -> set[str]:
    return {each.metric.labels[key] for each in series}


def delivery(lab: Lab) -> Facts:
    """Good and bad messages to tables that take them, are gone, may not be written, and have another schema."""
    landed = bigquery.SchemaField("landed", "TIMESTAMP", default_value_expression="CURRENT_TIMESTAMP()")
    tables = {"good": lab.table(landed), "row": lab.table(data="JSON"), "denied": lab.table()}
    tables |= {"missing": lab.table(), "mismatch": lab.table(data="INT64")}
    dead, unheard = lab.topic(), lab.topic()
    room, missing_room = waiting_room(lab, dead), waiting_room(lab, missing_dead := lab.topic())
    policies: dict[str, dict[str, Any]] = {
        "row": {"dead_letter_policy": types.DeadLetterPolicy(dead_letter_topic=dead), "retry_policy": RETRY},
        "missing": {"dead_letter_policy": types.DeadLetterPolicy(dead_letter_topic=missing_dead)},
    }
    pipelines = {name: lab.pipeline(table, **policies.get(name, {})) for name, table in tables.items()}
    lost = lab.pipeline(tables["row"], dead_letter_policy=types.DeadLetterPolicy(dead_letter_topic=unheard))
    let_write(lab, tables["denied"], allowed=True)
    let_write(lab, tables["denied"], allowed=False)
    lab.bigquery.delete_table(f"{DATASET}.{tables['missing']}")
    lab.publish(pipelines["good"][0], b"a", b"b", b"c")
    lab.publish(pipelines["row"][0], b'{"good": 1}', b"bad")
    lab.publish(lost[0], b"bad")
    for name in ("denied", "missing", "mismatch"):
        lab.publish(pipelines[name][0], b"1")
    lab.advance(300)
    letters = pulled(lab, room)
    early: dict[str, Any] = {
        **{name: state(lab, pipelines[name][1]) for name in ("good", "missing", "denied", "mismatch")},
        "dead letters": len(letters),
        "delivery attempts": {each.attributes.get("CloudPubSubDeadLetterSourceDeliveryCount") for each in letters},
    }
    lab.advance(600)
    late = {
        "lost dead letters": backlog(lab, lost[1]),
        "missing waiting": backlog(lab, pipelines["missing"][1]),
        "denied waiting": backlog(lab, pipelines["denied"][1]),
        "missing dead letters": len(pulled(lab, missing_room)),
    }
    found = [
        early,
        late,
        metrics(lab, pipelines),
        rows(lab, tables),
        timeline(lab, tables),
        repaired(lab, tables, pipelines),
    ]
    return {name: value for facts in found for name, value in facts.items()}


def backlog(lab: Lab, subscription: str) -> int:
    """The newest number of messages that wait."""
    (series,) = lab.series(BACKLOG, subscription)
    return int(series.points[0].value.int64_value)


def metrics(lab: Lab, pipelines: dict[str, tuple[str, str]]) -> Facts:
    topic, good = pipelines["good"]
    pushes = {name: lab.series(PUSHES, subscription) for name, (_, subscription) in pipelines.items()}
    (latency,) = {point.value.distribution_value.mean for each in lab.series(LATENCIES, good) for point in each.points}
    return {
        "attempts": lab.total(PUSHES, good),
        "refused attempts": sum(
            point.value.int64_value
            for each in pushes["row"]
            if each.metric.labels["response_code"] != "success"
            for point in each.points
        ),
        "delivery type": labels(pushes["good"], "delivery_type"),
        "class ok": labels(pushes["good"], "response_class"),
        "class refused": labels(pushes["denied"], "response_class"),
        "codes": labels(pushes["row"], "response_code"),
        **{f"code {name}": labels(pushes[name], "response_code") for name in ("missing", "denied", "mismatch")},
        "latency": latency,
        "sizes": sum(
            point.value.distribution_value.count for each in lab.series(SIZES, topic) for point in each.points
        ),
        "requests": lab.total(REQUESTS, topic),
        "acknowledged": lab.total(ACKED, good),
        "sent": lab.total(SENT, good),
        "dead-lettered": lab.total(DEAD, pipelines["row"][1]),
    }


def rows(lab: Lab, tables: dict[str, str]) -> Facts:
    counted = ", ".join(f"COUNT({name}) AS {name}" for name in METADATA)
    (found,) = lab.rows(f"SELECT COUNT(*) AS n, COUNT(landed) AS landed, {counted} FROM {DATASET}.{tables['good']}")
    return {
        "rows": found["n"],
        "default": found["landed"],
        "metadata": {name for name in METADATA if found[name]},
        "good beside bad": lab.value(f"SELECT COUNT(*) FROM {DATASET}.{tables['row']}"),
    }


def timeline(lab: Lab, tables: dict[str, str]) -> Facts:
    listed = ", ".join(f"'{name}'" for name in tables.values())
    found = lab.rows(
        "SELECT table_id, error_code, stream_type, SUM(total_requests) AS requests "
        f"FROM `region-us-central1`.INFORMATION_SCHEMA.WRITE_API_TIMELINE WHERE table_id IN ({listed}) GROUP BY 1, 2, 3"
    )
    codes = {name: {row["error_code"] for row in found if row["table_id"] == table} for name, table in tables.items()}
    return {
        "writes": sum(row["requests"] for row in found if row["table_id"] == tables["good"]),
        "stream type": {row["stream_type"] for row in found},
        **{f"written {name}": each for name, each in codes.items()},
    }


def repaired(lab: Lab, tables: dict[str, str], pipelines: dict[str, tuple[str, str]]) -> Facts:
    let_write(lab, tables["denied"], allowed=True)
    lab.advance(600)
    return {
        "recovered": state(lab, pipelines["denied"][1]),
        "came later": lab.value(f"SELECT COUNT(*) FROM {DATASET}.{tables['denied']}"),
    }


@pytest.fixture(scope="module")
def usual(lab: Lab) -> Facts:
    return delivery(lab)


def test_what_subscriptions_do_by_default(usual: Facts) -> None:
    assert usual == {
        "rows": 3,
        "default": 0,
        "metadata": set(METADATA),
        "good beside bad": 1,
        "good": "ACTIVE",
        "missing": "NOT_FOUND",
        "denied": "PERMISSION_DENIED",
        "mismatch": "SCHEMA_MISMATCH",
        "recovered": "ACTIVE",
        "came later": 1,
        "missing waiting": 1,
        "denied waiting": 1,
        "missing dead letters": 0,
        "lost dead letters": 0,
        "dead letters": 1,
        "dead-lettered": 1,
        "delivery attempts": {"5"},
        "refused attempts": 5,
        "attempts": 1,
        "delivery type": {"push"},
        "class ok": {"ack"},
        "class refused": {"invalid"},
        "codes": {"success", "invalid_argument"},
        "code missing": {"not_found"},
        "code denied": {"permission_denied"},
        "code mismatch": {"failed_precondition"},
        "latency": 40_000.0,
        "sizes": 3,
        "requests": 1,
        "acknowledged": 3,
        "sent": 3,
        "writes": 1,
        "stream type": {"DEFAULT"},
        "written good": {"OK"},
        "written row": {"OK", "INVALID_ARGUMENT"},
        "written missing": {"NOT_FOUND"},
        "written denied": {"PERMISSION_DENIED"},
        "written mismatch": {"INVALID_ARGUMENT"},
    }


@pytest.mark.parametrize("name", DELIVERY)
def test_subscriptions_behave_otherwise_in_this_alone(lab: Lab, usual: Facts, name: str) -> None:
    value, expected = DELIVERY[name]
    lab.behave(**{name: value})
    try:
        assert differences(usual, delivery(lab)) == expected
    finally:
        lab.behave(**{name: Conduct().as_json()[name]})


def test_every_batch_is_written_twice_when_told_so(lab: Lab) -> None:
    lab.behave(duplicate_ratio=1)
    try:
        table = lab.table()
        topic, _ = lab.pipeline(table)
        lab.publish(topic, b"a", b"b", b"c")
        lab.advance(600)
        found = lab.rows(f"SELECT COUNT(*), COUNT(DISTINCT message_id) FROM {DATASET}.{table}")
    finally:
        lab.behave(duplicate_ratio=0)
    assert tuple(found[0]) == (6, 3)
