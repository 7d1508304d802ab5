"""Cursors of pages: read as they were written, and nothing else is one."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.console import messages_cursor
from exporter.console.messages_cursor import Cursor
from exporter.sources.bigquery.messages import Place
from exporter.windows import EPOCH

MOMENTS = st.integers(0, 253_402_300_799_999_999).map(lambda us: EPOCH + timedelta(microseconds=us))
CURSORS = st.builds(
    lambda one, other, key, skipped: Cursor(min(one, other), Place(max(one, other), key, skipped)),
    MOMENTS,
    MOMENTS,
    st.text(max_size=40),
    st.integers(1, 2**53 - 1),
)


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    text = messages_cursor.write(cursor, "departures")
    assert messages_cursor.read(text, "departures") == cursor
    assert all(letter.isalnum() or letter in "-_" for letter in text)
    with pytest.raises(ValueError, match="no cursor"):
        messages_cursor.read(text, "arrivals")


@given(CURSORS, st.data())
def test_a_cursor_that_was_changed_is_none(cursor: Cursor, data: st.DataObject) -> None:
    text = messages_cursor.write(cursor, "departures")
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_").filter(lambda each: each != text[place]))
    changed = text[:place] + letter + text[place + 1 :]
    try:
        found = messages_cursor.read(changed, "departures")
    except ValueError:
        return
    assert found == cursor  # the last letter may hold bits that mean nothing


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_what_was_made_up_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that is promised
        messages_cursor.read(text, "departures")


FORGED: Sequence[object] = (
    [],
    [0, 0, "", 0],
    [0, 0, "", True],
    [5, 4, "", 1],
    [-1, 4, "", 1],
    [0, 10**18, "", 1],
    [0, 4, None, 1],
    [0, 4, "", 2**53],
    [0, 4, "", 1, 1],
    [0.5, 4, "", 1],
    {"start": 1},
)


BODIES = (
    *(json.dumps(members, separators=(",", ":")).encode() for members in FORGED),
    b"[" * 2000,
    b"",
    b"\xff",
    b'[0, 4, "", 1]',
)


@pytest.mark.parametrize("body", BODIES)
def test_a_cursor_with_a_true_digest_is_checked_all_the_same(body: bytes) -> None:
    raw = messages_cursor._digest(body, "departures") + body
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that is promised
        messages_cursor.read(base64.urlsafe_b64encode(raw).decode().rstrip("="), "departures")
