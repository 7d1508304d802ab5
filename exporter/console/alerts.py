"""Alerts of Cloud Monitoring as incidents: what the fleet's alert policies found.

``projects.alerts.list`` exists over REST only, in version 3 of the API: its discovery document describes it
(https://monitoring.googleapis.com/$discovery/rest?version=v3). The client library has no such method.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from exporter.console.incidents_model import Incident, Severity
from exporter.console.series.model import Range
from exporter.errors import Permanent, SourceError, Transient

PAGE_SIZE = 1000
MAX_PAGES = 10

OLDEST = timedelta(days=42)
"""An incident that was opened longer before the range is not looked for: the list is by the time of opening."""

_SEVERITIES: Mapping[str, Severity] = {"CRITICAL": "critical", "ERROR": "error", "WARNING": "warning"}


class Rest(Protocol):
    """Calls methods of Google's REST APIs (``exporter.rest``)."""

    def call(
        self, api: str, method: str, path: str, *, parameters: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """The answer's JSON; raises ``GoogleAPICallError``, ``OSError`` and what credentials raise."""
        ...


class Alerts:
    """Reads the alerts of one project that the policies of one fleet raised; as safe in several threads as its ``rest`` is."""

    def __init__(self, rest: Rest, project: str, fleet: str) -> None:
        self._rest = rest
        self._path = f"v3/projects/{project}/alerts"
        self._fleet = fleet

    def incidents(self, span: Range) -> list[Incident]:
        """The incidents that were open at any time of a span; raises ``SourceError``, also where there are too many to read."""
        try:
            found = [self._incident(alert) for alert in self._alerts(span.start - OLDEST)]
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise Transient("garbage", "an answer that cannot be read") from error
        known = [each for each in found if each is not None and each.start <= span.end]
        return [each for each in known if each.end is None or each.end > span.start]

    def _alerts(self, oldest: datetime) -> Iterator[Mapping[str, Any]]:
        """Alerts, last opened first, back to those that were opened before ``oldest``."""
        token = ""
        for _ in range(MAX_PAGES):
            page = self._page(token)
            for alert in page.get("alerts", ()):
                if _time(alert["openTime"]) < oldest:
                    return
                yield alert
            token = page.get("nextPageToken", "")
            if not token:
                return
        raise Permanent("tooMany", f"there are more than {MAX_PAGES * PAGE_SIZE} alerts")

    def _page(self, token: str) -> Mapping[str, Any]:
        parameters = {
            "orderBy": "open_time desc",
            "pageSize": str(PAGE_SIZE),
            **({"pageToken": token} if token else {}),
        }
        try:
            return self._rest.call("monitoring", "GET", self._path, parameters=parameters)
        except exceptions.GoogleAPICallError as error:
            raise _refused(error) from error
        except GoogleAuthError as error:
            raise Transient("unauthenticated", "there is no access token for them") from error
        except OSError as error:
            raise Transient("unreachable", "there is no answer") from error

    def _incident(self, alert: Mapping[str, Any]) -> Incident | None:
        """An alert of this fleet; None for one of other policies.

        Policies carry their fleet as a user label. A system's id is the label ``job``, which the policies' conditions keep.
        """
        policy = alert.get("policy", {})
        labels = policy.get("userLabels", {})
        if labels.get("fleet") != self._fleet:
            return None
        closed = alert.get("closeTime")
        name = policy.get("displayName")
        return Incident(
            system=_label(alert, "job"),
            what=labels.get("kind") or name or "alert",
            severity=_SEVERITIES.get(policy.get("severity", ""), "unknown"),
            start=_time(alert["openTime"]),
            end=_time(closed) if closed else None,
            policy=name,
        )


def _label(alert: Mapping[str, Any], key: str) -> str | None:
    for part in ("resource", "metric"):
        value = alert.get(part, {}).get("labels", {}).get(key)
        if value:
            return str(value)
    return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _refused(error: exceptions.GoogleAPICallError) -> SourceError:
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        return Permanent("denied", "monitoring.alerts.list is denied on the project (docs/permissions.md)")
    if isinstance(error, exceptions.NotFound):
        return Permanent("missing", "the project, or the API's list of alerts, does not exist")
    kind = Transient if isinstance(error, exceptions.ServerError | exceptions.TooManyRequests) else Permanent
    return kind("refused", "an answer that cannot be read" if error.code is None else f"HTTP status {int(error.code)}")
