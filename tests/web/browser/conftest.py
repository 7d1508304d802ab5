from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from tests import programs
from tests.web.browser.looking import ARGUMENTS, Look, looking
from tests.web.consoles import Console, consoles

SYSTEMS = 50


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    """One browser for the tests of a module; while it is there, its event loop runs, and tests with one of their own cannot."""
    path = programs.need("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chromium.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme="light", timezone_id="UTC", locale="en-GB"
        )
        chromium.close()


@pytest.fixture(scope="session")
def console() -> Iterator[Console]:
    """A fleet of fifty systems with an hour of history."""
    with consoles(SYSTEMS, history_s=3600) as served:
        yield served


@pytest.fixture
def look(context: BrowserContext, console: Console) -> Iterator[Look]:
    """A page of the console; the test fails if it complains, or asks anybody else."""
    with looking(context, console.address) as found:
        yield found
