"""Why a request is refused, and how the headers of a request are read so that no second copy slips by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case and values, as ASGI has them: a name given twice is there twice."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not answered: the status and the words that are, and headers for them."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a header, in order."""
    wanted = name.encode()
    return [value.decode("latin-1").strip() for key, value in headers if key == wanted]


def only(headers: Headers, name: str) -> str | None:
    """The value of a header; None where it is missing, or there more than once and nobody knows which one counts."""
    found = values(headers, name)
    return found[0] if len(found) == 1 else None
