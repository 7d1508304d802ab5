"""One GoogleSQL analyser a process."""

from __future__ import annotations

import pytest

from tests.sql.analyser import GoogleSQL


@pytest.fixture(scope="session")
def googlesql() -> GoogleSQL:
    return GoogleSQL()
