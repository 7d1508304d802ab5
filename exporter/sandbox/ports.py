"""What the parts of the sandbox promise each other, so that none of them imports another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

SinkState = Literal["NOT_FOUND", "PERMISSION_DENIED", "SCHEMA_MISMATCH", "IN_TRANSIT_LOCATION_RESTRICTION"]
"""Why a table refuses every write: the values of ``BigQueryConfig.State``."""

Row = tuple[object, ...]


class TableRefused(Exception):
    """The table as a whole cannot be written to."""

    def __init__(self, state: SinkState, message: str) -> None:
        super().__init__(message)
        self.state: SinkState = state


class TableSink(Protocol):
    """Where a BigQuery subscription writes to: BigQuery, seen from Pub/Sub."""

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], commit_us: int) -> dict[int, str]:
        """Append rows in one commit through the Storage Write API; thread-safe.

        ``table`` is ``project.dataset.table``; ``columns`` name the values of each row: ``data`` (bytes) and, with metadata,
        ``subscription_name``, ``message_id`` (str), ``publish_time`` (int microseconds), ``attributes`` (JSON str). ``commit_us``
        never decreases per table. Returns the rows that were refused, by index, with the reason; the others are written.
        Raises ``TableRefused`` when nothing can be written.
        """
        ...


class World(Protocol):
    """The whole sandbox as its servers see it."""

    def settle(self) -> int:
        """Let everything happen that is due by the clock's time, and return that time in microseconds.

        Servers call this at the start of every call, outside their own locks.
        """
        ...
