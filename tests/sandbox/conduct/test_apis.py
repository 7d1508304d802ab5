"""APIs that are off, dashboards and alert policies that are taken or refused, permissions that are taken away; over the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.iam.v1 import iam_policy_pb2, policy_pb2

from exporter import clients
from exporter.sandbox.conduct import Conduct
from exporter.sandbox.fleet import PROJECT
from exporter.sandbox.iam import project_number
from tests.sandbox.conduct.lab import DATASET, NAME, Lab

APIS: dict[str, tuple[Any, Any]] = {
    "apis_off": (["bigquery"], "bigquery"),
    "dashboard_widgets": (1, 2),
    "alert_conditions": (1, 2),
}
"""Fields with another value, and what is refused then."""

FILTER = 'metric.type = "custom.googleapis.com/a" AND resource.type = "generic_task"'
CHART = {"xyChart": {"dataSets": [{"timeSeriesQuery": {"timeSeriesFilter": {"filter": FILTER}}}]}}
DASHBOARD = {
    "displayName": "Lab",
    "labels": {"app": ""},
    "mosaicLayout": {
        "columns": 48,
        "tiles": [
            {"width": 24, "height": 8, "widget": {"title": "One", **CHART}},
            {"xPos": 24, "width": 24, "height": 8, "widget": {"title": "Other", "text": {"content": "Words"}}},
        ],
    },
}
PROMQL = {
    "displayName": "Too late",
    "conditionPrometheusQueryLanguage": {"query": "up == 0", "evaluationInterval": "60s", "duration": "300s"},
}
THRESHOLD = {
    "displayName": "Too many",
    "conditionThreshold": {
        "filter": FILTER,
        "comparison": "COMPARISON_GT",
        "thresholdValue": 1.5,
        "duration": "60s",
        "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MEAN"}],
    },
}
POLICY = {
    "displayName": "Lab",
    "combiner": "OR",
    "conditions": [PROMQL, THRESHOLD],
    "alertStrategy": {"autoClose": "1800s"},
    "documentation": {"content": "What to do", "mimeType": "text/markdown"},
    "userLabels": {"app": "lab"},
}

Change = Callable[[Any], Any]


@pytest.fixture
def rest(lab: Lab) -> Iterator[Any]:
    made = clients.rest_client(lab.control)
    yield made
    made.close()


def boards(rest: Any, body: Any, **parameters: str) -> Any:
    return rest.call("monitoring", "POST", f"v1/{NAME}/dashboards", body=body, parameters=parameters)


def policies(rest: Any, body: Any) -> Any:
    return rest.call("monitoring", "POST", f"v3/{NAME}/alertPolicies", body=body)


def test_a_dashboard_is_made_listed_read_and_deleted(rest: Any) -> None:
    assert boards(rest, DASHBOARD, validateOnly="true") == {**DASHBOARD, "name": ""}
    path = f"v1/{NAME}/dashboards"
    assert rest.call("monitoring", "GET", path) == {}
    made = boards(rest, DASHBOARD)
    assert made["name"].startswith(f"projects/{project_number(PROJECT)}/dashboards/")
    one = f"{path}/{made['name'].rsplit('/', 1)[-1]}"
    assert rest.call("monitoring", "GET", path) == {"dashboards": [made]}
    assert rest.call("monitoring", "GET", one) == made
    assert rest.call("monitoring", "DELETE", one) == {}
    with pytest.raises(exceptions.NotFound):
        rest.call("monitoring", "GET", one)


def test_a_policy_is_made_listed_page_by_page_and_deleted(rest: Any) -> None:
    path = f"v3/{NAME}/alertPolicies"
    made = [policies(rest, POLICY) for _ in range(2)]
    first = rest.call("monitoring", "GET", path, parameters={"pageSize": "1"})
    last = rest.call("monitoring", "GET", path, parameters={"pageSize": "1", "pageToken": first["nextPageToken"]})
    assert [first["alertPolicies"], last["alertPolicies"], last.get("nextPageToken")] == [made[:1], made[1:], None]
    assert made[0]["conditions"][0]["name"].startswith(f"{made[0]['name']}/conditions/")
    for each in made:
        rest.call("monitoring", "DELETE", f"v3/{each['name']}")
    assert rest.call("monitoring", "GET", path) == {}


def tiles(change: Change) -> Change:
    def changed(dashboard: Any) -> None:
        change(dashboard["mosaicLayout"]["tiles"])

    return changed


BAD_DASHBOARDS: dict[str, tuple[Change, str]] = {
    "unknown field": (
        tiles(lambda found: found[0].update(widht=1)),
        "Unknown name \"widht\" at 'dashboard.mosaic_layout.tiles[0]': Cannot find field",
    ),
    "wrong type": (tiles(lambda found: found[0].update(width="wide")), "dashboard.mosaic_layout.tiles[0].width"),
    "no such word": (
        tiles(lambda found: found[0]["widget"]["xyChart"]["dataSets"][0].update(plotType="CAKE")),
        "dashboard.mosaic_layout.tiles[0].widget.xy_chart.data_sets[0].plot_type",
    ),
    "no name": (lambda found: found.pop("displayName"), "displayName is required"),
    "off the grid": (tiles(lambda found: found[1].update(xPos=30)), "outside the grid of 48 columns"),
    "one upon another": (tiles(lambda found: found[1].update(xPos=20)), "lie upon each other"),
    "too many columns": (lambda found: found["mosaicLayout"].update(columns=49), "between 1 and 48"),
    "no height": (tiles(lambda found: found[0].pop("height")), "no width or no height"),
    "two layouts": (lambda found: found.update(gridLayout={"columns": "2"}), "one layout"),
    "two contents": (tiles(lambda found: found[1]["widget"].update(CHART)), "one content"),
    "no data": (tiles(lambda found: found[0]["widget"]["xyChart"].pop("dataSets")), "without dataSets"),
    "no source": (
        tiles(lambda found: found[0]["widget"]["xyChart"]["dataSets"][0].update(timeSeriesQuery={})),
        "exactly one source",
    ),
}


@pytest.mark.parametrize("name", BAD_DASHBOARDS)
def test_a_bad_dashboard_is_refused_with_the_place_of_the_mistake(rest: Any, name: str) -> None:
    change, message = BAD_DASHBOARDS[name]
    dashboard = deepcopy(DASHBOARD)
    change(dashboard)
    with pytest.raises(exceptions.BadRequest) as refused:
        boards(rest, dashboard, validateOnly="true")
    assert message in refused.value.message
    assert refused.value.response is not None


def first(change: Change) -> Change:
    return lambda policy: change(policy["conditions"][0]["conditionPrometheusQueryLanguage"])


def second(change: Change) -> Change:
    return lambda policy: change(policy["conditions"][1]["conditionThreshold"])


BAD_POLICIES: dict[str, tuple[Change, str]] = {
    "unknown field": (first(lambda found: found.update(qurey="x")), 'Unknown name "qurey" at \'alert_policy.conditions[0]'),
    "no combiner": (lambda found: found.pop("combiner"), "alert_policy.combiner"),
    "no conditions": (lambda found: found.update(conditions=[]), "alert_policy.conditions"),
    "seven conditions": (lambda found: found.update(conditions=[PROMQL] * 7), "from 1 to 6, not 7"),
    "no query": (first(lambda found: found.pop("query")), "query"),
    "odd interval": (first(lambda found: found.update(evaluationInterval="45s")), "multiple of 30 seconds"),
    "odd duration": (second(lambda found: found.update(duration="90s")), "multiple of 60 seconds"),
    "no duration": (second(lambda found: found.update(duration="1m")), "a duration such as 60s"),
    "no resource type": (second(lambda found: found.update(filter='metric.type = "a"')), "resource.type"),
    "no comparison": (second(lambda found: found.pop("comparison")), "comparison"),
    "short period": (second(lambda found: found["aggregations"][0].update(alignmentPeriod="30s")), "at least 60"),
    "two kinds": (lambda found: found["conditions"][0].update(THRESHOLD), "of one kind"),
    "closes too soon": (lambda found: found["alertStrategy"].update(autoClose="60s"), "from 1800 to 604800"),
    "rate limit": (
        lambda found: found["alertStrategy"].update(notificationRateLimit={"period": "300s"}),
        "only for conditions on logs",
    ),
    "long documentation": (lambda found: found["documentation"].update(content="x" * 8193), "8192 bytes"),
    "many links": (lambda found: found["documentation"].update(links=[{"displayName": "x"}] * 4), "at most 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_a_bad_policy_is_refused_with_the_place_of_the_mistake(rest: Any, name: str) -> None:
    change, message = BAD_POLICIES[name]
    policy = deepcopy(POLICY)
    change(policy)
    with pytest.raises(exceptions.BadRequest) as refused:
        policies(rest, policy)
    assert message in refused.value.message


def test_how_much_is_too_much_can_be_told(lab: Lab, rest: Any) -> None:
    lab.behave(dashboard_widgets=1, alert_conditions=1)
    try:
        with pytest.raises(exceptions.BadRequest, match="at most 1 widgets, not 2"):
            boards(rest, DASHBOARD, validateOnly="true")
        with pytest.raises(exceptions.BadRequest, match="from 1 to 1, not 2"):
            policies(rest, POLICY)
    finally:
        lab.behave(dashboard_widgets=100, alert_conditions=6)
    boards(rest, DASHBOARD, validateOnly="true")


def test_an_api_that_is_off_says_so_and_no_other_does(lab: Lab, rest: Any) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "bigquery": lambda: lab.bigquery.get_dataset(DATASET),
        "pubsub": lambda: list(lab.publisher.list_topics(project=NAME, retry=None)),
        "monitoring": lambda: boards(rest, DASHBOARD, validateOnly="true"),
        "cloudresourcemanager": lambda: rest.call("cloudresourcemanager", "GET", f"v1/{NAME}"),
    }
    series = {"monitoring": lambda: lab.monitoring.list_metric_descriptors(name=NAME, retry=None)}
    try:
        for off in calls:
            lab.behave(apis_off=[off])
            for name, call in [*calls.items(), *series.items()]:
                if name != off:
                    call()
                    continue
                with pytest.raises(
                    exceptions.Forbidden, match=f"in project {PROJECT} before or it is disabled"
                ) as refused:
                    call()
                if off != "bigquery":
                    assert (refused.value.reason, refused.value.domain) == ("SERVICE_DISABLED", "googleapis.com")
                else:
                    assert refused.value.errors[0]["reason"] == "accessNotConfigured"
    finally:
        lab.behave(apis_off=Conduct().as_json()["apis_off"])


def test_the_project_tells_its_number_and_what_may_be_done_in_it(lab: Lab, rest: Any) -> None:
    path = f"v1/{NAME}"
    assert rest.call("cloudresourcemanager", "GET", path)["projectNumber"] == str(project_number(PROJECT))
    asked = {"permissions": ["bigquery.jobs.create", "monitoring.dashboards.create", "pubsub.topics.create"]}
    test = f"{path}:testIamPermissions"
    assert rest.call("cloudresourcemanager", "POST", test, body=asked) == asked
    lab.post("/iam", {"revoke": ["bigquery.jobs.create", {"permission": "monitoring.dashboards.create"}]})
    try:
        assert rest.call("cloudresourcemanager", "POST", test, body=asked) == {"permissions": ["pubsub.topics.create"]}
        with pytest.raises(exceptions.Forbidden, match=r"bigquery\.jobs\.create"):
            lab.job("SELECT 1")
        with pytest.raises(exceptions.Forbidden, match=r"monitoring\.dashboards\.create"):
            boards(rest, DASHBOARD)
    finally:
        restored = lab.post("/iam", {"restore": ["bigquery.jobs.create", "monitoring.dashboards.create"]})
    assert restored == {"revoked": []}
    lab.job("SELECT 1")


@pytest.mark.parametrize("project", ["no-such-project"])
def test_a_project_that_does_not_exist_is_denied(rest: Any, project: str) -> None:
    with pytest.raises(exceptions.Forbidden):
        rest.call("cloudresourcemanager", "GET", f"v1/projects/{project}")


def test_a_right_is_taken_from_whom_and_where_it_is_said(lab: Lab) -> None:
    table = lab.table()
    right = {
        "principal": "pubsub",
        "permission": "bigquery.tables.updateData",
        "resource": f"{PROJECT}.{DATASET}.{table}",
    }
    _, subscription = pipeline = lab.pipeline(table)
    assert lab.post("/iam", {"revoke": [right]}) == {"revoked": [right]}
    lab.publish(pipeline[0], b"x")
    lab.advance(60)
    found = lab.subscriber.get_subscription(subscription=subscription)
    assert found.bigquery_config.state.name == "PERMISSION_DENIED"
    lab.rows(f"INSERT INTO {DATASET}.{table} (data) VALUES (b'x')")
    lab.post("/iam", {"restore": [right]})


@pytest.mark.parametrize(
    "body",
    [{}, {"revoked": []}, {"revoke": "x"}, {"revoke": [3]}, {"revoke": [{"resource": "x"}]}, {"revoke": [{"permission": ""}]},
     {"revoke": [{"permission": "x", "principal": "me"}]}],
)  # fmt: skip
def test_a_bad_call_of_iam_is_refused(lab: Lab, body: Any) -> None:
    answer = lab.http.post(f"{lab.control}/iam", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_policies_of_tables_are_kept_and_guard_against_overwriting(lab: Lab) -> None:
    full = f"{PROJECT}.{DATASET}.{lab.table()}"
    policy, stale = lab.bigquery.get_iam_policy(full), lab.bigquery.get_iam_policy(full)
    policy.bindings = [{"role": "roles/bigquery.dataViewer", "members": {"user:a@example.com"}}]
    lab.bigquery.set_iam_policy(full, policy)
    assert lab.bigquery.get_iam_policy(full).bindings == policy.bindings
    with pytest.raises(exceptions.Conflict, match="concurrent policy changes"):
        lab.bigquery.set_iam_policy(full, stale)
    asked = ["bigquery.tables.getData", "bigquery.tables.updateData"]
    assert lab.bigquery.test_iam_permissions(full, asked)["permissions"] == asked


def test_the_service_agent_may_write_where_table_or_dataset_let_it(lab: Lab) -> None:
    agent = f"service-{project_number(PROJECT)}@gcp-sa-pubsub.iam.gserviceaccount.com"
    made = bigquery.Dataset(f"{PROJECT}.guarded")
    made.location = "us-central1"
    dataset = lab.bigquery.create_dataset(made)
    table = f"{PROJECT}.guarded.t"
    lab.bigquery.create_table(bigquery.Table(table, schema=[bigquery.SchemaField("data", "BYTES", mode="REQUIRED")]))
    topic, name = lab.topic(), f"{NAME}/subscriptions/{lab.fresh('guarded-')}"
    lab.subscriber.create_subscription(request={"name": name, "topic": topic, "bigquery_config": {"table": table}})

    def state() -> str:
        lab.publish(topic, b"x")
        lab.advance(900)
        return str(lab.subscriber.get_subscription(subscription=name).bigquery_config.state.name)

    def let_dataset(entries: list[bigquery.AccessEntry]) -> None:
        dataset.access_entries = entries
        lab.bigquery.update_dataset(dataset, ["access_entries"])

    let_dataset([bigquery.AccessEntry("WRITER", "userByEmail", agent)])
    assert state() == "ACTIVE"
    let_dataset([])
    assert state() == "PERMISSION_DENIED"
    policy = lab.bigquery.get_iam_policy(table)
    policy.bindings = [{"role": "roles/bigquery.dataEditor", "members": {f"serviceAccount:{agent}"}}]
    lab.bigquery.set_iam_policy(table, policy)
    assert state() == "ACTIVE"


def test_a_table_that_is_made_anew_has_no_policy(lab: Lab) -> None:
    agent = f"serviceAccount:service-{project_number(PROJECT)}@gcp-sa-pubsub.iam.gserviceaccount.com"
    table = lab.table()
    full = f"{PROJECT}.{DATASET}.{table}"
    for members in ({agent}, {"user:a@example.com"}):
        policy = lab.bigquery.get_iam_policy(full)
        policy.bindings = [{"role": "roles/bigquery.dataEditor", "members": members}]
        lab.bigquery.set_iam_policy(full, policy)
    lab.bigquery.delete_table(full)
    lab.table(name=table)
    assert lab.bigquery.get_iam_policy(full).bindings == []
    topic, _ = lab.pipeline(table)
    lab.publish(topic, b"x")
    lab.advance(60)
    assert lab.value(f"SELECT COUNT(*) FROM {DATASET}.{table}") == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"status": "UNAVAILABLE"}, exceptions.ServiceUnavailable), ({"garbage": True}, exceptions.Unknown)],
)
def test_faults_of_monitoring_hit_its_rest_methods_too(lab: Lab, rest: Any, fault: Any, error: type[Exception]) -> None:
    lab.post("/faults", {"api": "monitoring", "method": "CreateDashboard", "count": 1, **fault})
    with pytest.raises(error):
        boards(rest, DASHBOARD, validateOnly="true")
    boards(rest, DASHBOARD, validateOnly="true")


def test_policies_of_topics_and_subscriptions_are_kept(lab: Lab) -> None:
    topic, subscription = lab.pipeline(lab.table())
    binding = policy_pb2.Binding(role="roles/pubsub.publisher", members=["user:a@example.com"])
    for client, name in ((lab.publisher, topic), (lab.subscriber, subscription)):
        policy = client.get_iam_policy(request=iam_policy_pb2.GetIamPolicyRequest(resource=name))
        policy.bindings.append(binding)
        client.set_iam_policy(request=iam_policy_pb2.SetIamPolicyRequest(resource=name, policy=policy))
        kept = client.get_iam_policy(request=iam_policy_pb2.GetIamPolicyRequest(resource=name))
        assert list(kept.bindings) == [binding]
        with pytest.raises(exceptions.Aborted):
            client.set_iam_policy(request=iam_policy_pb2.SetIamPolicyRequest(resource=name, policy=policy))
    asked = iam_policy_pb2.TestIamPermissionsRequest(resource=topic, permissions=["pubsub.topics.publish"])
    assert list(lab.publisher.test_iam_permissions(request=asked).permissions) == ["pubsub.topics.publish"]
