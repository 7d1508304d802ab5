"""Pages of lists."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from exporter.sandbox.pubsub.errors import invalid_argument

DEFAULT_SIZE = 100
MAX_SIZE = 1000

Item = TypeVar("Item")


def page(items: Sequence[Item], name_of: Callable[[Item], str], size: int, token: str) -> tuple[Sequence[Item], str]:
    """The page of a list sorted by name that a token asks for, and the token of the next page, empty after the last.

    Raises ``Refused`` for a negative size and for a token that was never given out.
    """
    if size < 0:
        raise invalid_argument("page_size")
    size = min(size or DEFAULT_SIZE, MAX_SIZE)
    after = _name(token)
    rest = [item for item in items if name_of(item) > after]
    chosen = rest[:size]
    return chosen, urlsafe_b64encode(name_of(chosen[-1]).encode()).decode() if len(rest) > size else ""


def _name(token: str) -> str:
    try:
        name = urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        name = "?"
    if name and not name.startswith("projects/"):
        raise invalid_argument("page_token")
    return name
