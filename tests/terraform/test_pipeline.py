"""The module ``pipeline``: one system as it should be, and every input that the API would refuse, refused before."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.rest import Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from tests.builders import T0
from tests.terraform.inventory import Mistake, assert_creates, refusals
from tests.terraform.pipelines import AVRO, FULL, FULL_INVENTORY, MINIMAL, MINIMAL_INVENTORY, SYSTEM, VIEW, agent
from tests.terraform.problems import Problem
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.workspace import Workspace, Workspaces
from tests.torture.length import some

MODULE = "terraform/modules/pipeline"


def system(**changes: Any) -> dict[str, Any]:
    return {"system": {**SYSTEM, **changes}}


def schema(**changes: Any) -> dict[str, Any]:
    return {"schema": {"name": "departure", "type": "AVRO", "definition": AVRO, **changes}}


def column(**changes: Any) -> dict[str, Any]:
    return {"columns": [{"name": "checked", "type": "BOOL", **changes}]}


PROTO = 'syntax = "proto3";'
CALL = """
variable "system" { type = any }

module "pipeline" {
  source = "../modules/pipeline"
  system = var.system
}
"""

MISTAKES: Mapping[str, Mistake] = {
    each.where: each
    for each in (
        Mistake("id", system(id="Departures"), "system.id must be"),
        Mistake("location", system(location="aws-us-east-1"), "system.location must be"),
        Mistake("topic_short", system(topic={"project": "acme-data", "id": "t"}), "system.topic, system.subscription"),
        Mistake(
            "topic_goog", system(topic={"project": "acme-data", "id": "google"}), "system.topic, system.subscription"
        ),
        Mistake(
            "subscription",
            system(subscription={"project": "acme-data", "id": "a b c"}),
            "system.topic, system.subscription",
        ),
        Mistake("project", system(topic={"project": "Acme", "id": "departures"}), "system: a project id is"),
        Mistake("dataset", system(table={**VIEW, "dataset": "raw-data"}), "system.table and system.view"),
        Mistake("table", system(table={**VIEW, "table": "a.b"}), "system.table and system.view"),
        Mistake("view", system(view=SYSTEM["table"]), "system.view is the table itself"),
        Mistake(
            "dead_letters",
            system(dead_letter_subscription=SYSTEM["subscription"]),
            "system.dead_letter_subscription is the subscription itself",
        ),
        Mistake("dead_letter_topic", {"dead_letter_topic": "goog-dead"}, "dead_letter_topic must be"),
        Mistake("attempts_low", {"max_delivery_attempts": 4}, "max_delivery_attempts must be"),
        Mistake("attempts_high", {"max_delivery_attempts": 101}, "max_delivery_attempts must be"),
        Mistake("attempts_part", {"max_delivery_attempts": 5.5}, "max_delivery_attempts must be"),
        Mistake("retention_short", {"message_retention": "599s"}, "message_retention must be"),
        Mistake("retention_long", {"message_retention": "2678401s"}, "message_retention must be"),
        Mistake("retention_unit", {"message_retention": "7d"}, "message_retention must be"),
        Mistake("backoff_long", {"max_backoff": "601s"}, "max_backoff must be 0s to 600s"),
        Mistake("backoff_unit", {"min_backoff": "1m"}, "min_backoff must be 0s to 600s"),
        Mistake(
            "backoff_order",
            {"min_backoff": "60s", "max_backoff": "30s"},
            "max_backoff must not be shorter than min_backoff",
        ),
        Mistake("data_type", {"data_type": "BLOB"}, "data_type must be"),
        Mistake("partition_by", {"partition_by": "event_time"}, "partition_by must be"),
        Mistake("partition_unit", {"partition_unit": "WEEK"}, "partition_unit must be"),
        Mistake("partition_days", {"partition_expiration_days": 0}, "partition_expiration_days must be above 0"),
        Mistake(
            "partition_many",
            {"partition_unit": "HOUR", "partition_expiration_days": 500},
            "a table takes 10,000 partitions",
        ),
        Mistake("column_name", column(name="2nd"), "columns: a name is"),
        Mistake("column_kept", column(name="_PARTITIONTIME"), "columns: a name is"),
        Mistake("column_taken", column(name="Publish_Time"), "columns: each name may be used once"),
        Mistake("column_type", column(type="RECORD"), "columns: a type must be"),
        Mistake("column_mode", column(mode="OPTIONAL"), "columns: a mode must be"),
        Mistake("column_required", column(mode="REQUIRED"), "columns: Pub/Sub fills only its own"),
        Mistake(
            "column_missing",
            {"columns": [], "use_table_schema": True},
            "columns: with use_table_schema or use_topic_schema",
        ),
        Mistake("unknown_fields", {"drop_unknown_fields": True}, "drop_unknown_fields needs"),
        Mistake(
            "both_schemas",
            {**column(), **schema(), "use_table_schema": True, "use_topic_schema": True},
            "exclude each other",
        ),
        Mistake("no_schema", {**column(), "schema": None, "use_topic_schema": True}, "schema is missing"),
        Mistake("schema_name", schema(name="x"), "schema.name must be"),
        Mistake("schema_type", schema(type="XML"), "schema.type must be"),
        Mistake("schema_encoding", schema(encoding="TEXT"), "schema.encoding must be"),
        Mistake("schema_avro", schema(definition="{"), "schema.definition: an Avro schema is"),
        Mistake(
            "schema_proto",
            schema(type="PROTOCOL_BUFFER", definition=PROTO),
            "schema.definition: a Protocol Buffer schema needs",
        ),
        Mistake("schema_long", schema(definition=AVRO + " " * 2**19), "schema.definition: Pub/Sub takes 300 KiB"),
        Mistake("schema_unread", {**system(view=VIEW), **schema(encoding="BINARY")}, "cannot read BINARY"),
        Mistake("view_query", {"view_query": "SELECT 1"}, "view_query is given, but system.view is not"),
        Mistake("label", {"labels": {"Team": "x"}}, "labels: at most 63"),
        Mistake("publisher", {"publishers": ["allUsers"]}, "publishers: a member is written"),
        Mistake("publisher_any", {"publishers": ["allAuthenticatedUsers"]}, "publishers: a member is written"),
        Mistake("agent", {"pubsub_service_agent": "me@example.com"}, "pubsub_service_agent must be"),
    )
}


@pytest.fixture(params=some(VERSIONS, 1))
def workspace(workspaces: Workspaces, request: pytest.FixtureRequest) -> Workspace:
    return workspaces.copy(MODULE, request.param)


@pytest.fixture(scope="module")
def refused(workspaces: Workspaces) -> dict[str, list[Problem]]:
    return refusals(workspaces, VERSIONS[-1], "../modules/pipeline", MINIMAL, MISTAKES)


def columns_of(planned: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["name"]: (each["type"], each["mode"]) for each in json.loads(planned["schema"])}


def test_it_is_formatted_and_valid(workspace: Workspace) -> None:
    assert workspace.fmt().said == ""
    assert workspace.validate().said == ""


def test_a_minimal_pipeline(workspace: Workspace) -> None:
    plan = workspace.plan(MINIMAL)
    assert_creates(plan, MINIMAL_INVENTORY)
    assert columns_of(plan.after("google_bigquery_table.main")) == {
        "data": ("BYTES", "REQUIRED"),
        "subscription_name": ("STRING", "NULLABLE"),
        "message_id": ("STRING", "NULLABLE"),
        "publish_time": ("TIMESTAMP", "NULLABLE"),
        "attributes": ("JSON", "NULLABLE"),
    }


def test_a_full_pipeline_across_projects(workspace: Workspace) -> None:
    plan = workspace.plan(FULL)
    assert_creates(plan, FULL_INVENTORY)
    columns = columns_of(plan.after("google_bigquery_table.main"))
    assert columns["data"] == ("BYTES", "NULLABLE")
    assert columns["checked_at"] == ("TIMESTAMP", "NULLABLE")


def test_it_is_applied_once_and_can_be_taken_away(workspace: Workspace) -> None:
    assert workspace.apply(FULL).said == ""
    assert workspace.plan(FULL).changes == {}
    assert workspace.outputs() == {
        "dead_letter_subscription": "projects/acme-subs/subscriptions/departures-dlq",
        "dead_letter_topic": "projects/acme-subs/topics/departures-dead",
        "service_agent": agent("acme-subs"),
        "subscription": "projects/acme-subs/subscriptions/departures-bq",
        "table": SYSTEM["table"],
        "topic": "projects/acme-topics/topics/departures",
        "view": "acme-views.curated.departures",
    }
    resources = workspace.resources()
    main = resources["google_pubsub_subscription.main"]
    assert main["topic"] == "projects/acme-topics/topics/departures"
    assert main["dead_letter_policy"][0]["dead_letter_topic"] == "projects/acme-subs/topics/departures-dead"
    assert resources["google_pubsub_subscription.dead_letters"]["topic"] == "projects/acme-subs/topics/departures-dead"
    assert (
        resources["google_pubsub_topic.main"]["schema_settings"][0]["schema"]
        == "projects/acme-topics/schemas/departure"
    )
    assert workspace.destroy(FULL).said == ""
    assert workspace.resources() == {}


def test_a_protected_pipeline_is_not_deleted_in_parts(workspaces: Workspaces) -> None:
    workspace = workspaces.copy(MODULE, VERSIONS[-1])
    assert workspace.apply(MINIMAL).said == ""
    before = workspace.resources()
    assert "The pipeline of departures is protected" in workspace.destroy(MINIMAL).said
    assert workspace.resources() == before
    # What was allowed to go can go.
    assert workspace.apply({**MINIMAL, "deletion_protection": False}).said == ""
    assert workspace.destroy({**MINIMAL, "deletion_protection": False}).said == ""


def test_what_holds_messages_is_protected_by_itself(workspaces: Workspaces) -> None:
    """Where the whole module is taken out of the files, nothing else is left to refuse; nor is anything made anew under another name."""
    workspace = workspaces.written({"main.tf": CALL}, VERSIONS[-1])
    assert workspace.apply({"system": SYSTEM}).said == ""
    renamed = workspace.apply(
        {"system": {**SYSTEM, "subscription": {"project": "acme-data", "id": "departures-other"}}}
    )
    assert "subscriptions/departures-bq: deletion_policy" in renamed.said
    (workspace.folder / "main.tf").write_text("")
    said = workspace.apply().said
    assert "subscriptions/departures-bq: deletion_policy" in said
    left = {address for address in workspace.resources() if "_iam_" not in address}
    assert {address.removeprefix("module.pipeline.") for address in left} >= {
        "google_bigquery_table.main",
        "google_pubsub_subscription.dead_letters",
        "google_pubsub_subscription.main",
        "google_pubsub_topic.dead_letters",
        "google_pubsub_topic.main",
    }


def test_fields_of_messages_become_columns(workspaces: Workspaces) -> None:
    chosen = {
        **system(view=VIEW),
        "columns": [{"name": "flight", "type": "STRING", "mode": "REQUIRED"}, {"name": "gate", "type": "STRING"}],
        "use_table_schema": True,
        "drop_unknown_fields": True,
    }
    plan = workspaces.copy(MODULE, VERSIONS[-1]).plan(chosen)
    assert plan.said == ""
    assert columns_of(plan.after("google_bigquery_table.main"))["flight"] == ("STRING", "REQUIRED")
    assert "data" not in columns_of(plan.after("google_bigquery_table.main"))
    (written,) = plan.after("google_pubsub_subscription.main")["bigquery_config"]
    assert (written["use_table_schema"], written["drop_unknown_fields"]) == (True, True)
    query = plan.after('google_bigquery_table.view["acme-data.curated.departures"]')["view"][0]["query"]
    assert "`flight`,\n  `gate`," in query


def test_a_known_service_agent_is_not_looked_up(workspaces: Workspaces) -> None:
    known = "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"
    workspace = workspaces.copy(MODULE, VERSIONS[-1])
    plan = workspace.plan({**MINIMAL, "pubsub_service_agent": known})
    assert plan.said == ""
    assert plan.after("google_bigquery_table_iam_member.service_agent")["member"] == f"serviceAccount:{known}"
    assert "google_project" not in json.dumps(plan.document["prior_state"])


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_by_name(refused: dict[str, list[Problem]], mistake: Mistake) -> None:
    (error,) = refused[mistake.where]
    assert mistake.said in error.detail.replace("\n", " ")


@pytest.mark.parametrize(
    "changes",
    [
        {"dead_letter_topic": "departures"},
        system(dead_letter_subscription={"project": "acme-data", "id": "departures"}),
    ],
    ids=["named", "after_its_subscription"],
)
def test_dead_letters_do_not_go_back_to_where_they_came_from(workspaces: Workspaces, changes: dict[str, Any]) -> None:
    plan = workspaces.copy(MODULE, VERSIONS[-1]).plan({**MINIMAL, **changes})
    assert "dead_letter_topic: departures is the system's own topic" in plan.said


def test_nothing_but_the_mistakes_is_refused(refused: dict[str, list[Problem]]) -> None:
    assert refused.keys() == MISTAKES.keys()


def test_roles_are_narrow_and_members_are_somebody(workspaces: Workspaces) -> None:
    plan = workspaces.copy(MODULE, VERSIONS[-1]).plan(FULL)
    granted = [(each, plan.after(each)) for each in plan.changes if "_iam_" in each]
    assert {(address.split(".")[0], given["role"]) for address, given in granted} == {
        ("google_bigquery_table_iam_member", "roles/bigquery.dataEditor"),
        ("google_pubsub_subscription_iam_member", "roles/pubsub.subscriber"),
        ("google_pubsub_topic_iam_member", "roles/pubsub.publisher"),
    }
    assert all(given["member"].partition(":")[2] for _, given in granted)


@pytest.fixture(scope="module")
def client() -> Iterator[bigquery.Client]:
    """A client of a sandboxed BigQuery."""
    clock = Clock(T0 + timedelta(days=1), speed=0)
    engine = BigQuery(clock, Faults(), Iam())
    with Server(engine, _StandingWorld(clock)) as server:
        options = ClientOptions(api_endpoint=server.url)
        client = bigquery.Client(project="acme-data", credentials=AnonymousCredentials(), client_options=options)
        yield client
        client.close()
    engine.close()


class _StandingWorld:
    """A world in which nothing happens by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def settle(self) -> int:
        return self._clock.now_us()


