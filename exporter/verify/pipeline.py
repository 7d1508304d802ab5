"""The throwaway pipelines: what ``terraform/modules/pipeline`` makes, as data, and how it is made through the APIs.

A test plans that module and compares every field (``tests/terraform/test_verify.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.pubsub_v1 import types

from exporter.errors import Transient
from exporter.sources.bigquery import library as bigquery
from exporter.verify import heartbeat
from exporter.verify.lab import Lab, Place
from exporter.verify.questions import CouldNotAsk
from exporter.verify.services import ONCE

TIMEOUT_S = 30.0
RETENTION_S = 604_800
MAX_DELIVERY_ATTEMPTS = 5
MIN_BACKOFF_S, MAX_BACKOFF_S = 10, 600
WRITER, PUBLISHER, SUBSCRIBER = "roles/bigquery.dataEditor", "roles/pubsub.publisher", "roles/pubsub.subscriber"

AGENT = "pubsub service agent"
"""The fact that holds the account which writes the tables, as an IAM member."""

_THERE = "there"
_METADATA = (
    ("subscription_name", "STRING", "Subscription that wrote the row"),
    ("message_id", "STRING", "Pub/Sub's id of the message: rows that share it are duplicates"),
    ("publish_time", "TIMESTAMP", "When Pub/Sub took the message"),
    ("attributes", "JSON", "Attributes and ordering key of the message"),
)
_DECODED = {
    "BYTES": "SAFE.PARSE_JSON(SAFE_CONVERT_BYTES_TO_STRING(data), wide_number_mode => 'round')",
    "JSON": "data",
}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One throwaway system; ``data_type`` is that of the column ``data``: JSON refuses messages that are none."""

    name: str
    data_type: str = "BYTES"
    dead_letters: bool = True
    view: bool = False

    def table(self, place: Place) -> str:
        """The table that is written, as ``project.dataset.table``."""
        return f"{place.project}.{place.dataset}.{self.name}"

    def topic(self, place: Place) -> str:
        """The topic's full name."""
        return f"projects/{place.project}/topics/{place.name(self.name)}"

    def subscription(self, place: Place) -> str:
        """The full name of the subscription that writes the table."""
        return f"projects/{place.project}/subscriptions/{place.name(self.name)}"

    def dead_letter_topic(self, place: Place) -> str:
        """The full name of the topic that takes what could not be written."""
        return f"{self.topic(place)}-dead-letters"

    def dead_letter_subscription(self, place: Place) -> str:
        """The full name of the subscription that keeps it."""
        return f"{self.subscription(place)}-dead-letters"

    def labels(self, place: Place) -> dict[str, str]:
        """Labels of all its parts."""
        return {**place.labels, "system": self.name}


PIPELINES = (
    Pipeline("main", data_type="JSON", view=True),
    Pipeline("plain", data_type="JSON", dead_letters=False),
    Pipeline("deleted"),
    Pipeline("denied"),
    Pipeline("mismatch"),
)
BY_NAME = {pipeline.name: pipeline for pipeline in PIPELINES}


def table_resource(place: Place, pipeline: Pipeline) -> dict[str, Any]:
    """The table as BigQuery's API takes it (v2, Table)."""
    fields = [
        {"name": "data", "type": pipeline.data_type, "mode": "REQUIRED", "description": "Body of the message"},
        *({"name": name, "type": kind, "mode": "NULLABLE", "description": what} for name, kind, what in _METADATA),
    ]
    topic, subscription = place.name(pipeline.name), place.name(pipeline.name)
    return {
        "tableReference": {"projectId": place.project, "datasetId": place.dataset, "tableId": pipeline.name},
        "description": f"Messages of {topic}, written by the subscription {subscription}",
        "labels": pipeline.labels(place),
        "schema": {"fields": fields},
        "timePartitioning": {"type": "DAY"},
    }


def view_resource(place: Place, pipeline: Pipeline) -> dict[str, Any]:
    """The view that decodes the table's rows."""
    columns = [name for name, _, _ in _METADATA]
    columns += [f"{_DECODED[pipeline.data_type]} AS data", "_PARTITIONTIME AS partition_time"]
    query = "SELECT\n  {}\nFROM `{}`\n".format(",\n  ".join(columns), pipeline.table(place))
    return {
        "tableReference": {"projectId": place.project, "datasetId": place.dataset, "tableId": f"{pipeline.name}_view"},
        "description": f"Messages of {place.name(pipeline.name)}, decoded",
        "labels": pipeline.labels(place),
        "view": {"query": query, "useLegacySql": False},
    }


def dataset_resource(place: Place) -> dict[str, Any]:
    """The dataset that all pipelines share."""
    return {
        "datasetReference": {"projectId": place.project, "datasetId": place.dataset},
        "location": place.location,
        "labels": place.labels,
    }


