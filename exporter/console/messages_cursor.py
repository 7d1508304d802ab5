"""Cursors: where the next page of messages begins, as text that is made here and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.sources.bigquery.messages import Place
from exporter.windows import EPOCH

MAX_LENGTH = 4096
_DIGEST = 12
_LATEST_US = 253_402_300_799_999_999
"""The end of the year 9999, the last moment that BigQuery knows."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins, and the start of the range that its first page was asked for."""

    start: datetime
    place: Place


def write(cursor: Cursor, system: str) -> str:
    """A cursor as text, good for one system; letters, digits, ``-`` and ``_`` only."""
    body = _body(cursor)
    return base64.urlsafe_b64encode(_digest(body, system) + body).decode().rstrip("=")


def read(text: str, system: str) -> Cursor:
    """A cursor out of its text; raises ``ValueError`` for any text that was not made for this system.

    The digest holds no secret. It makes sure that what was cut off, mistyped or made up is a bad cursor and not another place; a cursor
    that somebody takes the trouble to forge is a place in the rows that they may read anyway.
    """
    if len(text) > MAX_LENGTH or not text.isascii():
        raise ValueError("no cursor")
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    digest, body = raw[:_DIGEST], raw[_DIGEST:]
    if not hmac.compare_digest(digest, _digest(body, system)):
        raise ValueError("no cursor of this system")
    try:
        found = _parsed(json.loads(body))
    except RecursionError as error:
        raise ValueError("no cursor") from error
    if _body(found) != body:
        raise ValueError("no cursor that was written here")
    return found


def _body(cursor: Cursor) -> bytes:
    place = cursor.place
    members = [_us(cursor.start), _us(place.from_time), place.from_id or "", place.skipped]
    return json.dumps(members, separators=(",", ":")).encode()


def _parsed(members: object) -> Cursor:
    match members:
        case [int(start_us), int(from_us), str(from_id), int(skipped)] if (
            0 <= start_us <= from_us <= _LATEST_US and 1 <= skipped < 2**53
        ):
            return Cursor(_moment(start_us), Place(_moment(from_us), from_id, int(skipped)))
    raise ValueError("no cursor")


def _digest(body: bytes, system: str) -> bytes:
    return hashlib.blake2b(system.encode() + b"\0" + body, digest_size=_DIGEST, person=b"messages").digest()


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _moment(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)