BODIES = (b'{"flight": "AA 1", "delay": 0.1}', b"\xff\xfe", b"no JSON", b"")


@pytest.mark.parametrize("data_type", ["BYTES", "STRING"])
def test_the_view_decodes_what_it_can_and_keeps_every_row(
    workspaces: Workspaces, client: bigquery.Client, data_type: str
) -> None:
    table = {**SYSTEM["table"], "dataset": f"raw_{data_type.lower()}"}
    plan = workspaces.copy(MODULE, VERSIONS[-1]).plan({**system(view=VIEW, table=table), "data_type": data_type})
    assert plan.said == ""
    planned = plan.after("google_bigquery_table.main")
    client.create_dataset(planned["dataset_id"])
    made = bigquery.Table(
        f"acme-data.{planned['dataset_id']}.departures",
        schema=[bigquery.SchemaField.from_api_repr(each) for each in json.loads(planned["schema"])],
    )
    made.time_partitioning = bigquery.TimePartitioning(type_=planned["time_partitioning"][0]["type"])
    client.create_table(made)
    bodies = [body for body in BODIES if data_type == "BYTES" or body.isascii()]
    sent = [base64.b64encode(body).decode() if data_type == "BYTES" else body.decode() for body in bodies]
    rows = [{"data": data, "message_id": str(place), "attributes": "{}"} for place, data in enumerate(sent)]
    assert client.insert_rows_json(made, rows) == []

    query = plan.after('google_bigquery_table.view["acme-data.curated.departures"]')["view"][0]["query"]
    # The one argument that the sandbox does not know: it keeps numbers that have no exact binary form from making the whole body NULL.
    assert query.count(", wide_number_mode => 'round'") == 1
    view = query.replace(", wide_number_mode => 'round'", "")
    answer = client.query_and_wait(
        f"SELECT message_id, JSON_VALUE(data, '$.flight') AS flight, partition_time FROM ({view}) ORDER BY message_id"
    )
    found = [tuple(row.values()) for row in answer]
    assert [row[:2] for row in found] == [("0", "AA 1"), *[(str(place), None) for place in range(1, len(bodies))]]
