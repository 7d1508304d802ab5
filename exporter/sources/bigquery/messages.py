"""Renders the statement that reads a page of a view: names are validated identifiers in back-quotes, values are query parameters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporter.model import Columns, TableRef
from exporter.sources.bigquery.runner import Statement
from exporter.sources.bigquery.statements import quoted, scalar, template


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: at the rows of ``from_time`` and ``from_id``, the first ``skipped`` of them left out.

    Without ``from_id`` it begins with the first row before ``from_time``. A message id that is NULL counts as an empty one.
    """

    from_time: datetime
    from_id: str | None = None
    skipped: int = 0


def page(view: TableRef, columns: Columns, start: datetime, place: Place, limit: int, bytes_cap: int) -> Statement:
    """Up to ``limit`` rows of a view that were published since ``start``, newest first."""
    return Statement(
        text=template("messages").substitute(
            view=quoted(view), publish_time=f"`{columns.publish_time}`", message_id=f"`{columns.message_id}`"
        ),
        parameters=[
            scalar("start", "TIMESTAMP", start),
            scalar("from_time", "TIMESTAMP", place.from_time),
            scalar("from_id", "STRING", place.from_id),
            scalar("row_limit", "INT64", limit),
            scalar("skipped", "INT64", place.skipped),
        ],
        family="messages",
        tables=1,
        bytes_cap=bytes_cap,
    )
