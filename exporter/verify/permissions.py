"""Whether a run may begin: every permission it needs, every API it calls, named at once and before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError, RefreshError

from exporter.errors import SourceError, UsageError
from exporter.verify.failures import FAILURES, PASSING, is_of_no_project, is_off, passes
from exporter.verify.lab import words
from exporter.verify.pipeline import TIMEOUT_S
from exporter.verify.services import ONCE, Services

ROLES = ("roles/pubsub.admin", "roles/bigquery.admin", "roles/monitoring.editor")
"""Predefined roles that hold all of it."""

PERMISSIONS: Mapping[str, str] = {
    "resourcemanager.projects.get": "read the project's number, which Pub/Sub's service agent is named after",
    "pubsub.topics.create": "make topics",
    "pubsub.topics.attachSubscription": "make subscriptions to them",
    "pubsub.topics.publish": "publish known messages",
    "pubsub.topics.get": "read topics back",
    "pubsub.topics.list": "find what a run left behind",
    "pubsub.topics.delete": "remove them",
    "pubsub.topics.setIamPolicy": "let Pub/Sub forward dead letters",
    "pubsub.subscriptions.create": "make BigQuery subscriptions",
    "pubsub.subscriptions.get": "read the state of a subscription",
    "pubsub.subscriptions.update": "change a subscription",
    "pubsub.subscriptions.consume": "count dead letters",
    "pubsub.subscriptions.list": "find what a run left behind",
    "pubsub.subscriptions.delete": "remove them",
    "pubsub.subscriptions.setIamPolicy": "let Pub/Sub acknowledge what it forwarded",
    "bigquery.datasets.create": "make the run's dataset",
    "bigquery.datasets.get": "read it back, and find what a run left behind",
    "bigquery.datasets.update": "label it while the run is under way",
    "bigquery.datasets.delete": "remove it",
    "bigquery.jobs.create": "ask questions",
    "bigquery.jobs.listAll": "read INFORMATION_SCHEMA.JOBS",
    "bigquery.tables.create": "make tables and views",
    "bigquery.tables.get": "read their definition and size, and INFORMATION_SCHEMA.TABLE_STORAGE",
    "bigquery.tables.list": "read INFORMATION_SCHEMA.WRITE_API_TIMELINE and TABLE_STORAGE",
    "bigquery.tables.getData": "read the rows, and APPENDS",
    "bigquery.tables.updateData": "add rows by INSERT, by load and by copy",
    "bigquery.tables.update": "change a table's definition",
    "bigquery.tables.delete": "delete a table under its subscription",
    "bigquery.tables.getIamPolicy": "see who may write a table",
    "bigquery.tables.setIamPolicy": "let Pub/Sub write the tables, and take that away",
    "bigquery.routines.get": "read INFORMATION_SCHEMA.TABLES",
    "bigquery.routines.list": "read INFORMATION_SCHEMA.TABLES",
    "monitoring.timeSeries.create": "write points of the run's own metrics",
    "monitoring.timeSeries.list": "read Pub/Sub's metrics and the run's own",
    "monitoring.metricDescriptors.create": "make the run's own metrics",
    "monitoring.metricDescriptors.get": "read a metric's definition",
    "monitoring.metricDescriptors.list": "read how late metrics are, and find what a run left behind",
    "monitoring.metricDescriptors.delete": "remove the run's own metrics",
    "monitoring.dashboards.create": "have dashboards checked, which makes none",
    "monitoring.dashboards.list": "find what a run left behind",
    "monitoring.dashboards.delete": "remove it",
    "monitoring.alertPolicies.create": "have alert policies checked: each is made, switched off, and deleted",
    "monitoring.alertPolicies.list": "find what a run left behind",
    "monitoring.alertPolicies.delete": "remove it",
}
"""What a run does, by the permission that it takes on the project."""

_AT_ONCE = 100
"""Permissions that one call of testIamPermissions takes."""


@dataclass(frozen=True, slots=True)
class _Api:
    name: str
    look: Callable[[Services, str], object]


_APIS = (
    _Api(
        "pubsub.googleapis.com",
        lambda services, project: services.publisher.list_topics(
            request={"project": f"projects/{project}", "page_size": 1}, timeout=TIMEOUT_S, retry=ONCE
        ),
    ),
    _Api(
        "bigquery.googleapis.com",
        lambda services, project: list(
            services.bigquery.list_datasets(project, max_results=1, timeout=TIMEOUT_S, retry=ONCE)
        ),
    ),
    _Api(
        "monitoring.googleapis.com",
        lambda services, project: services.monitoring.list_metric_descriptors(
            request={"name": f"projects/{project}", "page_size": 1}, timeout=TIMEOUT_S, retry=ONCE
        ),
    ),
)


def demand(services: Services, project: str) -> None:
    """Raise ``UsageError`` with everything that is missing, a line each; makes nothing."""
    off: list[str] = []
    missing: list[str] = []
    try:
        missing = _missing(services, project)
    except (*PASSING, *FAILURES) as error:
        if not is_off(error):
            raise UsageError(_refusal(project, error)) from error
        off.append("cloudresourcemanager.googleapis.com")
    off += _apis_off(services, project)
    problems = _named(project, missing, off)
    if problems:
        raise UsageError("\n".join(problems))


def demand_apis(services: Services, project: str) -> None:
    """Raise ``UsageError`` with the command that turns on the APIs that are off."""
    off = _apis_off(services, project)
    if off:
        raise UsageError("\n".join(_named(project, [], off)))


def _apis_off(services: Services, project: str) -> list[str]:
    off: list[str] = []
    for api in _APIS:
        try:
            api.look(services, project)
        except exceptions.Forbidden as error:
            if is_of_no_project(error):
                raise UsageError(_refusal(project, error)) from error
            if is_off(error):
                off.append(api.name)
        except (*PASSING, *FAILURES) as error:
            raise UsageError(f"{api.name}: {_refusal(project, error)}") from error
    return off


OTLP_API, OTLP_ROLE = "telemetry.googleapis.com", "roles/telemetry.metricsWriter"
_OTLP_PERMISSIONS = ("telemetry.metrics.write", "monitoring.timeSeries.create")
"""What the receiver of OTLP asks for: the role was documented with the one, and is with the other."""


def notes(services: Services, project: str) -> list[str]:
    """What only the questions O need and is missing, in words: without it they cannot be asked, and all others can."""
    try:
        lacks = len(_missing(services, project, _OTLP_PERMISSIONS)) == len(_OTLP_PERMISSIONS)
        # A request without metrics writes nothing, and is answered as any other by an API that is off.
        services.rest.call("telemetry", "POST", "v1/metrics", body={})
        is_missing = lacks
    except exceptions.Forbidden as error:
        is_missing = True
        lacks = not is_off(error)
    except (*PASSING, *FAILURES):
        return []
    if not is_missing:
        return []
    remedy = (
        f"{OTLP_ROLE} lets you write there"
        if lacks
        else f"turn it on: gcloud services enable {OTLP_API} --project {project}"
    )
    return [f"The questions O (OTLP) cannot be asked: {OTLP_API} takes nothing; {remedy}"]


def _missing(services: Services, project: str, names: Sequence[str] = tuple(PERMISSIONS)) -> list[str]:
    """Permissions that the caller lacks on the project, in the order of the names."""
    wanted = list(names)
    held: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        body = {"permissions": wanted[start : start + _AT_ONCE]}
        answer = services.rest.call(
            "cloudresourcemanager", "POST", f"v1/projects/{project}:testIamPermissions", body=body
        )
        held.update(answer.get("permissions", ()))
    return [name for name in wanted if name not in held]


def _named(project: str, missing: list[str], off: list[str]) -> list[str]:
    lines = []
    if off:
        lines.append(
            f"APIs are off in {project}; turn them on: gcloud services enable {' '.join(off)} --project {project}"
        )
    if missing:
        lines.append(
            f"{len(missing)} of {len(PERMISSIONS)} permissions on {project} are missing ({', '.join(ROLES)} hold them):"
        )
        width = max(len(name) for name in missing)
        lines += [f"  {name:<{width}}  {PERMISSIONS[name]}" for name in missing]
    return lines


def _refusal(project: str, error: Exception) -> str:
    """Why nothing can be asked of a project at all, in one line with what to do."""
    said = words(error)
    if is_of_no_project(error):
        remedy = f"gcloud auth application-default set-quota-project {project}"
        return f"the Google credentials name no project that is asked for its quota ({said}): run `{remedy}`"
    if isinstance(error, RefreshError | exceptions.Unauthenticated | exceptions.Unauthorized):
        return f"the Google credentials are not taken ({said}): run `gcloud auth application-default login`"
    if isinstance(error, exceptions.NotFound | exceptions.Forbidden):
        return f"--project {project}: there is no such project, or it is not yours to see ({said})"
    if passes(error):
        return f"no answer from Google Cloud ({said}): is the network there? Try again later"
    if isinstance(error, GoogleAuthError | SourceError | OSError):
        return f"Google Cloud cannot be reached ({said})"
    return f"--project {project}: {said}"
