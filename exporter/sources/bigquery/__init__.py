"""BigQuery: what landed, what was written, what was queried, what is stored; one job per project, location and question."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Make a package look as if it were not installed, unless it is in use already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


with _without("pyarrow"):
    # Google's client imports pyarrow wherever it is installed (the sandbox needs it): 25 MB for data frames that nobody makes here.
    from google.cloud import bigquery as library

__all__ = ["library"]
