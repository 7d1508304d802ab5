"""How much memory the exporter's own code holds, in a process that it shares with the sandbox."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import exporter

_CODE = Path(exporter.__file__).parent
_FILTERS = (
    tracemalloc.Filter(inclusive=True, filename_pattern=str(_CODE / "*")),
    tracemalloc.Filter(inclusive=False, filename_pattern=str(_CODE / "sandbox" / "*")),
)


@contextmanager
def traced() -> Iterator[None]:
    """Note where memory is taken."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def held() -> int:
    """Bytes that the exporter's lines took and that are still in use."""
    gc.collect()
    statistics = tracemalloc.take_snapshot().filter_traces(_FILTERS).statistics("filename")
    return sum(each.size for each in statistics)
