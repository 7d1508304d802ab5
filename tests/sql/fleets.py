"""Systems whose statements differ in every way that a statement can differ, and the relations that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from google.cloud.bigquery import ArrayQueryParameter

from exporter.model import Columns, TableRef
from exporter.snapshots import Table
from exporter.sources.bigquery import messages, statements
from exporter.sources.bigquery.messages import Place
from exporter.sources.bigquery.runner import Statement
from exporter.sources.bigquery.statements import LandingRequest
from tests.builders import T0, system, window
from tests.sql.analyser import Parameter, Schema
from tests.sql.schemas import SUBSCRIPTION_TABLE

CREATED = T0 - timedelta(days=30)
WINDOWS = (window(0), window(300), window(600))
RENAMED = Columns(publish_time="Published_At", message_id="select", subscription_name="from_subscription")


@dataclass(frozen=True, slots=True)
class Case:
    """A statement and the tables, and regions of INFORMATION_SCHEMA, that it may refer to."""

    statement: Statement
    tables: Mapping[str, Schema] = field(default_factory=dict)
    regions: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A landing request and the true schema of its table."""

    request: LandingRequest
    schema: Schema


def pipeline(
    place: int = 0, *, known: bool = True, kind: str = "BASE TABLE", without: Sequence[str] = (), **changes: Any
) -> Pipeline:
    """System number ``place``, its table lacking some of the metadata columns; what is not ``known`` was not looked up."""
    changes.setdefault("table", TableRef("acme-data", "raw", f"table_{place}"))
    changes.setdefault("subscription", f"projects/acme-data/subscriptions/subscription-{place}")
    own = system(id=f"system-{place}", **changes)
    names = {
        "publish_time": own.columns.publish_time,
        "message_id": own.columns.message_id,
        "subscription_name": own.columns.subscription_name,
    }
    schema = {names.get(column, column): sql for column, sql in SUBSCRIPTION_TABLE.items() if column not in without}
    if own.columns.ingest_time is not None:
        schema[own.columns.ingest_time] = "TIMESTAMP"
    table = Table(kind=kind, created=CREATED, columns=frozenset(schema)) if known else None
    return Pipeline(LandingRequest(own, WINDOWS, table), schema)


def landing(*pipelines: Pipeline) -> Case:
    """The landing statement of some pipelines."""
    statement = statements.landing([each.request for each in pipelines])
    return Case(statement, {str(each.request.system.table): each.schema for each in pipelines})


def parameters_of(statement: Statement) -> list[Parameter]:
    """A statement's parameters with the types and values that go over the wire."""
    parameters = []
    for parameter in statement.parameters:
        sent = parameter.to_api_repr()["parameterType"]
        kind = f"ARRAY<{sent['arrayType']['type']}>" if sent["type"] == "ARRAY" else sent["type"]
        value = list(parameter.values) if isinstance(parameter, ArrayQueryParameter) else parameter.value
        parameters.append(Parameter(parameter.name, kind, value))
    return parameters


def _landing_cases() -> dict[str, Case]:
    shared = TableRef("acme-data", "raw", "shared")
    ingest_time = Columns(ingest_time="ingested")
    different = [
        pipeline(0),
        pipeline(1, known=False),
        pipeline(2, without=["publish_time"]),
        pipeline(3, without=["message_id"]),
        pipeline(4, without=["subscription_name"]),
        pipeline(5, without=["publish_time", "message_id", "subscription_name", "attributes"]),
        pipeline(6, columns=RENAMED),
        pipeline(7, columns=ingest_time, kind="VIEW"),
        pipeline(8, columns=ingest_time),
        pipeline(9, table=TableRef("other-project-42", "d_1", "t-with-dashes"), project="other-project-42"),
        pipeline(10, table=shared),
        pipeline(11, table=shared),
        pipeline(
            12, columns=replace(RENAMED, ingest_time="ingested_on"), kind="MATERIALIZED VIEW", without=["message_id"]
        ),
    ]
    names = (
        "one system", "not looked up", "no publish_time", "no message_id", "no subscription_name", "no metadata", "renamed columns",
        "ingest time of a view", "ingest time of a table", "hyphens",
    )  # fmt: skip
    cases = {name: landing(each) for name, each in zip(names, different, strict=False)}
    cases["two systems"] = landing(pipeline(0), pipeline(1))
    of_domain = TableRef("example.com:pipelines", "raw", "t")
    cases["project of a domain"] = landing(pipeline(0, table=of_domain, project=of_domain.project))
    cases["one table"] = landing(different[10], different[11])
    cases["all different"] = landing(*different)
    cases["fifty systems"] = landing(*(pipeline(place) for place in range(50)))
    return {f"landing, {name}": case for name, case in cases.items()}


