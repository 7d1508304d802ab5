"""The fields themselves: values that they take and refuse, how they are listed and set, and that each has a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.conduct import KNOBS, Conduct
from exporter.sandbox.server import SandboxOptions
from tests.sandbox.conduct import test_apis, test_bigquery, test_delivery, test_monitoring
from tests.sandbox.conduct.lab import Lab

DOCUMENT = Path(__file__).parents[3] / "docs" / "sandbox.md"

TESTED = {
    *test_bigquery.APPENDS,
    *test_bigquery.JOBS,
    *test_delivery.DELIVERY,
    "duplicate_ratio",
    *test_monitoring.WRITING,
    *test_monitoring.METRICS,
    *test_apis.APIS,
}

REFUSED: list[tuple[str, Any, str]] = [
    ("spacing", "day", "spacing must be one of end_time, clock"),
    ("spacing", ["clock"], "spacing must be one of end_time, clock"),
    ("spacing_s", -1, "spacing_s must be a number from 0 to 2592000"),
    ("spacing_s", True, "spacing_s must be a number from 0 to 2592000"),
    ("spacing_s", "5", "spacing_s must be a number from 0 to 2592000"),
    ("duplicate_ratio", 1.5, "duplicate_ratio must be a number from 0 to 1"),
    ("defaults_filled", 1, "defaults_filled must be true or false"),
    ("series_per_request", 0, "series_per_request must be a whole number from 1 to 10000"),
    ("series_per_request", 1.0, "series_per_request must be a whole number from 1 to 10000"),
    ("delivery_type", "a b", "delivery_type must be a word of at most 100 letters, digits and _"),
    ("apis_off", ["mail"], "apis_off must be a list of some of bigquery, pubsub, monitoring, cloudresourcemanager, each once"),
    ("apis_off", ["pubsub", "pubsub"], "apis_off must be a list of some of bigquery, pubsub, monitoring, cloudresourcemanager, each once"),
    ("metric_delay_s", 5, "metric_delay_s must be an object of seconds by metric type"),
    ("metric_delay_s", {"a/b": -1}, "metric_delay_s must be an object of seconds by metric type, each a number from 0 to 2592000"),
    ("metric_delay_s", {"a/b": 1}, "metric_delay_s names no metric of a service: a/b"),
    ("sapcing", 1, "no such field of conduct: sapcing"),
]  # fmt: skip


def test_every_field_has_a_test_of_what_it_changes() -> None:
    assert KNOBS.keys() == TESTED


def test_every_field_says_which_fact_it_stands_for_and_where_that_is_from() -> None:
    assert all(knob.fact and knob.source for knob in KNOBS.values())
    assert any("[?]" in knob.source for knob in KNOBS.values())


@pytest.mark.parametrize(("name", "value", "message"), REFUSED)
def test_a_bad_value_is_refused_in_one_sentence_and_nothing_is_changed(
    lab: Lab, name: str, value: Any, message: str
) -> None:
    before = lab.http.get(f"{lab.control}/conduct").json()["conduct"]
    answer = lab.http.post(f"{lab.control}/conduct", json={"read_delay_s": 7, name: value})
    assert (answer.status_code, answer.json()) == (400, {"error": message})
    assert lab.http.get(f"{lab.control}/conduct").json()["conduct"] == before


def test_the_conduct_is_listed_with_defaults_facts_and_sources(lab: Lab) -> None:
    try:
        answer = lab.post("/conduct", {"spacing_s": 7, "write_metadata_columns": ["message_id"]})
    finally:
        lab.post("/conduct", Conduct().as_json())
    assert answer["conduct"] == {**Conduct().as_json(), "spacing_s": 7.0, "write_metadata_columns": ["message_id"]}
    listed = lab.http.get(f"{lab.control}/conduct").json()
    assert listed["conduct"] == Conduct().as_json()
    knob = KNOBS["spacing_s"]
    assert listed["fields"]["spacing_s"] == {"default": 5.0, "fact": knob.fact, "source": knob.source}


def test_changes_add_up(lab: Lab) -> None:
    try:
        lab.behave(spacing_s=7)
        lab.behave(read_delay_s=8)
        conduct = lab.http.get(f"{lab.control}/conduct").json()["conduct"]
    finally:
        lab.post("/conduct", Conduct().as_json())
    assert conduct == {**Conduct().as_json(), "spacing_s": 7.0, "read_delay_s": 8.0}


def test_options_refuse_delays_of_what_is_no_metric() -> None:
    with pytest.raises(ValueError, match="metric_delay_s names no metric of a service: a/b"):
        SandboxOptions(conduct=Conduct(metric_delay_s={"a/b": 1.0}))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "spacing_s": st.floats(0, 2_592_000, allow_nan=False),
            "series_per_request": st.integers(1, 10_000),
            "defaults_filled": st.booleans(),
            "spacing": st.sampled_from(["end_time", "clock"]),
            "apis_off": st.lists(st.sampled_from(["bigquery", "pubsub"]), unique=True),
            "delivery_type": st.from_regex(r"[a-z_]{1,20}", fullmatch=True).filter(lambda text: text[0] != "_"),
        },
    )
)
def test_what_json_carries_comes_back(values: dict[str, Any]) -> None:
    made = Conduct().changed(values)
    assert Conduct().changed(made.as_json()) == made
    assert {name: made.as_json()[name] for name in values} == values


def test_the_document_lists_every_field_with_default_fact_and_source() -> None:
    listed = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    usual = Conduct().as_json()
    for name, knob in KNOBS.items():
        assert f"| `{name}` | `{json.dumps(usual[name])}` | {knob.fact} | {knob.source} |" in listed
