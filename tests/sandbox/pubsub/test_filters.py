from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.pubsub.errors import Refused
from exporter.sandbox.pubsub.filters import compile_filter

ATTRIBUTES = {"domain": "com", "region": "us-east1", "iana.org/language_tag": "en", 'quo"te': "\\"}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("attributes:domain", True),
        ("attributes:missing", False),
        ("NOT attributes:missing", True),
        ("-attributes:domain", False),
        ("NOT NOT attributes:domain", True),
        ('attributes.domain = "com"', True),
        ('attributes.domain="org"', False),
        ('attributes.domain != "com"', False),
        ('attributes.missing != "com"', True),
        ('attributes.missing = ""', False),
        ('attributes."iana.org/language_tag" = "en"', True),
        ('attributes:"iana.org/language_tag"', True),
        (r'attributes."quo\"te" = "\\"', True),
        ('hasPrefix(attributes.region, "us-")', True),
        ('hasPrefix(attributes.region, "eu-")', False),
        ('hasPrefix(attributes.missing, "")', False),
        ('attributes:domain AND attributes.region = "us-east1"', True),
        ('attributes:domain AND attributes.region = "eu"', False),
        ('attributes.domain = "org" OR attributes.domain = "com"', True),
        ("attributes:a OR attributes:b OR attributes:c", False),
        ("attributes:domain AND (attributes:missing OR attributes:region)", True),
        ("NOT (attributes:domain AND attributes:region)", False),
        ("  attributes:domain  ", True),
    ],
)
def test_filters_follow_the_documentation(text: str, passes: bool) -> None:
    predicate = compile_filter(text)
    assert predicate is not None
    assert predicate(ATTRIBUTES) is passes


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "attributes",
        "attributes.",
        "attributes.domain",
        "attributes.domain = com",
        "attributes.domain == 'com'",
        'attributes.domain > "com"',
        'data = "x"',
        "attributes:domain attributes:region",
        "attributes:a AND attributes:b OR attributes:c",
        "attributes:a AND",
        "NOT",
        "(attributes:a",
        "attributes:a)",
        'hasPrefix(attributes.a "b")',
        'hasprefix(attributes.a, "b")',
        "attributes:a and attributes:b",
        'attributes.1a = "b"',
        'attributes.a = "b',
        f'attributes.a = "{"b" * 256}"',
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        compile_filter(text)
    assert refusal.value.code == "INVALID_ARGUMENT"


def test_the_empty_filter_lets_everything_through() -> None:
    assert compile_filter("") is None


@given(st.text(max_size=60))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        predicate = compile_filter(text)
    except Refused:
        return
    assert predicate is None or predicate(ATTRIBUTES) in (True, False)
