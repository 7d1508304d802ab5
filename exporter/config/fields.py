"""Which keys the file has, and what each takes: the one table from which both the parser and the JSON Schema are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

from exporter.config.nodes import Findings, entries
from exporter.config.values import (
    INVALID,
    Choice,
    Duration,
    Kind,
    ListOf,
    Number,
    Parsed,
    Text,
    parse_active_hours,
)
from exporter.model import Tier

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with known keys; some of them must be there."""

    fields: dict[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def read(self, node: Node, key: str, findings: Findings) -> Any:
        """Read the keys that are given, as a dictionary of values and, under ``""``, of nodes."""
        found = entries(node, key, self.fields, findings)
        values = {
            name: self.fields[name].read(value, f"{key}.{name}" if key else name, findings)
            for name, value in found.items()
        }
        for name in self.required if isinstance(node, MappingNode) else ():
            if name not in found:
                findings.at(node, f"{key}.{name}" if key else name, "is missing: add it (docs/configuration.md)")
        return {**{name: value for name, value in values.items() if value is not INVALID}, "": found}

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the section."""
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: kind.schema() for name, kind in self.fields.items()},
            **({"required": list(self.required)} if self.required else {}),
        }


PROJECT_PATTERN = r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
PROJECT = Text(PROJECT_PATTERN, "a project id (6 to 30 of a-z, 0-9 and -, beginning with a letter)")
_RESOURCE = r"(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}"
TOPIC = Text(
    rf"(?:projects/{PROJECT_PATTERN}/topics/)?{_RESOURCE}", "a topic id (3 to 255 characters), or projects/P/topics/T"
)
SUBSCRIPTION = Text(
    rf"(?:projects/{PROJECT_PATTERN}/subscriptions/)?{_RESOURCE}",
    "a subscription id (3 to 255 characters), or projects/P/subscriptions/S",
)
TABLE = Text(
    rf"(?:{PROJECT_PATTERN}\.)?[A-Za-z0-9_]{{1,1024}}\.[A-Za-z0-9_\-]{{1,1024}}",
    "dataset.table or project.dataset.table (letters, digits, _ and, in the table, -)",
)
COLUMN = Text(r"[A-Za-z_][A-Za-z0-9_]{0,299}", "a column name (letters, digits and _)")
ID = Text(r"[a-z][a-z0-9-]{0,62}", "a short name (1 to 63 of a-z, 0-9 and -, beginning with a letter)")
_REGION = r"(?!aws-|azure-)[a-z]+(?:-[a-z]+)+[0-9]{1,2}"
LOCATION = Text(
    rf"[Uu][Ss]|[Ee][Uu]|{_REGION}|aws-[a-z0-9-]+|azure-[a-z0-9-]+",
    "a BigQuery location such as us-central1, US or EU",
)
REGION = Text(_REGION, "a region that Cloud Monitoring knows, such as us-central1 (US and EU are none)")
WORD = Text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "a name (letters, digits, ., _ and -)")
PREFIX = Text(
    r"(?:custom|workload)\.googleapis\.com(?:/[A-Za-z][A-Za-z0-9_]{0,99}){1,5}",
    "custom.googleapis.com/NAME or workload.googleapis.com/NAME",
)
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])"
_PORT = r"(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
ADDRESS = Text(f"{_HOST}:{_PORT}", "HOST:PORT with a port up to 65535")
FILE = Text(r"[!-~](?:[ -~]{0,1022}[!-~])?", "the name of a file")
URL = Text(rf"https?://{_HOST}(?::{_PORT})?(?:/[A-Za-z0-9._~/-]*)?", "an address such as http://127.0.0.1:8080")
SHARE = Number(0, 1, open_ends=True)
MONEY = Number(0, 1_000_000, open_ends=True)

OBJECTIVES = Section(
    {
        "latency": Section({"threshold": Duration(0.1, DAY_S), "target": SHARE}),
        "errors": Section({"target": SHARE}),
        "cost_per_message_usd": MONEY,
        "data_age": Duration(60, 30 * DAY_S),
    }
)
COLUMNS = Section({"publish_time": COLUMN, "message_id": COLUMN, "subscription_name": COLUMN, "ingest_time": COLUMN})
SHARED: dict[str, Kind] = {
    "project": PROJECT,
    "location": LOCATION,
    "metrics_location": REGION,
    "tier": Choice([tier.value for tier in Tier]),
    "window": Duration(60, 3600, whole=True),
    "interval": Duration(60, 6 * 3600, whole=True),
    "owner": WORD,
    "objectives": OBJECTIVES,
    "active_hours": Parsed(parse_active_hours, "days, hours and a time zone, such as 'Mon-Fri 08:00-18:00 UTC'"),
    "duplicate_lookback": Duration(0, DAY_S, whole=True),
    "query_projects": ListOf(PROJECT),
    "columns": COLUMNS,
}
DEFAULTS = Section(SHARED)
SYSTEM = Section(
    {
        "id": ID,
        **SHARED,
        "topic": TOPIC,
        "subscription": SUBSCRIPTION,
        "table": TABLE,
        "view": TABLE,
        "dead_letter_subscription": SUBSCRIPTION,
        "api": Text(r"[a-z][a-z0-9-]{0,62}", "the name of a Cloud Run service"),
    },
    required=("id", "topic", "subscription", "table"),
)


def _price_names() -> tuple[str, ...]:
    text = resources.files("exporter").joinpath("prices.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text)["prices"])


EXPORTER = Section(
    {
        "sinks": ListOf(Choice(["cloud_monitoring", "otlp", "prometheus"]), least=1),
        "metric_prefix": PREFIX,
        "monitoring_project": PROJECT,
        "otlp": Section({"endpoint": URL, "headers_file": FILE, "temporality": Choice(["delta", "cumulative"])}),
        "budget": Section({"monthly_usd": MONEY}, required=("monthly_usd",)),
        "prices": Section({name: Number(0, 1_000_000) for name in _price_names()}),
        "listen": ADDRESS,
        "auth": Choice(["bearer", "iap", "cloud_run"]),
        "fleet_incident_systems": Number(2, 5000, whole=True),
        "runbook_url": URL,
    }
)
ENDPOINTS = Section({"bigquery": URL, "pubsub": ADDRESS, "monitoring": ADDRESS, "clock": URL})
FLEET = Text(r"[a-z][a-z0-9-]{0,62}", "a short name (1 to 63 of a-z, 0-9 and -, beginning with a letter)")


def schema() -> dict[str, Any]:
    """JSON Schema of the whole file, for editors; rules that tie several keys together are the parser's alone."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "systems.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": ["fleet", "systems"],
        "properties": {
            "fleet": FLEET.schema(),
            "defaults": DEFAULTS.schema(),
            "systems": {"type": "array", "minItems": 1, "maxItems": 5000, "items": SYSTEM.schema()},
            "exporter": EXPORTER.schema(),
            "endpoints": ENDPOINTS.schema(),
        },
    }
