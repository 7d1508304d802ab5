"""How a driver talks to the bench: for each line of JSON a piece of work, and a line of JSON about what it took."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.bench.processes import memory_mib

Work = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def answer(work: Work) -> None:
    """Do the work once for each line until there are no more; the answer holds its own words, wall time, CPU and memory."""
    for line in sys.stdin:
        asked = json.loads(line)
        begun_s, cpu_begun_s = time.monotonic(), time.process_time()
        said = work(asked)
        taken = {"wall_s": time.monotonic() - begun_s, "cpu_s": time.process_time() - cpu_begun_s}
        memory = {"peak_rss_mib": memory_mib("self", "VmHWM"), "rss_mib": memory_mib("self", "VmRSS")}
        print(json.dumps({**said, **taken, **memory}), flush=True)
