"""What the texts are made of: names and nothing else is put into them, and other readers of BigQuery's SQL can read them too."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from importlib import resources

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from exporter import config
from exporter.errors import ConfigError
from exporter.model import Columns, TableRef
from exporter.sources.bigquery import messages, statements
from exporter.sources.bigquery.messages import Place
from exporter.sources.bigquery.statements import LandingRequest
from tests.builders import T0, window
from tests.sql.fleets import CASES, pipeline

SOURCES = {
    path.name: path.read_text(encoding="utf-8")
    for path in resources.files("exporter.sources").joinpath("sql").iterdir()
    if path.name.endswith(".sql")
}
LITERALS = {".", "QUERY", "DONE", "SCRIPT", "", "app", "exporter"}
"""Strings that the texts compare with: all of them are ours."""


def _strings(text: str) -> set[str]:
    return {token.text for token in sqlglot.tokenize(text, read="bigquery") if token.token_type.name.endswith("STRING")}


def test_every_sql_file_is_part_of_a_case() -> None:
    """``landing_rows`` is part of ``landing``."""
    rendered = {name.split(",")[0] for name in CASES}
    assert {name.removesuffix(".sql") for name in SOURCES} == rendered | {"landing_rows"}


@pytest.mark.parametrize("name", CASES)
def test_sqlglot_reads_it_as_one_query(name: str) -> None:
    """SQLGlot's BigQuery knows no TABLE before an argument; the analyser's tests hold that word."""
    text = CASES[name].statement.text.replace("APPENDS(TABLE ", "APPENDS(")
    (query,) = sqlglot.parse(text, read="bigquery")
    assert isinstance(query, exp.Select)
    assert not list(query.find_all(exp.Command))


@pytest.mark.parametrize("name", CASES)
def test_no_text_holds_a_value(name: str) -> None:
    text = CASES[name].statement.text
    assert _strings(text) <= LITERALS
    assert "$" not in text


@pytest.mark.parametrize("name", SOURCES)
def test_no_text_knows_the_sandbox(name: str) -> None:
    text = SOURCES[name].lower()
    assert not [word for word in ("sandbox", "emulator", "localhost", "127.0.0.1", "duckdb", "sqlglot") if word in text]


def test_the_same_systems_at_another_time_are_the_same_text() -> None:
    first = pipeline(0).request
    other = replace(
        first,
        system=replace(
            first.system,
            id="another",
            subscription="projects/acme-data/subscriptions/it's `quoted`",
            window_s=60,
            duplicate_lookback_s=1,
            objectives=replace(first.system.objectives, latency_threshold_s=0.25),
        ),
        windows=(window(86400, 60),),
    )
    assert statements.landing([first]).text == statements.landing([other]).text
    assert statements.landing([first]).parameters != statements.landing([other]).parameters


def test_names_that_are_compared_are_no_part_of_a_text() -> None:
    later = (T0 + timedelta(days=1), T0 + timedelta(days=2))
    where = ("acme-data", "us-central1")
    hostile = "raw.x') OR TRUE -- `"
    harmless = statements.writes(*where, ["raw.a"], T0, later[0], 60)
    assert harmless.text == statements.writes(*where, [hostile], *later, 300).text
    assert (
        statements.jobs(*where, [("p.raw.a", "p.raw.a")], T0, later[0]).text
        == statements.jobs(*where, [(hostile, hostile)], *later).text
    )
    assert statements.storage(*where, ["raw.a"]).text == statements.storage(*where, [hostile, hostile]).text
    assert statements.tables(*where, ["raw.a"]).text == statements.tables(*where, [hostile]).text
    view, columns = TableRef("p", "curated", "v"), Columns()
    begun = messages.page(view, columns, T0, Place(T0), 1, 1)
    assert begun.text == messages.page(view, columns, later[0], Place(later[1], hostile, 7), 500, 2**30).text


def test_fifty_systems_are_within_the_limits_of_a_query() -> None:
    """1 MB of text, 10,000 parameters, 1,000 tables (page quotas, "Query jobs")."""
    statement = CASES["landing, fifty systems"].statement
    assert len(statement.text.encode()) < 2**20
    assert len(statement.parameters) < 10_000
    assert statement.tables == 50


SYSTEM = {
    "id": "departures",
    "project": "acme-data",
    "location": "us-central1",
    "topic": "departures",
    "subscription": "departures-bq",
    "table": "raw.departures",
    "view": "curated.departures",
}
HOSTILE = (
    "`",
    "x` -- ",
    "a' OR '1'='1",
    'a"b',
    "a\\",
    "${rows}",
    "$n",
    "@x",
    "a;b",
    "a\nb",
    "\n",
    "a\x00b",
    "\uff41",
    "a b",
    "a/*b*/",
    "\u00e9",
)
"""What would end a name or begin something else, and letters that only look like letters."""


def _config(**changes: object) -> config.Config:
    system = {**SYSTEM, **changes}
    document = {"fleet": "flights", "exporter": {"monitoring_project": "acme-observability"}, "systems": [system]}
    return config.parse(json.dumps(document), "systems.yaml")


def test_the_usual_system_is_accepted() -> None:
    assert str(_config().systems[0].table) == "acme-data.raw.departures"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["before", "after"])
def test_no_hostile_name_gets_past_the_configuration(text: str, place: str) -> None:
    def spoilt(name: str) -> str:
        return f"{text}{name}" if place == "before" else f"{name}{text}"

    attempts: list[tuple[str, dict[str, object]]] = [
        ("project", {"project": spoilt("acme-data")}),
        ("location", {"location": spoilt("us-central1")}),
        ("table", {"table": spoilt("raw.departures")}),
        ("view", {"view": spoilt("curated.departures")}),
        ("view", {"view": f"curated{text}.departures"}),
        ("table", {"table": f"raw{text}.departures"}),
        ("table", {"table": f"acme{text}-data.raw.departures"}),
        ("query_projects", {"query_projects": [spoilt("acme-data")]}),
    ]
    for column in ("publish_time", "message_id", "subscription_name", "ingest_time"):
        attempts.append((f"columns.{column}", {"columns": {column: spoilt(column)}}))
    for key, attempt in attempts:
        with pytest.raises(ConfigError) as refused:
            _config(**attempt)
        assert [mistake for mistake in refused.value.mistakes if f"systems[0].{key}" in mistake.key]


NAMES = st.text(st.sampled_from("ab1_-.:`'\"$@;\\ \n\uff0f\uff41\u00e9"), max_size=8)


@given(st.sampled_from(["project", "location", "table", "view", "column"]), NAMES)
def test_a_name_that_is_accepted_stays_inside_its_back_quotes(where: str, name: str) -> None:
    changes: dict[str, object] = {"columns": {"publish_time": name}} if where == "column" else {where: name}
    try:
        system = _config(**changes).systems[0]
    except ConfigError:
        return
    request = LandingRequest(system, (window(0),), None)
    storage = statements.storage(system.project, system.location, ["raw.a"])
    assert system.view is not None
    page = messages.page(system.view, system.columns, T0, Place(T0), 1, 2**30)
    for text in (statements.landing([request]).text, storage.text, page.text):
        quoted = re.findall(r"`([^`]*)`", text)
        assert text.count("`") == 2 * len(quoted)
        assert all(re.fullmatch(r"[A-Za-z0-9_.:-]+", each) for each in quoted)
        assert text.isascii()
