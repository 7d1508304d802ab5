"""The throwaway pipelines of ``exporter verify`` are those of the module ``pipeline``, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.pubsub_v1 import types

from exporter.verify import pipeline as throwaway
from exporter.verify.lab import Place
from exporter.verify.pipeline import BY_NAME, PIPELINES, Pipeline
from tests.terraform.pipelines import agent
from tests.terraform.standin.schemas import VERSIONS
from tests.terraform.workspace import Plan, Workspaces

PLACE = Place("acme-data", "us-central1", "us-central1", "6aeb1e409c13")

KINDS = [BY_NAME[name] for name in ("main", "plain", "deleted")]


def test_the_others_differ_in_their_names_only() -> None:
    alike = {replace(pipeline, name="") for pipeline in PIPELINES}
    assert alike == {replace(pipeline, name="") for pipeline in KINDS}


@pytest.fixture(scope="module")
def plans(workspaces: Workspaces) -> Mapping[str, Plan]:
    """A plan of the module for each kind of throwaway pipeline."""
    found = {}
    for pipeline in KINDS:
        plan = workspaces.copy("terraform/modules/pipeline", VERSIONS[-1]).plan(inputs(pipeline))
        assert plan.said == ""
        found[pipeline.name] = plan
    return found


def inputs(pipeline: Pipeline) -> dict[str, Any]:
    """What the module is told, so that it makes such a pipeline."""
    name = {"project": PLACE.project, "id": PLACE.name(pipeline.name)}
    table = {"project": PLACE.project, "dataset": PLACE.dataset, "table": pipeline.name}
    return {
        "system": {
            "id": pipeline.name,
            "location": PLACE.location,
            "topic": name,
            "subscription": name,
            "table": table,
            "view": {**table, "table": f"{pipeline.name}_view"} if pipeline.view else None,
        },
        "data_type": pipeline.data_type,
        "labels": PLACE.labels,
    }


@pytest.mark.parametrize("pipeline", KINDS, ids=lambda pipeline: pipeline.name)
def test_tables_are_those_of_the_module(plans: Mapping[str, Plan], pipeline: Pipeline) -> None:
    planned = plans[pipeline.name].after("google_bigquery_table.main")
    ours = throwaway.table_resource(PLACE, pipeline)
    assert ours["tableReference"] == {
        "projectId": planned["project"],
        "datasetId": planned["dataset_id"],
        "tableId": planned["table_id"],
    }
    assert ours["schema"]["fields"] == json.loads(planned["schema"])
    assert (ours["description"], ours["labels"]) == (planned["description"], planned["labels"])
    (partitioning,) = planned["time_partitioning"]
    assert ours["timePartitioning"] == {key: value for key, value in partitioning.items() if value is not None}
    assert not planned["require_partition_filter"]


def test_the_view_is_that_of_the_module(plans: Mapping[str, Plan]) -> None:
    planned = plans["main"].after('google_bigquery_table.view["acme-data.exporter_verify_6aeb1e409c13.main_view"]')
    ours = throwaway.view_resource(PLACE, BY_NAME["main"])
    assert ours["view"] == {"query": planned["view"][0]["query"], "useLegacySql": planned["view"][0]["use_legacy_sql"]}
    assert (ours["description"], ours["labels"]) == (planned["description"], planned["labels"])
    assert ours["tableReference"]["tableId"] == planned["table_id"]


@pytest.mark.parametrize("pipeline", KINDS, ids=lambda pipeline: pipeline.name)
def test_subscriptions_are_those_of_the_module(plans: Mapping[str, Plan], pipeline: Pipeline) -> None:
    planned = plans[pipeline.name].after("google_pubsub_subscription.main")
    ours = as_planned(throwaway.subscription_resource(PLACE, pipeline))
    wanted = {key: planned.get(key) for key in ours}
    # The topics' names are known after apply: those of the plan's own topics.
    given = {"topic", "dead_letter_topic"}
    assert without(ours, given) == without(wanted, given)
    assert (
        ours["topic"] == f"projects/acme-data/topics/{plans[pipeline.name].after('google_pubsub_topic.main')['name']}"
    )
    # Without a dead-letter policy a pipeline lacks the one thing that the module always makes.
    assert unplanned(ours, planned) == (set() if pipeline.dead_letters else {"dead_letter_policy"})


def test_dead_letters_are_those_of_the_module(plans: Mapping[str, Plan]) -> None:
    plan, main = plans["main"], BY_NAME["main"]
    planned = plan.after("google_pubsub_subscription.dead_letters")
    ours = as_planned(throwaway.dead_letter_subscription_resource(PLACE, main))
    assert without(ours, {"topic"}) == without({key: planned.get(key) for key in ours}, {"topic"})
    assert unplanned(ours, planned) == set()
    topic = plan.after("google_pubsub_topic.dead_letters")
    assert main.dead_letter_topic(PLACE) == f"projects/acme-data/topics/{topic['name']}" == ours["topic"]
    policy = throwaway.subscription_resource(PLACE, main).dead_letter_policy
    assert policy.dead_letter_topic == ours["topic"]
    assert topic["labels"] == main.labels(PLACE)


def test_rights_are_those_of_the_module(plans: Mapping[str, Plan]) -> None:
    plan = plans["main"]
    granted = {plan.after(each)["role"] for each in plan.changes if "_iam_" in each}
    members = {plan.after(each)["member"] for each in plan.changes if "_iam_" in each}
    assert granted == {throwaway.WRITER, throwaway.PUBLISHER, throwaway.SUBSCRIBER}
    assert members == {agent("acme-data")}


def test_nothing_of_the_module_is_missing(plans: Mapping[str, Plan]) -> None:
    assert sorted(each.split(".")[0] for each in plans["main"].changes) == [
        "google_bigquery_table",
        "google_bigquery_table",
        "google_bigquery_table_iam_member",
        "google_pubsub_subscription",
        "google_pubsub_subscription",
        "google_pubsub_subscription_iam_member",
        "google_pubsub_topic",
        "google_pubsub_topic",
        "google_pubsub_topic_iam_member",
        "terraform_data",  # which keeps a protected pipeline
    ]


def as_planned(made: types.Subscription) -> dict[str, Any]:
    """A subscription of the API as Terraform writes it: blocks are lists, the name is an id, no time to live is never."""
    given = MessageToDict(types.Subscription.pb(made), preserving_proto_field_name=True)
    project, name = given.pop("name").split("/")[1::2]
    given["project"], given["name"] = project, name
    policy = given.pop("expiration_policy")
    given["expiration_policy"] = [{"ttl": policy.get("ttl", "")}]
    if "bigquery_config" in given:
        unset = {"use_topic_schema": False, "use_table_schema": False, "drop_unknown_fields": False}
        given["bigquery_config"] = [{**unset, **given["bigquery_config"]}]
        given["retry_policy"] = [given["retry_policy"]]
    if "dead_letter_policy" in given:
        given["dead_letter_policy"] = [given["dead_letter_policy"]]
    return given


def without(value: Any, names: set[str]) -> Any:
    """A value without some keys, nor those that have no value, however deep."""
    if isinstance(value, Mapping):
        return {key: without(each, names) for key, each in value.items() if key not in names and each is not None}
    return [without(each, names) for each in value] if isinstance(value, list) else value


def unplanned(ours: Mapping[str, Any], planned: Mapping[str, Any]) -> set[str]:
    """What the module sets and we do not: all that has a value in the plan, but for what belongs to Terraform itself."""
    terraforms = {"timeouts", "effective_labels", "terraform_labels", "id", "deletion_policy"}
    return {key for key, value in planned.items() if value not in (None, [], {}, False)} - ours.keys() - terraforms
