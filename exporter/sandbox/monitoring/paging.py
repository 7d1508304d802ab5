"""Pages of a list: a token says where the next page begins and of which list it is."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from exporter.sandbox.monitoring.errors import Proto, Refused, invalid_field

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins, and as of when its list is read: time and number of the points that there were."""

    offset: int
    at_us: int
    points: int

    def token(self, request: Proto, offset: int) -> str:
        """The token of a later page of the same list."""
        text = json.dumps([offset, self.at_us, self.points, _digest(request)])
        return base64.urlsafe_b64encode(text.encode()).decode()


def place(request: Proto, at_us: int, points: int) -> Place:
    """Where the page begins that a request asks for; raises ``Refused`` when its token belongs to another list."""
    if not request.page_token:
        return Place(0, at_us, points)
    try:
        offset, first_us, first_points, digest = json.loads(base64.urlsafe_b64decode(request.page_token))
    except (ValueError, binascii.Error) as error:
        raise _bad_token(request) from error
    if digest != _digest(request):
        raise _bad_token(request)
    return Place(offset, first_us, first_points)


def size(request: Proto, most: int) -> int:
    """How much goes on a page; raises ``Refused``."""
    if request.page_size < 0:
        raise invalid_field("pageSize", str(request.page_size), "The page size must not be negative.")
    return min(request.page_size or most, most)


def page(items: Sequence[T], request: Proto, most: int) -> tuple[Sequence[T], str]:
    """One page of a list that does not change, and the token of the next."""
    where, length = place(request, 0, 0), size(request, most)
    last = where.offset + length
    return items[where.offset : last], where.token(request, last) if last < len(items) else ""


def _digest(request: Proto) -> str:
    bare = type(request)()
    bare.CopyFrom(request)
    bare.page_token = ""
    bare.page_size = 0
    return blake2b(bare.SerializeToString(deterministic=True), digest_size=8).hexdigest()


def _bad_token(request: Proto) -> Refused:
    return invalid_field("pageToken", request.page_token, "The page token does not belong to this request.")
