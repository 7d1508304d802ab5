"""Who may do what in the sandbox: everything is allowed until it is revoked, or until a policy decides about it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

EXPORTER = "exporter"
"""The principal of every API call that arrives over the wire."""

PUBSUB = "pubsub"
"""The Pub/Sub service agent, which writes to BigQuery tables."""


AGENT = re.compile(r"(?:serviceAccount:)?service-\d+@gcp-sa-pubsub\.iam\.gserviceaccount\.com")
"""What policies call the Pub/Sub service agent of any project."""

WRITE = "bigquery.tables.updateData"
"""What Pub/Sub needs to write rows into a table."""

_WRITERS = frozenset(
    {"roles/bigquery.dataEditor", "roles/bigquery.dataOwner", "roles/bigquery.admin", "WRITER", "OWNER"}
)


def project_number(project: str) -> int:
    """A stable number for a project, twelve digits as real ones have."""
    value = 0
    for character in project:
        value = (value * 131 + ord(character)) % 899_999_999_999
    return 100_000_000_000 + value


class Iam:
    """Revoked permissions by (principal, permission, resource); a resource covers what lies below it.

    Policies decide about the Pub/Sub service agent alone: as soon as one has let it write, it may write where one still does.

    Resources are dotted names, ``project``, ``project.dataset`` or ``project.dataset.table``. Permissions are those of the real
    services (``bigquery.tables.getData``).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revoked: set[tuple[str, str, str]] = set()
        self._writes: dict[str, bool] = {}

    def revoke(self, principal: str, permission: str, resource: str) -> None:
        """Take a permission on a resource and on all below it away from a principal."""
        with self._lock:
            self._revoked.add((principal, permission, resource))

    def restore(self, principal: str, permission: str, resource: str) -> None:
        """Give back what :meth:`revoke` took away."""
        with self._lock:
            self._revoked.discard((principal, permission, resource))

    def revoked(self) -> list[tuple[str, str, str]]:
        """What has been taken away and not given back, in order."""
        with self._lock:
            return sorted(self._revoked)

    def allowed(self, principal: str, permission: str, resource: str) -> bool:
        """Whether the principal holds the permission on the resource."""
        parts = resource.split(".")
        above = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        with self._lock:
            if any((principal, permission, name) in self._revoked for name in above):
                return False
            if (principal, permission) != (PUBSUB, WRITE) or not self._writes:
                return True
            decided = [self._writes[name] for name in above if name in self._writes]
            return not decided or any(decided)

    def take_over(self, resource: str, bindings: Iterable[tuple[str, str]]) -> None:
        """Heed a resource's policy, of (role, member), as far as it concerns whether the Pub/Sub service agent may write."""
        lets = any(role in _WRITERS and AGENT.fullmatch(member) for role, member in bindings)
        with self._lock:
            if lets or resource in self._writes:
                self._writes[resource] = lets

    def forget(self, resource: str) -> None:
        """The resource is gone, and its policy with it."""
        with self._lock:
            self._writes.pop(resource, None)
