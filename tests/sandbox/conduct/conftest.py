"""One sandbox for all tests of conduct of a worker; each test puts back what it changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from exporter.sandbox.server import Sandbox, SandboxOptions
from tests.sandbox.conduct.lab import Lab

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Sandbox(SandboxOptions(systems=1, history_s=60, now=NOW, speed=0, live=False)) as sandbox:
        made = Lab(sandbox)
        yield made
        made.close()