def subscription_resource(place: Place, pipeline: Pipeline) -> types.Subscription:
    """The subscription that writes the table."""
    made = types.Subscription(
        name=pipeline.subscription(place),
        topic=pipeline.topic(place),
        labels=pipeline.labels(place),
        message_retention_duration={"seconds": RETENTION_S},
        bigquery_config=types.BigQueryConfig(table=pipeline.table(place), write_metadata=True),
        retry_policy=types.RetryPolicy(
            minimum_backoff={"seconds": MIN_BACKOFF_S}, maximum_backoff={"seconds": MAX_BACKOFF_S}
        ),
        expiration_policy=types.ExpirationPolicy(),
    )
    if pipeline.dead_letters:
        made.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=pipeline.dead_letter_topic(place), max_delivery_attempts=MAX_DELIVERY_ATTEMPTS
        )
    return made


def dead_letter_subscription_resource(place: Place, pipeline: Pipeline) -> types.Subscription:
    """The subscription that keeps dead letters."""
    return types.Subscription(
        name=pipeline.dead_letter_subscription(place),
        topic=pipeline.dead_letter_topic(place),
        labels=pipeline.labels(place),
        message_retention_duration={"seconds": RETENTION_S},
        expiration_policy=types.ExpirationPolicy(),
    )


def ready(lab: Lab, pipeline: Pipeline) -> bool:
    """Make what is missing of a pipeline; returns whether it is all there.

    Pub/Sub refuses a subscription until its service agent may write the table, and rights take a while: until then this raises
    ``Transient``, and is called again. Raises ``GoogleAPICallError``.
    """
    place = lab.place
    _make(lab, "dataset", f"{place.project}.{place.dataset}", lambda: _create_dataset(lab))
    topics = [pipeline.topic(place), *([pipeline.dead_letter_topic(place)] if pipeline.dead_letters else [])]
    for name in topics:
        _create_topic(lab, types.Topic(name=name, labels=pipeline.labels(place)))
    make_table(lab, table_resource(place, pipeline))
    if pipeline.view:
        make_table(lab, view_resource(place, pipeline))
    if pipeline.dead_letters:
        _subscribe(lab, dead_letter_subscription_resource(place, pipeline))
    try:
        _once(lab, f"writer of {pipeline.name}", lambda: allow_writing(lab, pipeline))
        _subscribe(lab, subscription_resource(place, pipeline))
        if pipeline.dead_letters:
            _once(lab, f"forwarding of {pipeline.name}", lambda: _allow_forwarding(lab, pipeline))
    except _NOT_YET as error:
        raise not_yet(place.project, f"{pipeline.name}: {lab.words(error)}") from error
    return is_active(lab, pipeline)


_NOT_YET = (exceptions.PermissionDenied, exceptions.NotFound, exceptions.BadRequest)
"""What is answered until the service agent exists and its rights are known everywhere."""

_RESTRICTED = ("permitted customer", "allowedPolicyMemberDomains", "managed.allowedPolicyMembers")
"""Words of a refusal by an organization policy, which no waiting mends: https://docs.cloud.google.com/resource-manager/docs/organization-policy/restricting-domains."""


def not_yet(project: str, said: str) -> Transient | CouldNotAsk:
    """What a refusal means: that an organization policy forbids the service agent, or that waiting can help."""
    if any(word in said for word in _RESTRICTED):
        return CouldNotAsk(f"an organization policy lets nobody give rights to Pub/Sub's service agent: {said}")
    make = f"gcloud beta services identity create --service=pubsub.googleapis.com --project {project}"
    return Transient("notYet", f"{said} (if Pub/Sub has no service agent yet: {make})")


def missing(lab: Lab, there: set[str]) -> list[str]:
    """What of the pipelines the run has made and is not among the names that are there now."""
    place = lab.place
    kinds = [f"dataset {place.project}.{place.dataset}"]
    for each in PIPELINES:
        kinds += [f"topic {each.topic(place)}", f"subscription {each.subscription(place)}"]
    made = lab.book.get(_THERE, [])
    return [each for each in kinds if each in made and each.partition(" ")[2] not in there]


def is_active(lab: Lab, pipeline: Pipeline) -> bool:
    """Whether a pipeline's subscription says that it works."""
    found = lab.services.subscriber.get_subscription(
        subscription=pipeline.subscription(lab.place), timeout=TIMEOUT_S, retry=ONCE
    )
    return bool(
        found.state == types.Subscription.State.ACTIVE
        and found.bigquery_config.state == types.BigQueryConfig.State.ACTIVE
    )


