"""Cloud Resource Manager v1, as far as a project asks about itself: its number, and what the caller may do in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.sandbox.clock import from_us
from exporter.sandbox.iam import EXPORTER, Iam, project_number
from exporter.sandbox.rest.answers import Refused, invalid

MOST_PERMISSIONS = 100
"""How many permissions one call may ask for."""


def get(project: str, known: Mapping[str, int], iam: Iam) -> dict[str, Any]:
    """projects.get; ``known`` are the projects with the time of their creation in microseconds."""
    _exists(project, known)
    if not iam.allowed(EXPORTER, "resourcemanager.projects.get", project):
        raise _denied()
    return {
        "projectId": project,
        "projectNumber": str(project_number(project)),
        "lifecycleState": "ACTIVE",
        "name": project,
        "createTime": from_us(known[project]).isoformat().replace("+00:00", "Z"),
    }


def test_permissions(project: str, body: Mapping[str, Any], known: Mapping[str, int], iam: Iam) -> dict[str, Any]:
    """projects.testIamPermissions: those of the permissions that the caller has on the whole project."""
    _exists(project, known)
    asked = body.get("permissions")
    if (
        body.keys() != {"permissions"}
        or not isinstance(asked, list)
        or not all(isinstance(each, str) for each in asked)
    ):
        raise invalid("Invalid JSON payload received: give permissions, a list of names.", "permissions")
    if len(asked) > MOST_PERMISSIONS:
        raise invalid(f"At most {MOST_PERMISSIONS} permissions can be tested at once.", "permissions")
    for each in asked:
        if each.count(".") < 2:
            raise invalid(f"Permission {each} is not valid for this resource.", "permissions")
    granted = [each for each in asked if iam.allowed(EXPORTER, each, project)]
    return {"permissions": granted} if granted else {}


def _exists(project: str, known: Mapping[str, int]) -> None:
    # As the real one, it does not tell whether a project exists that the caller may not see.
    if project not in known:
        raise _denied()


def _denied() -> Refused:
    return Refused("PERMISSION_DENIED", "The caller does not have permission")
