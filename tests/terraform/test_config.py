"""The module ``config`` refuses what the parser refuses, and nothing else; each mistake has its place, and stops everything else."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from exporter import config
from exporter.errors import ConfigError
from tests.terraform.program import ROOT
from tests.terraform.workspace import Workspaces
from tests.torture.length import rounds

MAIN = """
variable "texts" { type = map(string) }
module "config" {
  source   = "../modules/config"
  for_each = var.texts
  config   = yamldecode(each.value)
}
output "mistakes" { value = { for name, each in module.config : name => each.mistakes } }
"""
TELLING = 'output "mistakes" { value = local.mistakes }\n'
"""In place of the module's own output, which would end the plan at the first mistake."""

SYSTEM: Mapping[str, Any] = {"id": "departures", "topic": "ttt", "subscription": "sss", "table": "raw.t"}
GOOD: Mapping[str, Any] = {
    "fleet": "flights",
    "defaults": {"project": "acme-data", "location": "EU"},
    "systems": [dict(SYSTEM)],
}
NOTHING = object()
"""In place of a value: the key is taken away."""

MISTAKES: Mapping[str, tuple[str, object, str]] = {
    "no mapping": ("", ["fleet"], 'the file must be a mapping of keys to values, not ["fleet"]'),
    "key above": ("system", [], "system: unknown key; known: fleet, defaults, systems, exporter, endpoints"),
    "key of the exporter": ("exporter.sink", [], "exporter.sink: unknown key; known: sinks, metric_prefix,"),
    "key of a price": ("exporter.prices.slots", 1, "exporter.prices.slots: unknown key"),
    "key of defaults": ("defaults.teir", "batch", "defaults.teir: unknown key"),
    "key of an objective": (
        "defaults.objectives",
        {"latency": {"treshold": "1s"}},
        "defaults.objectives.latency.treshold: unknown key; known: threshold, target",
    ),
    "key of a system": ("systems.0.topics", "t", "systems[0].topics: unknown key"),
    "key of a column": ("systems.0.columns", {"time": "t"}, "systems[0].columns.time: unknown key"),
    "key of the sandbox": ("endpoints.big_query", "http://a", "endpoints.big_query: unknown key"),
    "fleet": ("fleet", "my fleet", 'fleet must be a short name (1 to 63 of a-z, 0-9 and -, beginning with a letter), not "my fleet"'),
    "no fleet": ("fleet", NOTHING, "fleet is missing: add it"),
    "systems of none": ("systems", [], "systems must be a list of at least 1, each once, not []"),
    "systems of nothing": ("systems", None, "systems must be a list of at least 1, each once, not null"),
    "system of nothing": ("systems", [None], "systems[0] must be a mapping of keys to values, not null"),
    "sink": ("exporter.sinks", ["cloudmonitoring"], "exporter.sinks[0] must be one of cloud_monitoring, otlp, prometheus, not"),
    "sinks of none": ("exporter.sinks", [], "exporter.sinks must be a list of at least 1"),
    "sink twice": ("exporter.sinks", ["otlp", "otlp"], "exporter.sinks must be a list of at least 1, each once"),
    "sinks as text": ("exporter.sinks", "otlp", "exporter.sinks must be a list"),
    "hours": ("defaults.active_hours", "always", "defaults.active_hours must be days, hours and a time zone"),
    "hours of no length": ("systems.0.active_hours", "Mon 08:00-08:00 UTC", "systems[0].active_hours: start and end are the"),
    "owner of two words": ("defaults.owner", "data platform", 'defaults.owner must be a name (letters, digits, ., _ and -), not "data pl'),
    "owner in quotes": ("systems.0.owner", 'o"x', "systems[0].owner must be a name"),
    "prefix": ("exporter.metric_prefix", "pipeline", "exporter.metric_prefix must be custom.googleapis.com/NAME"),
    "partial topic": ("systems.0.topic", "projects/x/departures", "systems[0].topic must be a topic id"),
    "topic of Google": ("systems.0.topic", "projects/acme-data/topics/goog-t", "systems[0].topic must be a topic id"),
    "table without dataset": ("systems.0.table", "departures", "systems[0].table must be dataset.table"),
    "dataset with a dash": ("systems.0.table", "raw-data.t", "systems[0].table must be dataset.table"),
    "project in capitals": ("systems.0.project", "Acme", "systems[0].project must be a project id"),
    "project of a table": ("systems.0.table", "ac_me.raw.t", "systems[0].table must be dataset.table"),
    "query project": ("systems.0.query_projects", ["x"], "systems[0].query_projects[0] must be a project id"),
    "id in capitals": ("systems.0.id", "Departures", "systems[0].id must be a short name"),
    "id of digits": ("systems.0.id", 747, "systems[0].id must be a short name"),
    "id that is taken": ("systems.0.id", "fleet", "systems[0].id: fleet is taken by the exporter itself"),
    "id twice": ("systems", [SYSTEM, {**SYSTEM, "subscription": "other"}], "systems[0], systems[1]: id departures is used more than once"),
    "subscription twice": (
        "systems",
        [SYSTEM, {**SYSTEM, "id": "b", "subscription": "projects/acme-data/subscriptions/sss"}],
        "systems[0], systems[1]: subscription projects/acme-data/subscriptions/sss is used more than once",
    ),
    "letters to itself": ("systems.0.dead_letter_subscription", "sss", "systems[0].dead_letter_subscription is the BigQuery"),
    "columns": ("systems.0.columns", {"publish_time": "Message_ID"}, "systems[0].columns: one column is to be two things"),
    "no topic": ("systems.0.topic", NOTHING, "systems[0].topic is missing: add it"),
    "no location": ("defaults.location", NOTHING, "systems[0].location is missing: add it here or under defaults"),
    "no project": ("defaults.project", NOTHING, "systems[0].project is missing: add it here or under defaults"),
    "nowhere": ("systems.0.location", "aws-us-east-1", "systems[0].metrics_location is missing: series cannot lie in aws-us-east-1"),
    "no unit": ("systems.0.interval", "15", 'systems[0].interval must be a duration, 1m to 6h in whole seconds, not "15"'),
    "half a second": ("systems.0.window", "90.5s", "systems[0].window must be a duration, 1m to 1h in whole seconds"),
    "too long": ("defaults.objectives", {"data_age": "31d"}, 'defaults.objectives.data_age must be a duration, 1m to 30d, not "31d"'),
    "tier": ("defaults.tier", "gold", 'defaults.tier must be one of critical, standard, batch, not "gold"'),
    "percent": ("defaults.objectives", {"latency": {"target": 99}}, "defaults.objectives.latency.target must be a number greater than 0"),
    "number in quotes": ("exporter.budget", {"monthly_usd": "25"}, "exporter.budget.monthly_usd must be a number greater than 0"),
    "no amount": ("exporter.budget", {}, "exporter.budget.monthly_usd is missing: add it"),
    "half a system": ("exporter.fleet_incident_systems", 2.5, "exporter.fleet_incident_systems must be a whole number"),
    "otlp for nobody": ("exporter.otlp", {"temporality": "delta"}, "exporter.otlp is set, but exporter.sinks does not list otlp"),
    "open to all": ("exporter.listen", "0.0.0.0:80", "exporter.auth is missing: an address beyond loopback"),
}  # fmt: skip


