"""Why a question has no answer: one sentence that says what happened, where, and what to do."""

from __future__ import annotations

import re

from google.api_core.exceptions import GoogleAPICallError

from exporter.calls import canonical_code
from exporter.redaction import redacted

_LONGEST = 300
_METRIC = re.compile(r'type = "([^"\s]{1,200})"')
"""How the API names a metric that it does not find."""


def sentence(error: GoogleAPICallError, project: str) -> str:
    """What a failed call of ListTimeSeries means to somebody who looks at a chart."""
    code = canonical_code(error)
    what, remedy = _words(code, project)
    # What the API says of the question itself helps; of anything else it says nothing that the code does not.
    said = f": {_short(error.message)}" if code in ("INVALID_ARGUMENT", "circuitOpen") else ""
    if code == "NOT_FOUND" and (named := _METRIC.search(error.message)):
        said = f" as {named[1]}"
    return f"{what}{said}; {remedy}"


def _words(code: str, project: str) -> tuple[str, str]:
    where = f"time series of project {project}"
    match code:
        case "PERMISSION_DENIED":
            return (
                f"Cloud Monitoring refuses to read {where}",
                "grant the permission monitoring.timeSeries.list there, for example by roles/monitoring.viewer",
            )
        case "UNAUTHENTICATED":
            return (
                f"Cloud Monitoring does not know who asks for {where}",
                "run `gcloud auth application-default login`, or give the service an account",
            )
        case "NOT_FOUND":
            return (
                f"project {project} has no such metric",
                "check its name; a metric appears with its first point, and a new one takes up to ten minutes",
            )
        case "INVALID_ARGUMENT":
            return (
                f"Cloud Monitoring does not take the question about project {project}",
                "correct the filter or the aggregation",
            )
        case "RESOURCE_EXHAUSTED" | "circuitOpen":
            return f"Cloud Monitoring is asked too much about project {project}", "wait a minute, then look again"
        case "DEADLINE_EXCEEDED":
            return f"Cloud Monitoring gave no answer in time about {where}", "try again, or look at a shorter range"
        case _:
            return f"Cloud Monitoring failed ({code}) to read {where}", "try again in a minute"


def _short(text: str) -> str:
    line = " ".join(redacted(text).split()).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
