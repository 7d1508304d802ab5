from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.local import Local


@pytest.fixture
def local() -> Iterator[Local]:
    made = Local()
    yield made
    made.close()