def writers(each: Pipeline) -> Case:
    """The statement that asks who wrote to a pipeline's table."""
    own = each.request.system
    return Case(statements.writers(own, each.request.start, each.request.end), {str(own.table): each.schema})


def _writer_cases() -> dict[str, Case]:
    named = pipeline(3)
    different = {
        "plain": pipeline(0),
        "renamed columns": pipeline(1, columns=RENAMED),
        "hyphens": pipeline(2, table=TableRef("other-project-42", "d_1", "t-with-dashes")),
        "a column named writer": replace(named, schema={**named.schema, "writer": "INT64", "written_rows": "STRING"}),
    }
    return {f"writers, {name}": writers(each) for name, each in different.items()}


VIEWED: Schema = {"message_id": "STRING", "publish_time": "TIMESTAMP", "carrier": "STRING"}
EVERY_TYPE: Schema = {
    **{kind.lower(): kind for kind in ("BOOL", "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BYTES", "JSON")},
    **{kind.lower(): kind for kind in ("DATE", "TIME", "DATETIME", "INTERVAL")},
    "labels": "ARRAY<STRUCT<key STRING, value BYTES>>",
}


def _message_cases() -> dict[str, Case]:
    renamed = {"Published_At": "TIMESTAMP", "select": "STRING", "from_time": "INT64", "view": "STRING"}
    viewed: Mapping[str, tuple[TableRef, Columns, Schema]] = {
        "plain": (TableRef("acme-data", "curated", "departures"), Columns(), VIEWED),
        "renamed columns": (TableRef("acme-data", "curated", "departures"), RENAMED, renamed),
        "hyphens": (TableRef("other-project-42", "d_1", "v-with-dashes"), Columns(), VIEWED),
        "project of a domain": (TableRef("example.com:pipelines", "curated", "v"), Columns(), VIEWED),
        "every type": (TableRef("acme-data", "curated", "all"), Columns(), {**EVERY_TYPE, **VIEWED}),
    }
    return {
        f"messages, {name}": Case(
            messages.page(view, columns, T0, Place(T0 + timedelta(hours=1), "7", 2), 50, 2**30), {str(view): schema}
        )
        for name, (view, columns, schema) in viewed.items()
    }


PLACES = (
    ("acme-data", "us-central1", "us-central1"),
    ("other-project-42", "US", "us"),
    ("example-eu", "EU", "eu"),
    ("example.com:pipelines", "europe-west1", "europe-west1"),
)
"""Projects, BigQuery locations, and the regions by which INFORMATION_SCHEMA knows them."""


def _schema_cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    start, end = T0, T0 + timedelta(hours=1)
    for count, (project, location, region) in ((1, PLACES[0]), (50, PLACES[0]), *((2, place) for place in PLACES)):
        names = [f"raw.table_{place}" for place in range(count)]
        pairs = [(f"{project}.{name}", f"{project}.{name}") for name in names]
        rendered = {
            "writes": statements.writes(project, location, names, start, end, 300),
            "jobs": statements.jobs(project, location, pairs, start, end),
            "storage": statements.storage(project, location, names),
            "tables": statements.tables(project, location, names),
        }
        for name, statement in rendered.items():
            cases[f"{name}, {count} of {project} in {location}"] = Case(statement, regions=[(project, region)])
    return cases


CASES: Mapping[str, Case] = {**_landing_cases(), **_writer_cases(), **_message_cases(), **_schema_cases()}
"""Every kind of text that the exporter can send, by a name that says what is special about it."""
