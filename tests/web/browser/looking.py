"""Looks at pages of the console, and notes whatever a page does that it must not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Dialog, Page

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Of Chromium: it may run as root, and asks nobody but the console."""

SETTLED = "main:has(> *):not([aria-busy]):not(:has(.plot:not([data-drawn])))"
"""A page that has its answers, and has drawn them."""

DRAWN = """
() => [...document.querySelectorAll('.plot')].map((plot) => ({
  title: plot.closest('.card').querySelector('h2, h3').textContent,
  range: plot.layout.xaxis.range,
  traces: plot.data.map(({ type, x, y, z, meta }) => ({ type, x: [...x], y: [...y], z: z ?? null, meta })),
}))
"""
"""What Plotly was given."""


@dataclass
class Look:
    """A page, its address, and what is wrong with it."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def dismiss(self, dialog: Dialog) -> None:
        """No page of the console opens dialogs of the browser."""
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> None:
        """Go to a page, and wait until it shows everything."""
        self.page.goto(f"{self.address}{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page shows everything."""
        self.page.wait_for_selector(SETTLED, state="attached", timeout=60_000)

    def settle_at(self, fragment: str) -> None:
        """Wait until the address has a fragment, and the page shows everything."""
        self.page.wait_for_url(lambda url: fragment in url, timeout=60_000)
        self.settle()

    def drawn(self) -> list[dict[str, Any]]:
        """All charts: their titles, time ranges and traces."""
        found: list[dict[str, Any]] = self.page.evaluate(DRAWN)
        return found

    def fetch(self, path: str) -> Any:
        """The JSON that the page itself would get."""
        return self.page.evaluate("path => fetch(path).then((answer) => answer.json())", path)

    def module(self, name: str, expression: str, argument: Any = None) -> Any:
        """Evaluate an expression over a module ``m`` of the console, and an argument ``a``."""
        script = f"async (a) => {{ const m = await import('/static/{name}'); return {expression}; }}"
        return self.page.evaluate(script, argument)

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements that fit."""
        return self.page.locator(selector).all_inner_texts()


@contextmanager
def looking(context: BrowserContext, address: str) -> Iterator[Look]:
    """Open a tab, and hold against its page what it did."""
    page = context.new_page()
    page.set_default_timeout(60_000)
    look = Look(page, address)
    page.on("console", lambda said: look.wrong.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: look.wrong.append(str(error)))
    page.on("dialog", look.dismiss)
    page.on("request", lambda asked: look.hosts.add(urlsplit(asked.url).netloc))
    try:
        yield look
        assert look.wrong == [], look.wrong
        assert look.hosts <= {"", urlsplit(address).netloc}
    finally:
        page.close()
