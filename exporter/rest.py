"""Google's REST APIs for which no client library is installed, asked as their libraries would ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from google.api_core import exceptions

HOSTS: Mapping[str, str] = {
    "cloudresourcemanager": "https://cloudresourcemanager.googleapis.com",
    "monitoring": "https://monitoring.googleapis.com",
    "telemetry": "https://telemetry.googleapis.com",
}
_TIMEOUT_S = 30.0


class Rest:
    """Calls methods of the APIs in ``HOSTS``; in a sandbox they all lie below one address.

    ``session`` brings its own credentials (``google.auth.transport.requests.AuthorizedSession``).
    """

    def __init__(self, session: requests.Session, sandbox: str | None = None) -> None:
        self._session = session
        self._sandbox = sandbox

    @property
    def is_sandbox(self) -> bool:
        """Whether a sandbox is asked, in which not every service of Google's is there."""
        return self._sandbox is not None

    def call(
        self,
        api: str,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call ``method`` on a path such as ``v1/projects/P:testIamPermissions``; raises ``GoogleAPICallError``, ``OSError``."""
        host = HOSTS[api] if self._sandbox is None else f"{self._sandbox}/{api}"
        answer = self._session.request(
            method, f"{host}/{path}", params=parameters, json=body, timeout=_TIMEOUT_S, allow_redirects=False
        )
        if not answer.ok:
            raise _failure(answer)
        try:
            found = answer.json() if answer.content else {}
        except ValueError as error:
            raise exceptions.Unknown(f"{api} answered {path} with something that is no JSON") from error
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Close every connection."""
        self._session.close()


def _failure(answer: requests.Response) -> exceptions.GoogleAPICallError:
    """The error that an answer tells; proxies and load balancers have shapes of their own."""
    try:
        failure: exceptions.GoogleAPICallError = exceptions.from_http_response(answer)
    except (AttributeError, TypeError):
        failure = exceptions.from_http_status(answer.status_code, answer.text[:200], response=answer)
    return failure
