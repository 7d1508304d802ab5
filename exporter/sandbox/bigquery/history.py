"""The limits of a table's change history: what APPENDS and FOR SYSTEM_TIME AS OF may ask for.

https://cloud.google.com/bigquery/docs/change-history: the end may not lie in the future; the start, or the table's creation where
that is later, may not lie before the dataset's time travel window; without a start the whole history must lie within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.sandbox.bigquery.catalog import Catalog, Table
from exporter.sandbox.bigquery.errors import ApiError, invalid_query
from exporter.sandbox.bigquery.scope import Appends
from exporter.sandbox.bigquery.storage import COPY, INSERT, LOAD
from exporter.sandbox.bigquery.tables import Scan
from exporter.sandbox.conduct import Conduct


def appends(conduct: Conduct) -> Appends:
    """What APPENDS gives as a conduct has it."""
    seen = {INSERT: conduct.appends_sees_inserts, LOAD: conduct.appends_sees_loads, COPY: conduct.appends_sees_copies}
    return Appends(
        by_publish_time=conduct.change_timestamp == "publish",
        repeatable=conduct.appends_repeatable,
        delay_us=round(conduct.appends_delay_s * 1_000_000),
        start_included=conduct.appends_start_included,
        end_included=conduct.appends_end_included,
        unseen=tuple(origin for origin, shown in seen.items() if not shown),
    )


def check(
    scans: Sequence[Scan], bounds: Mapping[str, int | None], catalog: Catalog, now_us: int, conduct: Conduct
) -> None:
    """Raise ``ApiError`` (invalidQuery) for a scan that asks for more history than there is."""
    for scan in scans:
        if not scan.appends or not isinstance(scan.item, Table):
            continue
        end = bounds.get(scan.end) if scan.end else None
        if end is not None and end > now_us and conduct.appends_end_in_future_refused:
            raise _refused(scan, end, "is in the future")
        start = bounds.get(scan.start) if scan.start else None
        created = scan.item.created_us
        earliest = now_us - catalog.dataset(scan.ref.project, scan.ref.dataset).time_travel_us
        first = created if start is None else max(start, created)
        if start is not None and start < created and conduct.appends_before_creation_refused:
            raise _refused(scan, start, "is before the table was created")
        if first < earliest and conduct.appends_past_refused:
            raise _refused(scan, first, f"is before the time travel window, cannot read before {earliest // 1000}")


def _refused(scan: Scan, at_us: int, why: str) -> ApiError:
    name = f"{scan.ref.project}:{scan.ref.dataset}.{scan.ref.table}"
    return invalid_query(f"Invalid snapshot time {at_us // 1000} for table {name}: the time {why}")
