"""Google Cloud's APIs by name, and what each says of a project that has not turned it on (AIP-193, ``google.rpc.ErrorInfo``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

REASON = "SERVICE_DISABLED"


class Service(NamedTuple):
    """An API's host name and title."""

    host: str
    title: str


SERVICES: Mapping[str, Service] = {
    "bigquery": Service("bigquery.googleapis.com", "BigQuery API"),
    "pubsub": Service("pubsub.googleapis.com", "Cloud Pub/Sub API"),
    "monitoring": Service("monitoring.googleapis.com", "Cloud Monitoring API"),
    "cloudresourcemanager": Service("cloudresourcemanager.googleapis.com", "Cloud Resource Manager API"),
}


def _page(api: str, project: str) -> str:
    return f"https://console.developers.google.com/apis/api/{SERVICES[api].host}/overview?project={project}"


def off(api: str, project: str) -> str:
    """What an API says that is off."""
    return (
        f"{SERVICES[api].title} has not been used in project {project} before or it is disabled. Enable it by visiting "
        f"{_page(api, project)} then retry. If you enabled this API recently, wait a few minutes for the action to "
        "propagate to our systems and retry."
    )


def metadata(api: str, project: str) -> Mapping[str, str]:
    """The metadata of the ``ErrorInfo`` that goes with it."""
    return {
        "consumer": f"projects/{project}",
        "service": SERVICES[api].host,
        "serviceTitle": SERVICES[api].title,
        "activationUrl": _page(api, project),
    }
