from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from tests.sinks.cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as made:
        yield made


@pytest.fixture
def sink(cloud: Cloud) -> CloudMonitoringSink:
    """A sink whose descriptors are there, with nothing counted yet."""
    made = cloud.sink()
    made.prepare()
    cloud.calls.clear()
    return made
