from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.length import LONG

_HOURS_S = 3 * 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long torture takes as long as it takes."""
    for item in items:
        if LONG and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(_HOURS_S))
