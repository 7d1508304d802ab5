"""``exporter sandbox --like FILE``: what a report of ``exporter verify`` makes of a sandbox, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter import sandboxing
from exporter.errors import UsageError
from exporter.sandbox.conduct import Conduct
from exporter.sandbox.server import SandboxOptions

MEASURED = {
    "spacing": "clock",
    "delivery_type": "bigquery",
    "attempt_unit": "message",
    "write_metadata_columns": ["message_id", "publish_time"],
    "metric_delay_s": {"pubsub.googleapis.com/topic/message_sizes": 95},
    "storage_delay_s": 12.5,
}
COMMAND = [sys.executable, "-m", "exporter", "sandbox", "--systems", "1", "--history", "1m", "--json"]


def report(tmp_path: Path, **more: Any) -> Path:
    path = tmp_path / "verify-report.json"
    whole = {"version": 1, "tool": "9.9", "place": {"location": "US"}, "checks": [], "parameters": MEASURED, **more}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def options(path: Path) -> SandboxOptions:
    return sandboxing.options(
        systems=1, history=timedelta(minutes=1), scenario=None, latency=None, seed=1, now=None, speed=1, like=path
    )


def test_what_was_measured_is_in_force_from_the_start(tmp_path: Path) -> None:
    process = subprocess.Popen([*COMMAND, "--like", str(report(tmp_path))], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        control = json.loads(process.stdout.readline())["control"]
        with urllib.request.urlopen(f"{control}/conduct", timeout=30) as answer:
            conduct = json.load(answer)["conduct"]
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert conduct == {**Conduct().as_json(), **MEASURED}


def test_a_report_without_parameters_that_differ_changes_nothing(tmp_path: Path) -> None:
    assert options(report(tmp_path, parameters={})).conduct == Conduct()


def test_a_bad_report_ends_the_command_with_one_message_and_status_2(tmp_path: Path) -> None:
    path = report(tmp_path, parameters={"spacing": "day"})
    done = subprocess.run([*COMMAND, "--like", str(path)], capture_output=True, text=True, timeout=60, check=False)
    wanted = f"--like: {path}: parameters: spacing must be one of end_time, clock\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", wanted)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "of a newer exporter": (
        {"parameters": {"spacing_s": 5, "warp": 1, "flux": 2}},
        "has parameters that this exporter does not know: flux, warp: a newer exporter wrote it",
    ),
    "of a newer version": ({"version": 2}, "is of version 2, and this exporter reads 1"),
    "without version": ({"version": None}, "is of version null"),
    "of version true": ({"version": True}, "is of version true"),
    "without parameters": ({"parameters": None}, "has no object `parameters`"),
    "with a list of parameters": ({"parameters": [1]}, "has no object `parameters`"),
    "with a metric that is none": (
        {"parameters": {"metric_delay_s": {"x/y": 1}}},
        "metric_delay_s names no metric of a service: x/y",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_report_that_cannot_be_followed_is_refused(tmp_path: Path, name: str) -> None:
    more, message = BAD[name]
    with pytest.raises(UsageError) as refused:
        options(report(tmp_path, **more))
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"--like: {tmp_path / 'verify-report.json'}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is not JSON"),
        (b'{"version": 1', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no report"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "some.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        options(path)
    assert message in str(refused.value)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        options(tmp_path)
