"""What people see of a run: one line that moves, and a table that fits on 80 columns."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from exporter.sandbox.server import Sandbox
from exporter.verify.questions import Check, Result, Verdict
from exporter.verify.runner import Progress
from exporter.verify_terminal import closing, minutes, progress_line, table
from tests.verify.labs import silent

CHECKS = [
    Check("A01", "Is _CHANGE_TIMESTAMP the moment from which queries see the row?", "yes: to a second", "a", silent),
    Check("P08", "Which delivery_type do deliveries have?", "push", "a", silent),
    Check("O01", "What are OTLP's metrics called?", "prometheus.googleapis.com/NAME/KIND", "a", silent),
    Check("S01", "What does a subscription say when its table is deleted?", "NOT_FOUND", "a", silent),
]
RESULTS = {
    "A01": Result("A01", Verdict.OK, "yes: 0.2 s at most", 12),
    "P08": Result("P08", Verdict.DIFFERS, "bigquery_export_with_a_name_that_is_long_and_has_no_blank", 3),
    "O01": Result("O01", Verdict.COULD_NOT_ASK, "a sandbox has no PromQL", 0, by_design=True),
}


def printed(what: object) -> list[str]:
    console = Console(width=80, record=True, file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    console.print(what)
    console.file.close()
    return console.export_text().splitlines()


def test_the_table_fits_on_80_columns_and_loses_no_word() -> None:
    lines = printed(table(CHECKS, RESULTS, 80))
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["id", "question", "expected", "seen", "verdict"]
    text = "".join("".join(lines).split())
    for word in ("bigquery_", "has_no_blank", "differs", "NAME/KIND", "couldnot"):
        assert word in text
    assert "S01" not in text


def test_the_closing_says_what_differs_and_how_to_report_it() -> None:
    text = "\n".join(printed(closing(CHECKS, RESULTS, Path("verify-report.json"))))
    assert "1 ok  1 differs  1 could not ask  (1 of them cannot be asked here by design)" in text
    assert "P08 expected push; seen: bigquery_export" in " ".join(text.split())
    assert "A01" not in text
    assert "Please open an issue" in text
    fine = {name: RESULTS[name] for name in ("A01", "O01")}
    assert "issue" not in "\n".join(printed(closing(CHECKS, fine, Path("verify-report.json"))))


def test_progress_says_what_is_waited_for_and_for_how_long_at_most() -> None:
    waiting = ("A01", "A02", "A03", "A04", "A05")
    progress = Progress(3, 40, "waiting for answers", waiting, timedelta(minutes=61, seconds=1))
    assert progress_line(progress) == (
        "3 of 40 answered; waiting for answers; no answer yet: A01, A02, A03 and 2 more; at most 1 h 2 min"
    )
    assert progress_line(Progress(0, 2, "making things")) == "0 of 2 answered; making things"
    assert [minutes(timedelta(seconds=each)) for each in (0, 1, 60, 3600)] == ["0 min", "1 min", "1 min", "1 h 0 min"]


def test_on_a_terminal_it_asks_first_and_shows_progress_in_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "tests.verify.program", "verify", "--project", sandbox.addresses.project]
    command += ["-c", sandbox.addresses.config, "--out", str(tmp_path / "report.json"), "--only", "b01,A02"]
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    os.write(leader, b"y\n")
    shown = b""
    while chunk := _read(leader):
        shown += chunk
    os.close(leader)
    assert process.wait() == 1
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "2 questions to the project flights-sandbox" in text
    assert "Go on? [y/N]" in text
    assert "0 of 2 answered; making the throwaway pipelines" in text
    assert "1 ok  1 differs" in text


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # the other end is closed
        return b""
