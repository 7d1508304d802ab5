"""The demo as people end it: Ctrl-C in a terminal, which reaches all of its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def test_ctrl_c_ends_the_demo_after_its_dump(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "exporter", "demo", "--systems", "2", "--history", "0s", "--json"]
    with subprocess.Popen(
        [*command, "--dump", str(tmp_path / "dump")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as popen:
        assert popen.stdout is not None
        first = popen.stdout.readline()
        time.sleep(0.5)  # the line is printed just before the demo waits for the next minute
        os.killpg(popen.pid, signal.SIGINT)
        _, err = popen.communicate(timeout=120)
    assert first.startswith("{")
    assert "Traceback" not in err
    assert popen.returncode in (0, 1)
    assert (tmp_path / "dump" / "prices.json").exists()
    assert (tmp_path / "dump" / "pubsub.jsonl").exists()
