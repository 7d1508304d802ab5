from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.monitoring.cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as made:
        yield made
