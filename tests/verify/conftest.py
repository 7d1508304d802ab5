"""A sandbox for each module, whose clock stands still until a run moves it on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.sandbox.server import Sandbox
from tests.verify.places import standing


@pytest.fixture(scope="module")
def standing_sandbox() -> Iterator[Sandbox]:
    with standing() as made:
        yield made


@pytest.fixture
def sandbox(standing_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The module's sandbox, without the faults that a test injects."""
    yield standing_sandbox
    standing_sandbox.world.engines.faults.clear()
