"""Rules that tie keys, sections and systems together: nothing is hidden by another mistake, and nothing is made up."""

from __future__ import annotations

import pytest

from tests.config.samples import GOOD, HEAD, SYSTEM, mistakes

SECOND = "  - {id: arrivals, topic: arrivals, subscription: departures-bq, table: arrivals}\n"
"""Another system, on one line: its subscription is the first one's, its table is in no dataset."""


def _places(text: str) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.key) for mistake in mistakes(text)]


@pytest.mark.parametrize("defaults", ["acme-data", "[acme-data]", "", "7"])
def test_defaults_that_cannot_be_read_are_the_only_mistake(defaults: str) -> None:
    text = f"fleet: flights\ndefaults: {defaults}\n{SYSTEM}exporter: {{monitoring_project: acme-data}}\n"
    assert _places(text) == [(2, "defaults")]
    assert _places(text.replace("topic: departures", "topic: d")) == [(2, "defaults"), (5, "systems[0].topic")]


def test_defaults_that_cannot_be_read_may_have_named_the_project_of_the_metrics() -> None:
    assert _places(f"fleet: flights\ndefaults: acme-data\n{SYSTEM}") == [(2, "defaults")]


def test_an_exporter_that_cannot_be_read_may_have_named_it_too() -> None:
    head = "fleet: flights\nexporter: acme-data\n"
    system = f"{SYSTEM}    project: acme-data\n    location: EU\n"
    assert _places(head + system) == [(2, "exporter")]


def test_a_repeated_subscription_is_found_in_a_system_with_other_mistakes() -> None:
    expected = [(8, "systems[1].subscription"), (8, "systems[1].table")]
    assert sorted(_places(GOOD + SECOND)) == expected
    first_is_bad = GOOD.replace("topic: departures", "topic: d")
    assert sorted(_places(first_is_bad + SECOND)) == [(5, "systems[0].topic"), *expected]


def test_a_repeated_subscription_is_found_beside_a_reserved_id() -> None:
    second = SECOND.replace("id: arrivals", "id: fleet").replace("table: arrivals", "table: raw.arrivals")
    assert sorted(_places(GOOD + second)) == [(8, "systems[1].id"), (8, "systems[1].subscription")]


def test_the_same_short_name_in_two_projects_is_no_repetition() -> None:
    second = SECOND.replace("table: arrivals", "table: raw.arrivals, project: acme-other")
    assert _places(GOOD + second) == []


@pytest.mark.parametrize("name", ["departures-bq", "projects/acme-data/subscriptions/departures-bq"])
def test_dead_letters_are_not_kept_by_the_subscription_that_refused_them(name: str) -> None:
    assert _places(f"{GOOD}    dead_letter_subscription: {name}\n") == [(8, "systems[0].dead_letter_subscription")]
    assert _places(f"{GOOD}    dead_letter_subscription: {name}.dlq\n") == []


@pytest.mark.parametrize(
    ("defaults", "columns", "expected"),
    [
        ("", "{message_id: publish_time}", [(8, "systems[0].columns.message_id")]),
        ("", "{message_id: PUBLISH_TIME}", [(8, "systems[0].columns.message_id")]),
        ("", "{publish_time: message_id}", [(8, "systems[0].columns.publish_time")]),
        ("", "{publish_time: at, ingest_time: at}", [(8, "systems[0].columns.ingest_time")]),
        (", columns: {ingest_time: at}", "{publish_time: at}", [(8, "systems[0].columns.publish_time")]),
        (", columns: {ingest_time: publish_time}", "{}", [(2, "defaults.columns.ingest_time")]),
        (", columns: {ingest_time: publish_time}", "{message_id: id}", [(2, "defaults.columns.ingest_time")]),
        (", columns: {ingest_time: publish_time}", "{publish_time: at}", []),
        ("", "{publish_time: message_id, message_id: publish_time}", []),
        ("", "{publish_time: message_id, message_id: a-b}", [(8, "systems[0].columns.message_id")]),
    ],
)
def test_a_column_is_one_thing(defaults: str, columns: str, expected: list[tuple[int, str]]) -> None:
    head = HEAD.replace("us-central1}", f"us-central1{defaults}}}")
    assert _places(f"{head}{SYSTEM}    columns: {columns}\n") == expected


def test_a_mistake_of_all_systems_in_the_defaults_is_named_once() -> None:
    head = HEAD.replace("us-central1}", "us-central1, columns: {ingest_time: publish_time}}")
    second = SECOND.replace("departures-bq", "arrivals-bq").replace("table: arrivals", "table: raw.arrivals")
    assert _places(head + SYSTEM + second) == [(2, "defaults.columns.ingest_time")]


@pytest.mark.parametrize("otlp", ["{}", "{endpoint: 'http://localhost:4318'}", "4318"])
@pytest.mark.parametrize("sinks", ["", "  sinks: [cloud_monitoring, prometheus]\n"])
def test_settings_of_a_sink_that_is_not_used_are_a_mistake(sinks: str, otlp: str) -> None:
    found = mistakes(f"{GOOD}exporter:\n{sinks}  otlp: {otlp}\n")
    line = 10 if sinks else 9
    assert (line, "exporter.otlp") in [(each.line, each.key) for each in found]
    assert any("add it there, or remove this" in each.message for each in found)
    assert len(found) == (2 if otlp == "4318" else 1)


@pytest.mark.parametrize("sinks", ["[otlp]", "[cloud_monitoring, otlp]"])
def test_settings_of_a_sink_that_is_used_are_none(sinks: str) -> None:
    assert _places(f"{GOOD}exporter:\n  sinks: {sinks}\n  otlp: {{endpoint: 'http://localhost:4318'}}\n") == []


@pytest.mark.parametrize("sinks", ["otlp", "[]", "[stdout]", "[otlp, otlp]"])
def test_sinks_that_cannot_be_read_may_have_named_it(sinks: str) -> None:
    found = mistakes(f"{GOOD}exporter:\n  sinks: {sinks}\n  otlp: {{}}\n")
    assert {each.line for each in found} == {9}
