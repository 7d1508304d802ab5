from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exporter.rendering.encoding import decode, encode, plain

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=9)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    text = encode(value)
    assert decode(text) == value
    assert encode(decode(text)) == text


def test_it_is_written_as_terraform_writes_it() -> None:
    value = decode('{"b": [1.50, 1e-5, 1E3], "a": "<a & b> \u2028", "c": null, "d": {}, "e": []}')
    assert encode(value) == (r'{"a":"\u003ca \u0026 b\u003e \u2028","b":[1.5,0.00001,1000],"c":null,"d":{},"e":[]}')
    assert json.loads(encode(value))["a"] == "<a & b> \u2028"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_a_plain_number_is_the_same_number_without_frills(number: Decimal) -> None:
    text = plain(number)
    assert Decimal(text) == number
    assert "e" not in text.lower()
    assert not ("." in text and text.endswith(("0", ".")))
