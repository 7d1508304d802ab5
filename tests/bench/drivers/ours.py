"""Warm cycles: one exporter, which does a cycle for each line.

Arguments: the configuration; how many hours before now to begin (0 is the last window); and, for fleets that are larger than the sandbox is
fast, the seconds that everything may take in place of the exporter's own time-outs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from exporter import assembly, collection, config
from exporter.clocks import ServiceClock
from exporter.cycle import PATIENCE_S
from exporter.patience import Patience
from tests.bench.drivers.answering import answer


def main(path: str, hours: str, limit_s: str = "") -> None:
    """Answer with what a cycle did; it is told the time, so that asking for it is not measured."""
    if limit_s:
        collection.BIGQUERY_TIMEOUT_S = collection.RPC_TIMEOUT_S = float(limit_s)
    with assembly.parts(config.load(Path(path))) as parts:
        exporter = assembly.exporter(parts, history=timedelta(hours=float(hours)) or None)
        told = [parts.clients.now()]
        # The sandbox's time stands still in a cycle: by real time, answers would seem to come from a clock that is wrong.
        exporter.clock = ServiceClock(steady=lambda: told[-1].timestamp())
        parts.clients.bigquery._http.hooks["response"].append(exporter.clock.observe)

        def cycle(asked: Mapping[str, Any]) -> Mapping[str, Any]:
            told[:] = [datetime.fromisoformat(asked["now"])]
            report = exporter.cycle(told[-1], Patience(float(limit_s or PATIENCE_S)))
            failed = [f"{each.source}: {each.message}" for each in report.failures]
            refused = [f"{each.point.metric}: {each.code}" for each in (*report.rejected, *report.retryable)]
            return {"windows": report.windows, "failed": [*failed, *refused]}

        answer(cycle)


if __name__ == "__main__":
    main(*sys.argv[1:])
