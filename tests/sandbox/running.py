"""Whole sandboxes for tests, and questions to their control planes."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exporter.sandbox.server import Sandbox, SandboxOptions

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


def still(systems: int = 4, *, scenario: str | None = None, history_s: float = 1800, seed: int = 1) -> Sandbox:
    """A sandbox whose clock moves only when it is told to."""
    return Sandbox(
        SandboxOptions(systems=systems, scenario=scenario, history_s=history_s, seed=seed, now=NOW, speed=0, live=False)
    )


def ask(sandbox: Sandbox, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of a request to the control plane; a body in bytes is sent as it is."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(sandbox.addresses.control + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def advance(sandbox: Sandbox, seconds: float) -> None:
    """Move the time forward, as an outside program does."""
    status, _ = ask(sandbox, "POST", "/clock", {"advance_s": seconds})
    assert status == 200


def calls(sandbox: Sandbox, api: str, method: str) -> int:
    """How many calls of a method were answered well."""
    _, stats = ask(sandbox, "GET", "/stats")
    return int(stats["calls"].get(api, {}).get(method, {}).get("OK", 0))


def eventually(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def lines(path: Path) -> list[dict[str, Any]]:
    """Records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
