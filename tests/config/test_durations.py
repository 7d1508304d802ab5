"""Durations as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import format_duration, parse_duration
from exporter.config.values import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("15m", 900),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2d3h4m5s", 183_845),
        ("0.000001s", 0.000001),
        ("1.5s", 1.5),
        ("90m", 5400),
    ],
)
def test_parse(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


_NONE = [
    *(
        "",
        " ",
        "30",
        "s",
        "1.5h",
        "-1s",
        "+1s",
        "1 h",
        "1H",
        "30m1h",
        "1s1s",
        "1e3s",
        "1.s",
        ".5s",
        "1.0000001s",
        "30s ",
    ),
    *("30s\n", "\uff13\uff10s", "\u0663s", "1_0s", "nan", "inf", "1234567890s"),
]


@pytest.mark.parametrize("text", _NONE)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is no duration: write a number with its unit")):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.1, "0.1s"), (59.9999999, "1m"), (0.9999999, "1s"), (3600, "1h"), (90_061.5, "1d1h1m1.5s"), (60.5, "1m0.5s")],
)  # fmt: skip
def test_format(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**15))
def test_microseconds_survive(microseconds: int) -> None:
    assert round(parse_duration(format_duration(microseconds / 1_000_000)) * 1_000_000) == microseconds


@given(st.floats(0, 10**8))
def test_what_is_written_can_be_read(seconds: float) -> None:
    """To the microsecond, within what a float of that size can hold."""
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-15, abs=6e-7)


_COUNTS = st.lists(st.none() | st.integers(0, 10**10), min_size=4, max_size=4)
_WRITTEN = _COUNTS.map(
    lambda counts: "".join(f"{n}{unit}" for n, unit in zip(counts, "dhms", strict=True) if n is not None)
)


@given(_WRITTEN | st.text("0123456789dhms.", max_size=6))
def test_the_schema_takes_what_the_parser_takes(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        taken = False
    else:
        taken = True
    assert taken == (re.search(Duration(0, 1).schema()["pattern"], text) is not None)
