"""The filter language, on its own and through ListTimeSeries."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.api_core.exceptions import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.monitoring.errors import Refused
from exporter.sandbox.monitoring.filters import Field, Filter, parse, parse_field
from exporter.sandbox.monitoring.selection import SERIES_FIELDS, Known
from tests.sandbox.monitoring.cloud import NAME, TASK, Cloud, of_type, series

DEPARTURES = Known(
    "acme-data",
    "custom.googleapis.com/pipeline/messages",
    "generic_task",
    (("attempt", "12"), ("outcome", "Dead_Lettered"), ("two words", "x")),
    (("job", "departures"), ("location", "europe-west1"), ("project_id", "acme-data")),
)


def understood(text: str) -> Filter:
    return parse(text, SERIES_FIELDS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ('metric.type = "custom.googleapis.com/pipeline/messages"', True),
        ('metric.type="custom.googleapis.com/pipeline/message"', False),
        ("metric.type = custom.googleapis.com/pipeline/messages", True),
        ("metric.type = 'custom.googleapis.com/pipeline/messages'", True),
        ('metric.type != "x"', True),
        ('resource.type = "generic_task"', True),
        ("resource.type = generic_node", False),
        ('project = "acme-data"', True),
        ('project = "acme"', False),
        ('metric.labels.outcome = "Dead_Lettered"', True),
        ('metric.label.outcome = "Dead_Lettered"', True),
        ('metric.label."outcome" = "Dead_Lettered"', True),
        ('metric.labels."two words" = "x"', True),
        ('metric.labels.outcome = "dead_lettered"', False),  # equality minds the case
        ('metric.labels.outcome : "dead"', True),  # containment does not
        ("metric.labels.outcome:LETTER", True),
        ("metric.labels.outcome:alive", False),
        ("metric.labels.attempt = 12", True),
        ("metric.labels.attempt > 11.5", True),
        ("metric.labels.attempt >= 12", True),
        ("metric.labels.attempt < 12", False),
        ("metric.labels.attempt <= -1", False),
        ("metric.labels.outcome > 3", False),  # no number
        ('resource.labels.location = starts_with("europe-")', True),
        ('resource.labels.location != starts_with("europe-")', False),
        ('resource.labels.location = ends_with("west1")', True),
        ('resource.labels.location = has_substring("pe-we")', True),
        ('resource.labels.location = has_substring("PE")', False),
        ('resource.labels.job = one_of("arrivals", "departures")', True),
        ('resource.labels.job = one_of("arrivals")', False),
        ('resource.labels.job = monitoring.regex.full_match("dep.*s|x")', True),
        ('resource.labels.job = monitoring.regex.full_match("dep")', False),
        ('resource.labels.job = "a \\"b\\""', False),
        ("metric.labels:attempt", True),
        ("metric.label:none", False),
        ('metric.labels.none = ""', True),  # a label that is not there is empty
        ('metric.labels.none != "a"', True),
        ('group.id = "7"', False),
        ('metadata.user_labels.team = "x"', False),
        ('NOT resource.type = "global"', True),
        ('-resource.type = "global"', True),
        ('NOT NOT resource.type = "global"', False),
        ('resource.type = "generic_task" AND project = "acme-data"', True),
        ('resource.type = "generic_task" project = "acme-data"', True),  # AND is understood
        ('resource.type = "generic_task"\nproject = "x"', False),
        ('resource.type = "global" OR project = "acme-data"', True),
        ('(resource.type = "global" OR project = "acme-data") AND resource.labels.job = "departures"', True),
        # OR binds more tightly than AND: neither reading order nor the habit of other languages
        ('project = "x" AND resource.type = "global" OR project = "acme-data"', False),
        ('project = "acme-data" OR project = "x" AND resource.type = "global"', False),
        ('NOT (resource.type = "global" OR project = "acme-data")', False),
    ],
)
def test_matches(text: str, expected: bool) -> None:
    assert understood(text).matches(DEPARTURES) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("metric.type", "expected a comparison operator at position 12"),
        ("metric.type =", "expected a value at position 14"),
        ('metric.type == "x"', "expected a value at position 14"),
        ('metric.type = "x" AND', "expected a comparison at position 22"),
        ('AND metric.type = "x"', "expected a comparison at position 1"),
        ('(metric.type = "x"', 'expected ")" at position 19'),
        ('metric.type = "x")', "expected AND, OR or the end at position 18"),
        ('metric.type = "x', "unexpected character at position 15"),
        ('metric.typ = "x"', '"metric.typ" is not a field that can be compared here'),
        ("metadata.labels:team", '"metadata.labels" is not a field'),
        ('resource.labels = "x"', '"resource.labels" is not a field'),
        ('value > "x"', '"value" is not a field'),
        ("metric.labels.n > abc", "expected a number at position 19"),
        ('metric.type = begins_with("x")', 'there is no function "begins_with"'),
        ('metric.type = starts_with("x", "y")', '"starts_with" takes one value'),
        ("metric.type = starts_with(x)", "expected a quoted string at position 27"),
        ('metric.type = starts_with("x"', 'expected ")"'),
        ('metric.type = monitoring.regex.full_match("(")', '"(" is not a regular expression'),
        ("metric.type = one_of(" + ", ".join(['"x"'] * 101) + ")", "one_of takes at most 100 values"),
        ('metric.type = "x" and project = "y"', '"and" is not a field'),
        ("(" * 101 + 'metric.type = "x"' + ")" * 101, "nested more than 100 deep at position 101"),
        ("NOT " * 101 + 'metric.type = "x"', "nested more than 100 deep"),
    ],
)
def test_says_what_cannot_be_understood(text: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        understood(text)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.message.startswith(
        f'Field filter had an invalid value of "{text}": Could not parse the filter: '
    )
    assert reason in caught.value.message


def test_takes_one_of_a_hundred_values() -> None:
    values = ", ".join(f'"job-{n}"' for n in range(99))
    assert understood(f'resource.labels.job = one_of({values}, "departures")').matches(DEPARTURES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('metric.type = "a" AND resource.labels.job = "x"', True),
        ('metric.type = "b" AND resource.labels.job = "x"', False),
        ('metric.type = "b" OR resource.labels.job = "x"', True),
        ('NOT (metric.type = "a" OR resource.labels.job = "x")', False),
        ('NOT (metric.type = "a" AND resource.labels.job = "x")', True),
        ("metric.labels:outcome", True),
    ],
)
def test_may_match_what_is_not_known_yet(text: str, expected: bool) -> None:
    assert understood(text).may_match(Known("acme-data", "a")) is expected
    assert not understood(f"({text}) AND (NOT ({text}))").matches(Known("acme-data", "a"))


COMPARISONS = st.sampled_from(
    ['project = "acme-data"', 'resource.type = "global"', 'metric.labels.none = "x"', "metric.labels:attempt"]
)


@given(COMPARISONS, COMPARISONS, COMPARISONS)
def test_binds_not_before_or_before_and(a: str, b: str, c: str) -> None:
    assert understood(f"NOT {a} OR {b} AND {c}").matches(DEPARTURES) == understood(
        f"((NOT ({a})) OR ({b})) AND ({c})"
    ).matches(DEPARTURES)
    assert understood(f"NOT ({a} {b})").matches(DEPARTURES) == understood(f"(NOT {a}) OR (NOT {b})").matches(DEPARTURES)


@given(st.text())
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with suppress(Refused):
        assert understood(text).matches(DEPARTURES) in (True, False)


@given(st.text(min_size=1))
def test_any_value_can_be_quoted(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    known = Known("p", "m", "r", (("label", value),), ())
    assert understood(f'metric.labels.label = "{quoted}"').matches(known)
    assert understood(f'metric.labels.label = one_of("{quoted}")').matches(known)


def test_fields_have_several_spellings() -> None:
    assert parse_field('metric.label."a"') == parse_field("metric.labels.a") == Field("metric.labels", "a")
    assert parse_field("resource.label.*") == Field("resource.labels", "*")
    assert parse_field("metric.kind") is None


class TestListTimeSeries:
    def test_selects_series(self, cloud: Cloud) -> None:
        for job in ("departures", "arrivals"):
            cloud.write(
                *(
                    series(labels={"quantile": q}, resource=("generic_task", {**TASK, "job": job}))
                    for q in ("0.5", "0.99")
                )
            )
        found = cloud.read(f'{of_type()} AND resource.labels.job = one_of("arrivals") AND metric.labels.quantile > 0.9')
        assert [(each.resource.labels["job"], each.metric.labels["quantile"]) for each in found] == [
            ("arrivals", "0.99")
        ]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "Request was missing field filter."),
            ('resource.type = "generic_task"', 'The filter must restrict "metric.type" to one metric.'),
            (
                'metric.type = starts_with("pubsub.googleapis.com/")',
                "The provided filter matches more than one metric. TimeSeries data are limited to a single metric per request.",
            ),
            (
                'metric.type = one_of("pubsub.googleapis.com/topic/byte_cost", "pubsub.googleapis.com/topic/message_sizes")',
                "The provided filter matches more than one metric.",
            ),
            ('metric.type = starts_with("none")', "The provided filter doesn't refer to any known metric."),
            (
                'metric.type = "pubsub.googleapis.com/topic/byte_cost" AND resource.type = "generic_task"',
                "The supplied filter does not specify a valid combination of metric and monitored resource descriptors.",
            ),
            ("metric.type = (", "Could not parse the filter"),
        ],
    )
    def test_refuses(self, cloud: Cloud, text: str, reason: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            cloud.read(text)
        assert reason in caught.value.message

    def test_takes_a_function_that_leaves_one_metric(self, cloud: Cloud) -> None:
        cloud.write(series())
        assert len(cloud.read('metric.type = ends_with("pipeline/latency")')) == 1

    def test_keeps_projects_apart(self, cloud: Cloud) -> None:
        cloud.write(series())
        cloud.client.create_time_series(name="projects/acme-data", time_series=[series(2.0)])
        (found,) = cloud.read(f'{of_type()} AND project = "{NAME.removeprefix("projects/")}"')
        assert found.points[0].value.double_value == 1.0
        assert cloud.read(f'{of_type()} AND project = "acme-data"') == []
