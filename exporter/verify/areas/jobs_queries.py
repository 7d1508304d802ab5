"""How checks ask BigQuery: queries of a run, labelled as its own, and what they were billed for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry

from exporter.sources.bigquery import library as bigquery
from exporter.verify.lab import Lab
from exporter.verify.questions import CouldNotAsk

_TIMEOUT_S = 90.0

NO_RETRY = Retry(predicate=lambda _: False)
"""A run asks again by itself."""


def table(lab: Lab, name: str) -> str:
    """A table of the run's dataset, as a FROM clause takes it."""
    return f"`{full_name(lab, name)}`"


def full_name(lab: Lab, name: str) -> str:
    """A table of the run's dataset, as the API takes it."""
    return f"{lab.place.project}.{lab.place.dataset}.{name}"


def schema_view(lab: Lab, view: str) -> str:
    """An INFORMATION_SCHEMA view of the run's project and location."""
    return f"`{lab.place.project}`.`region-{lab.place.location.lower()}`.INFORMATION_SCHEMA.{view}"


def rows(lab: Lab, text: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query by column name; raises ``GoogleAPICallError`` and ``OSError``."""
    found = lab.services.bigquery.query_and_wait(
        text,
        job_config=_config(lab, values),
        project=lab.place.project,
        location=lab.place.location,
        api_timeout=_TIMEOUT_S,
        wait_timeout=_TIMEOUT_S,
        retry=NO_RETRY,
        job_retry=NO_RETRY,
    )
    return [dict(row.items()) for row in found]


def row(lab: Lab, text: str, **values: Any) -> dict[str, Any]:
    """The one row of a query."""
    return rows(lab, text, **values)[0]


def refusal(lab: Lab, text: str, **values: Any) -> str | None:
    """What BigQuery says when it refuses a query as invalid, or knows no such table; None when it answers it."""
    try:
        rows(lab, text, **values)
    except (exceptions.BadRequest, exceptions.NotFound) as error:
        return lab.words(error)
    return None


def job(
    lab: Lab, text: str, *, cached: bool = False, labels: Mapping[str, str] | None = None, **values: Any
) -> bigquery.QueryJob:
    """A query that has ended, as a job with its statistics; one that failed has ``error_result``.

    The failure may come with the rows, while the job still says that it is running: only what is read after the end counts.
    """
    config = _config(lab, values)
    config.use_query_cache = cached
    config.labels = {**lab.place.labels, **(labels or {})}
    made = lab.services.bigquery.query(
        text,
        job_config=config,
        project=lab.place.project,
        location=lab.place.location,
        timeout=_TIMEOUT_S,
        retry=NO_RETRY,
        job_retry=NO_RETRY,
    )
    try:
        made.result(timeout=_TIMEOUT_S, retry=NO_RETRY, job_retry=NO_RETRY)
    except exceptions.GoogleAPICallError:
        made.reload(timeout=_TIMEOUT_S, retry=NO_RETRY)
        if made.error_result is None:
            raise
    else:
        made.reload(timeout=_TIMEOUT_S, retry=NO_RETRY)
    return made


def dry_run(lab: Lab, text: str, **values: Any) -> int | None:
    """How many bytes a dry run says that a query would process; None where it does not say."""
    config = _config(lab, values)
    config.dry_run = True
    made = lab.services.bigquery.query(
        text,
        job_config=config,
        project=lab.place.project,
        location=lab.place.location,
        timeout=_TIMEOUT_S,
        retry=NO_RETRY,
        job_retry=NO_RETRY,
    )
    found = made.total_bytes_processed
    return None if found is None else int(found)


def late_s(lab: Lab, what: str, since: datetime, at_most_s: float) -> float:
    """How late something is there that was looked for in vain before, in seconds; 0 where it was there at the first look.

    Call it before every look, and believe it when the look finds something. Raises ``CouldNotAsk`` where the first look comes so late
    that it cannot tell whether ``at_most_s`` is kept: in a run that was stopped meanwhile.
    """
    passed_s = (lab.now() - since).total_seconds()
    if lab.waited_s(f"{what} looked for") > 0:
        return passed_s
    if passed_s > at_most_s:
        raise CouldNotAsk(f"it was looked for {passed_s:.0f} s later only")
    return 0.0


def _config(lab: Lab, values: Mapping[str, Any]) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(
        query_parameters=[_parameter(name, value) for name, value in values.items()],
        labels=lab.place.labels,
        use_query_cache=False,
    )


def _parameter(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return bigquery.ArrayQueryParameter(name, "STRING", value)
    kind = "TIMESTAMP" if isinstance(value, datetime) else "INT64" if isinstance(value, int) else "STRING"
    return bigquery.ScalarQueryParameter(name, kind, value)
