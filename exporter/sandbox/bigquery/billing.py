"""What a query costs: bytes processed and billed, and slot time.

Processed are the logical bytes of the columns that are read; billed is each referenced table, rounded up to MiB and no less than
10 MiB (https://cloud.google.com/bigquery/pricing#on_demand_pricing); every INFORMATION_SCHEMA view counts as one table of 10 MiB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.model import TableRef
from exporter.sandbox.bigquery.catalog import Table
from exporter.sandbox.bigquery.tables import Scan
from exporter.sandbox.conduct import Conduct

USUAL = Conduct()


def bytes_by_table(
    scans: Sequence[Scan], bounds: Mapping[str, int | None], now_us: int, conduct: Conduct
) -> dict[TableRef, int]:
    """Bytes processed per referenced table; a column that is read twice counts once."""
    found: dict[TableRef, int] = {}
    windows: dict[tuple[TableRef, int | None, int | None], tuple[Table, set[str]]] = {}
    for scan in scans:
        if not isinstance(scan.item, Table):
            continue
        window = _window(scan, bounds, now_us) if conduct.appends_rows_billed == "window" else (None, None)
        everything = scan.appends and conduct.appends_columns_billed == "all"
        columns = {column.name for column in scan.item.columns} if everything else scan.columns
        windows.setdefault((scan.ref, *window), (scan.item, set()))[1].update(columns)
    for (ref, start, end), (table, columns) in windows.items():
        if start is None or end is None:
            size = table.contents.bytes_of(columns)
        else:
            size = table.contents.bytes_between(columns, start, end)
        found[ref] = found.get(ref, 0) + size
    return found


def _window(scan: Scan, bounds: Mapping[str, int | None], now_us: int) -> tuple[int | None, int | None]:
    if not scan.appends:
        return None, None
    start = bounds.get(scan.start) if scan.start else None
    end = bounds.get(scan.end) if scan.end else None
    return start or 0, now_us if end is None else end


def billed(tables: Mapping[TableRef, int], views: int, conduct: Conduct = USUAL) -> int:
    """Bytes billed for tables with these bytes processed, and a number of INFORMATION_SCHEMA views; nothing without any."""
    unit, least = conduct.bytes_billed_unit, conduct.bytes_billed_per_table_minimum
    total = sum(max(least, -(-size // unit) * unit) for size in tables.values())
    total += views * conduct.bytes_billed_information_schema
    return max(total, conduct.bytes_billed_minimum) if tables or views else 0


def slot_ms(tables: int, processed: int) -> int:
    """A plausible slot time: a start-up per query and per table, and 50 MB a second and slot."""
    return 15 + 6 * tables + processed // 50_000
