"""Tables as CSV (RFC 4180) that a spreadsheet opens without carrying anything out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | float | int | bool | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so may be taken for a formula (OWASP, CSV injection)."""


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table with a header; None is an empty field, and numbers are as exact as they are."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([_harmless(name) for name in header])
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return written.getvalue()


def _harmless(cell: Cell) -> Cell:
    """A text with an apostrophe before what would make it a formula; other values as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
