"""Who may do what in the sandbox: everything is allowed until it is revoked."""

from __future__ import annotations

import threading

EXPORTER = "exporter"
"""The principal of every API call that arrives over the wire."""

PUBSUB = "pubsub"
"""The Pub/Sub service agent, which writes to BigQuery tables."""


class Iam:
    """Revoked permissions by (principal, permission, resource); a resource covers what lies below it.

    Resources are dotted names, ``project``, ``project.dataset`` or ``project.dataset.table``. Permissions are those of the real
    services (``bigquery.tables.getData``).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revoked: set[tuple[str, str, str]] = set()

    def revoke(self, principal: str, permission: str, resource: str) -> None:
        """Take a permission on a resource and on all below it away from a principal."""
        with self._lock:
            self._revoked.add((principal, permission, resource))

    def restore(self, principal: str, permission: str, resource: str) -> None:
        """Give back what :meth:`revoke` took away."""
        with self._lock:
            self._revoked.discard((principal, permission, resource))

    def allowed(self, principal: str, permission: str, resource: str) -> bool:
        """Whether the principal holds the permission on the resource."""
        parts = resource.split(".")
        with self._lock:
            return not any(
                (principal, permission, ".".join(parts[:depth])) in self._revoked for depth in range(1, len(parts) + 1)
            )