def changed(path: str, value: object, document: Mapping[str, Any] = GOOD) -> Any:
    """A configuration with another value; an empty path is the whole of it."""
    if not path:
        return value
    *way, last = path.split(".")
    found: Any = copy.deepcopy(dict(document))
    node = found
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    place: Any = int(last) if isinstance(node, list) else last
    if value is NOTHING:
        del node[place]
    else:
        node[place] = value
    return found


ODD: tuple[object, ...] = (
    None,
    "",
    "a b",
    "x",
    "Mon-Fri 08:00-18:00 UTC",
    747,
    0.5,
    -1,
    1e9,
    True,
    [],
    ["acme-data"],
    ["x", "x"],
    {},
    {"a": 1},
)
ODDER = (
    "projects/acme-data/topics/t",
    "raw.t",
    "a.b.c.d",
    "goog-t",
    "15",
    "1h30m",
    "0s",
    "1m",
    "é",
    "x\n",
    "aws-x-1",
    "us",
)


def places(node: Any, way: tuple[str, ...] = ()) -> list[str]:
    """The paths of all values of a document but the whole of it."""
    found = [".".join(way)] if way else []
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return found + [path for key, each in pairs for path in places(each, (*way, str(key)))]


def spoilt(seed: int) -> Any:
    """The example with one value that is another, none, or under another key."""
    draw = random.Random(seed)
    document = yaml.safe_load((ROOT / "systems.example.yaml").read_text("utf-8"))
    path = draw.choice(places(document))
    if draw.random() < 0.15:
        return changed(f"{path}x", draw.choice(ODD), document) if not path[-1].isdigit() else document
    return changed(path, NOTHING if draw.random() < 0.15 else draw.choice(ODD + ODDER), document)


def refused(text: str) -> list[str]:
    """What the parser says, without what only it or the module ``render`` knows: time zones, and whole classes."""
    others = ("no time zone", "must divide an hour", "must be a multiple", "different pairs")
    try:
        config.parse(text, "systems.yaml")
    except ConfigError as error:
        return [str(each) for each in error.mistakes if not any(other in str(each) for other in others)]
    return []


def found(workspaces: Workspaces, texts: Mapping[str, str]) -> Mapping[str, list[str]]:
    """The mistakes that Terraform finds in each text."""
    workspace = workspaces.written({"main.tf": MAIN, "../modules/config/outputs.tf": TELLING})
    applied = workspace.apply({"texts": texts})
    assert applied.said == ""
    return dict(workspace.outputs()["mistakes"])


@pytest.fixture(scope="module")
def said(workspaces: Workspaces) -> Mapping[str, list[str]]:
    return found(
        workspaces, {name: yaml.safe_dump(changed(path, value)) for name, (path, value, _) in MISTAKES.items()}
    )


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place(said: Mapping[str, list[str]], name: str) -> None:
    path, value, words = MISTAKES[name]
    (mistake,) = [each for each in said[name] if words in each] or [str(said[name])]
    assert mistake.startswith(words)
    assert refused(yaml.safe_dump(changed(path, value))) != []


def test_terraform_refuses_what_the_parser_refuses_and_nothing_else(workspaces: Workspaces) -> None:
    texts = {str(seed): yaml.safe_dump(spoilt(seed), sort_keys=False) for seed in range(rounds(30, 300))}
    texts["example"] = (ROOT / "systems.example.yaml").read_text("utf-8")
    theirs = found(workspaces, texts)
    differing = {
        name: (theirs[name], refused(text)) for name, text in texts.items() if bool(theirs[name]) != bool(refused(text))
    }
    assert differing == {}
    assert len(texts) / 3 < sum(map(bool, theirs.values())) < len(texts)