def make_table(lab: Lab, resource: dict[str, Any]) -> None:
    """Make a table or a view in the run's dataset."""
    reference = resource["tableReference"]
    name = "{projectId}.{datasetId}.{tableId}".format(**reference)
    table = bigquery.Table.from_api_repr(resource)
    _make(lab, "table", name, lambda: lab.services.bigquery.create_table(table, timeout=TIMEOUT_S, retry=ONCE))


def delete_table(lab: Lab, pipeline: Pipeline) -> None:
    """Take a pipeline's table away under its subscription."""
    name = pipeline.table(lab.place)
    lab.services.bigquery.delete_table(name, timeout=TIMEOUT_S, retry=ONCE, not_found_ok=True)
    lab.book.note(_THERE, [each for each in lab.book.get(_THERE, []) if each != f"table {name}"])


def allow_writing(lab: Lab, pipeline: Pipeline) -> None:
    """Let the service agent write a pipeline's table, and no other."""
    _change_writers(lab, pipeline, lambda members: members | {_agent(lab)})


def forbid_writing(lab: Lab, pipeline: Pipeline) -> None:
    """Take that right away again."""
    _change_writers(lab, pipeline, lambda members: members - {_agent(lab)})


def _change_writers(lab: Lab, pipeline: Pipeline, change: Callable[[set[str]], set[str]]) -> None:
    """Change who may write a table; what others were given stays as it is."""
    client, table = lab.services.bigquery, pipeline.table(lab.place)
    policy = client.get_iam_policy(table, timeout=TIMEOUT_S, retry=ONCE)
    bindings = [dict(binding) for binding in policy.bindings]
    members = {name for each in bindings if each["role"] == WRITER for name in each["members"]}
    changed = change(members)
    policy.bindings = [each for each in bindings if each["role"] != WRITER]
    if changed:
        policy.bindings.append({"role": WRITER, "members": changed})
    client.set_iam_policy(table, policy, timeout=TIMEOUT_S, retry=ONCE)


def _allow_forwarding(lab: Lab, pipeline: Pipeline) -> None:
    """Let the service agent forward dead letters, and acknowledge them where they came from."""
    place, services = lab.place, lab.services
    for client, name, role in (
        (services.publisher, pipeline.dead_letter_topic(place), PUBLISHER),
        (services.subscriber, pipeline.subscription(place), SUBSCRIBER),
    ):
        policy = policy_pb2.Policy(bindings=[policy_pb2.Binding(role=role, members=[_agent(lab)])])
        request = iam_policy_pb2.SetIamPolicyRequest(resource=name, policy=policy)
        # A sandbox whose Pub/Sub knows no rights lets everybody do everything; the real one never answers so.
        with suppress(exceptions.MethodNotImplemented):
            client.set_iam_policy(request=request, timeout=TIMEOUT_S)


def _agent(lab: Lab) -> str:
    """Pub/Sub's service agent of the run's project, as an IAM member.

    https://docs.cloud.google.com/pubsub/docs/create-bigquery-subscription#assign_bigquery_service_account
    """

    def look_up() -> str:
        number = lab.services.rest.call("cloudresourcemanager", "GET", f"v1/projects/{lab.place.project}")[
            "projectNumber"
        ]
        return f"serviceAccount:service-{number}@gcp-sa-pubsub.iam.gserviceaccount.com"

    return str(lab.once(AGENT, look_up))


def _create_dataset(lab: Lab) -> None:
    made = bigquery.Dataset.from_api_repr(dataset_resource(lab.place))
    made.labels = {**made.labels, **heartbeat.labels(lab)}
    lab.services.bigquery.create_dataset(made, timeout=TIMEOUT_S, retry=ONCE)


def _create_topic(lab: Lab, wanted: types.Topic) -> None:
    publisher = lab.services.publisher
    _make(lab, "topic", wanted.name, lambda: publisher.create_topic(wanted, timeout=TIMEOUT_S, retry=ONCE))


def _subscribe(lab: Lab, wanted: types.Subscription) -> None:
    subscriber = lab.services.subscriber
    _make(
        lab, "subscription", wanted.name, lambda: subscriber.create_subscription(wanted, timeout=TIMEOUT_S, retry=ONCE)
    )


def _make(lab: Lab, kind: str, name: str, create: Callable[[], object]) -> None:
    """Make something, once; what is there already under the run's own name is ours, made by a call whose answer was lost."""

    def attempt() -> None:
        try:
            create()
        except exceptions.Aborted:
            raise
        except exceptions.Conflict:
            pass

    if f"{kind} {name}" not in lab.book.get(_THERE, []):
        lab.making(kind, name)
        _once(lab, f"{kind} {name}", attempt)


def _once(lab: Lab, what: str, act: Callable[[], object]) -> None:
    """Do something that need not be done again by a run that is taken up."""
    if what not in lab.book.get(_THERE, []):
        act()
        lab.book.append(_THERE, what)
