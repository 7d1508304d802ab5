from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from exporter.console import spreadsheets


def test_a_table_is_as_rfc_4180_has_it() -> None:
    text = spreadsheets.table(["a", "b"], [['say "x", y', 1.5], [None, -2], ["two\nlines", True]])
    assert text == 'a,b\r\n"say ""x"", y",1.5\r\n,-2\r\n"two\nlines",True\r\n'


@given(st.text(max_size=20).filter(lambda text: "\0" not in text))
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    (_, (read,)) = csv.reader(io.StringIO(spreadsheets.table(["x"], [[text]]), newline="")) if text else ([], [""])
    assert read in (text, f"'{text}")
    assert not read.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert read == text or text[0] in "=+-@\t\r\n"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_all_their_digits(value: float) -> None:
    (_, (read,)) = csv.reader(io.StringIO(spreadsheets.table(["x"], [[value]])))
    assert float(read) == value
