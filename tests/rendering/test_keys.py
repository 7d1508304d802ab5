"""The table of keys that Terraform reads is the parser's own, and says the same of every text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import fields, parse_duration
from exporter.config.values import Kind, ListOf, Text, parse_active_hours
from exporter.rendering import keys

FILE = Path(__file__).parents[2] / "terraform" / "modules" / "config" / "keys.json"
RULES = keys.rules()


def texts(kind: Kind) -> Iterable[str]:
    """Patterns of all texts within a kind."""
    match kind:
        case Text(pattern, _):
            yield pattern
        case ListOf(each, _):
            yield from texts(each)
        case fields.Section(known, _):
            for each in known.values():
                yield from texts(each)


PATTERNS = sorted({p for s in (fields.SYSTEM, fields.EXPORTER, fields.ENDPOINTS) for p in texts(s)})


def met(forms: Iterable[dict[str, str]], text: str) -> bool:
    """Whether a text has one of the forms, as Terraform looks at it: ``$`` is the end of a text, and not of its last line."""
    return any(
        re.search(form["is"].replace("$", r"\Z"), text) is not None
        and (form["not"] == "" or re.search(form["not"].replace("$", r"\Z"), text) is None)
        for form in forms
    )


def test_the_file_is_what_the_parser_would_make_now() -> None:
    assert FILE.read_text("utf-8") == keys.written(), (
        "python -m exporter.rendering.keys > terraform/modules/config/keys.json"
    )


def test_every_key_of_the_file_has_a_rule() -> None:
    for path, rule in RULES.items():
        assert all((f"{path}.{key}" if path else key) in RULES for key in rule.get("keys", ()))
        assert set(rule.get("required", ())) <= set(rule.get("keys", ()))
        assert not re.search(r"\(\?[^:i]", str(rule.get("forms", ""))), f"{path} looks ahead"


def near(pattern: str) -> st.SearchStrategy[str]:
    """Texts that a pattern takes, and such texts with one character too many or too few."""
    good = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    odd = st.sampled_from(["", " ", "/", ".", "-", "goog", "aws-", "projects/", "A", "0", "\n", "é"])
    spoilt = st.builds(lambda text, at, more: text[:at] + more + text[at + 1 :], good, st.integers(0, 40), odd)
    return good | spoilt | st.text(max_size=12)


@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
def test_forms_take_what_the_pattern_takes(pattern: str, data: st.DataObject) -> None:
    text = data.draw(near(pattern))
    assert met(keys.forms(pattern), text) == (re.fullmatch(pattern, text, re.ASCII) is not None)


def reads(parse: object, text: str) -> bool:
    assert callable(parse)
    try:
        parse(text)
    except ValueError:
        return False
    return True


@given(st.from_regex(r"\A(?:[0-9]{1,2}[dhms]?){0,3}(?:[0-9.]{1,4}s)?\Z") | st.text("0123456789.dhms ", max_size=8))
def test_durations_have_the_parsers_form(text: str) -> None:
    assert met(RULES["defaults.interval"]["forms"], text) == reads(parse_duration, text)


DAYS = st.sampled_from(["Mon", "mon-Fri", "Sat,Sun", "Mon-Mon,tue", "Day", "Mon-", "Mon,,Tue", ""])
TIMES = st.sampled_from(["00:00", "08:30", "23:59", "24:00", "24:01", "12:60", "7:00", "29:00"])


@given(DAYS, TIMES, TIMES, st.sampled_from(["UTC", "Europe/Paris", "", "UTC ", "(UTC)"]))
def test_active_hours_have_the_parsers_form(days: str, start: str, end: str, zone: str) -> None:
    text = f"{days} {start}-{end} {zone}"
    if start != end:
        assert met(RULES["defaults.active_hours"]["forms"], text) == reads(parse_active_hours, text)
