"""From nodes to a ``Config``: defaults, names in full, and the rules that tie several keys together."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from exporter.config import fields
from exporter.config.nodes import Findings, compose, described, entries, line_of
from exporter.config.types import Config, Endpoints, ExporterSettings, OtlpSettings
from exporter.config.values import INVALID, format_duration
from exporter.errors import ConfigError, Mistake
from exporter.model import ActiveHours, Columns, Objectives, System, TableRef, Tier

RESERVED_IDS = ("exporter", "fleet")
MAX_CLASSES = 6
"""Each (window, interval) class has alert policies of its own for every owner, and a project takes 500 of them."""
MAX_SYSTEMS = 5000
MAX_BYTES = 5 * 2**20

_TIERS: Mapping[str, tuple[int, int]] = {"critical": (60, 60), "standard": (300, 900), "batch": (3600, 3600)}
_ALWAYS = ActiveHours(frozenset(range(7)), 0, 1440)
_MULTI_REGIONS = {"US": "us-central1", "EU": "europe-west1"}

Values = dict[str, Any]


def load(path: Path) -> Config:
    """Read a configuration file; raises ``ConfigError`` with every mistake in it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError([Mistake(str(path), 0, "", f"{reason}: give a file with -c")]) from error
    if len(content) > MAX_BYTES:
        remedy = f"the file is larger than {MAX_BYTES // 2**20} MiB: split the fleet"
        raise ConfigError([Mistake(str(path), 1, "", remedy)])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Mistake(str(path), line, "", "not UTF-8: save the file as UTF-8")]) from error
    return parse(text, str(path))


def parse(text: str, file: str) -> Config:
    """Read a configuration; raises ``ConfigError`` with every mistake in it."""
    findings = Findings(file)
    node = compose(text, findings)
    findings.raise_if_any()
    assert node is not None
    config = _Parser(findings).read(node)
    findings.raise_if_any()
    assert config is not None
    return config


class _Parser:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def read(self, node: Node) -> Config | None:
        """Read the document; returns None after a mistake that leaves nothing to build."""
        found = entries(node, "", fields.schema()["properties"], self._findings)
        if not isinstance(node, MappingNode):
            return None
        for name in ("fleet", "systems"):
            if name not in found:
                self._findings.at(node, name, "is missing: add it (docs/configuration.md)")
        fleet: Any = fields.FLEET.read(found["fleet"], "fleet", self._findings) if "fleet" in found else INVALID
        defaults = self._section(found, "defaults", fields.DEFAULTS)
        settings = self._settings(
            self._section(found, "exporter", fields.EXPORTER), defaults, found.get("exporter", node)
        )
        endpoints = self._section(found, "endpoints", fields.ENDPOINTS)
        systems = self._systems(found["systems"], defaults) if "systems" in found else []
        if fleet is INVALID or settings is None or not systems:
            return None
        return Config(fleet, tuple(systems), settings, Endpoints(**{k: v for k, v in endpoints.items() if k}))

    def _section(self, found: Mapping[str, Node], name: str, section: fields.Section) -> Values:
        if name not in found:
            return {"": {}}
        values: Values = section.read(found[name], name, self._findings)
        if not isinstance(found[name], MappingNode):
            # Nobody knows what it would have said: no key of it is missing.
            return {"": dict.fromkeys(section.fields, found[name])}
        return values

    def _settings(self, given: Values, defaults: Values, node: Node) -> ExporterSettings | None:
        values = {
            name: value for name, value in given.items() if name not in ("", "budget", "listen", "otlp", "prices")
        }
        if "listen" in given:
            host, _, port = given["listen"].rpartition(":")
            values |= {"listen_host": host.strip("[]"), "listen_port": int(port)}
            if "auth" not in given[""] and not _is_loopback(values["listen_host"]):
                remedy = "is missing: an address beyond loopback needs bearer, iap or cloud_run"
                self._findings.at(given[""]["listen"], "exporter.auth", remedy)
        values["otlp"] = self._otlp(given)
        values["budget_monthly_usd"] = given.get("budget", {}).get("monthly_usd")
        values["prices"] = {name: value for name, value in given.get("prices", {}).items() if name}
        if "monitoring_project" not in values:
            if "project" in defaults:
                values["monitoring_project"] = defaults["project"]
            elif "monitoring_project" not in given[""] and "project" not in defaults[""]:
                remedy = "is missing: name the project that the metrics are written to, or set defaults.project"
                self._findings.at(node, "exporter.monitoring_project", remedy)
        return ExporterSettings(**values) if "monitoring_project" in values else None

    def _otlp(self, given: Values) -> OtlpSettings:
        readable = "sinks" in given or "sinks" not in given[""]
        if "otlp" in given[""] and readable and "otlp" not in given.get("sinks", ()):
            remedy = "is set, but exporter.sinks does not list otlp: add it there, or remove this"
            self._findings.at(given[""]["otlp"], "exporter.otlp", remedy)
        return OtlpSettings(**{name: value for name, value in given.get("otlp", {}).items() if name})

    def _systems(self, node: Node, defaults: Values) -> list[System]:
        if not isinstance(node, SequenceNode) or not node.value:
            self._findings.at(node, "systems", f"must be a list of systems, not {described(node)}: write - id: ...")
            return []
        if len(node.value) > MAX_SYSTEMS:
            self._findings.at(
                node, "systems", f"{len(node.value)} systems are more than {MAX_SYSTEMS}: split the fleet"
            )
            return []
        systems: list[System] = []
        seen: dict[tuple[str, str], int] = {}
        classes: dict[tuple[int, int], int] = {}
        for place, item in enumerate(node.value):
            system = self._system(item, f"systems[{place}]", defaults, seen)
            if system is not None:
                systems.append(system)
                classes.setdefault((system.window_s, system.interval_s), line_of(item))
        if len(classes) > MAX_CLASSES:
            lines = ", ".join(str(line) for line in classes.values())
            self._findings.at(
                node, "systems",
                f"{len(classes)} different pairs of window and interval (lines {lines}): each has policies of its own; use {MAX_CLASSES}",
            )  # fmt: skip
        return systems

    def _system(self, node: Node, key: str, defaults: Values, seen: dict[tuple[str, str], int]) -> System | None:
        given = fields.SYSTEM.read(node, key, self._findings)
        if not given[""]:
            return None
        defaults = _inherited(defaults, given)
        values = {**{k: v for k, v in defaults.items() if k}, **{k: v for k, v in given.items() if k}}
        self._unique(key, given, values, seen)
        complete = True
        for name in ("project", "location"):
            if name not in values:
                complete = False
                if name not in given[""] and name not in defaults[""]:
                    self._findings.at(node, f"{key}.{name}", "is missing: add it here or under defaults")
        metrics_location = self._metrics_location(values, given, defaults, key, node)
        timing = self._timing(values, given, defaults, key, node)
        distinct = self._distinct_columns(given, defaults, key)
        if not complete or metrics_location is None or timing is None or not distinct:
            return None
        if any(name not in values for name in ("id", "topic", "subscription", "table")):
            return None
        return _built(values, given, defaults, metrics_location, timing)

    def _unique(self, key: str, given: Values, values: Values, seen: dict[tuple[str, str], int]) -> None:
        name = given.get("id")
        if name in RESERVED_IDS:
            self._findings.at(given[""]["id"], f"{key}.id", f"{name!r} is taken by the exporter itself: choose another")
        elif name is not None:
            self._once(given[""]["id"], f"{key}.id", ("id", name), seen)
        subscription = _subscription(given.get("subscription"), values.get("project"))
        if subscription is None:
            return
        self._once(given[""]["subscription"], f"{key}.subscription", ("subscription", subscription), seen)
        if subscription == _subscription(given.get("dead_letter_subscription"), values.get("project")):
            remedy = "is the BigQuery subscription itself: name the subscription of its dead-letter topic"
            self._findings.at(given[""]["dead_letter_subscription"], f"{key}.dead_letter_subscription", remedy)

    def _once(self, node: Node, key: str, what: tuple[str, str], seen: dict[tuple[str, str], int]) -> None:
        if what in seen:
            remedy = f"{what[0]} {what[1]!r} is used already on line {seen[what]}: every system has its own"
            self._findings.at(node, key, remedy)
        seen.setdefault(what, line_of(node))

    def _distinct_columns(self, given: Values, defaults: Values, key: str) -> bool:
        """Whether no column is to be two things at once; BigQuery's column names know no case."""
        own, shared = given.get("columns", {"": {}}), defaults.get("columns", {"": {}})
        if any(name not in section for section in (own, shared) for name in section[""]):
            return False
        taken: dict[str, str] = {}
        for name, column in asdict(Columns(**_merged(shared, own))).items():
            other = name if column is None else taken.setdefault(column.lower(), name)
            if other != name:
                section, path = (own, key) if {name, other} & own[""].keys() else (shared, "defaults")
                place = name if name in section[""] else other
                remedy = f"{column} is to be {other} and {name} at once: name another column"
                self._findings.at(section[""][place], f"{path}.columns.{place}", remedy)
                return False
        return True

    def _metrics_location(self, values: Values, given: Values, defaults: Values, key: str, node: Node) -> str | None:
        if "metrics_location" in values:
            return str(values["metrics_location"])
        if "metrics_location" in given[""] or "metrics_location" in defaults[""] or "location" not in values:
            return None
        location = str(values["location"])
        region = _MULTI_REGIONS.get(location.upper(), location.lower())
        if re.fullmatch(fields.REGION.pattern, region) is None:
            remedy = f"is missing: series cannot lie in {location}; name a region, such as us-central1"
            self._findings.at(node, f"{key}.metrics_location", remedy)
            return None
        return region

    def _timing(self, values: Values, given: Values, defaults: Values, key: str, node: Node) -> tuple[int, int] | None:
        named = {**defaults[""], **given[""]}
        if any(name in named and name not in values for name in ("tier", "window", "interval")):
            return None
        of_tier = _TIERS[values.get("tier", "standard")]
        window, interval = values.get("window", of_tier[0]), values.get("interval")
        if interval is None:
            interval = math.ceil(of_tier[1] / window) * window
        place = named.get("window", node)
        owner = key if "window" in given[""] else "defaults"
        if window % 60 or 3600 % window:
            remedy = "must divide an hour into whole minutes: 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h"
            self._findings.at(place, f"{owner}.window", f"{remedy}, not {format_duration(window)}")
            return None
        if interval % window:
            remedy = f"must be a multiple of the window ({format_duration(window)}), not {format_duration(interval)}"
            owner = key if "interval" in given[""] else "defaults"
            self._findings.at(named["interval"], f"{owner}.interval", remedy)
            return None
        return window, interval


def _inherited(defaults: Values, given: Values) -> Values:
    """What a system has from the defaults: a tier of its own says more than a window or an interval there."""
    if "tier" not in given[""]:
        return defaults
    left_out = ("window", "interval")
    nodes = {name: node for name, node in defaults[""].items() if name not in left_out}
    return {"": nodes, **{name: value for name, value in defaults.items() if name and name not in left_out}}


def _built(values: Values, given: Values, defaults: Values, metrics_location: str, timing: tuple[int, int]) -> System:
    project = values["project"]
    dead_letters = values.get("dead_letter_subscription")
    return System(
        id=values["id"],
        project=project,
        location=_canonical(values["location"]),
        metrics_location=metrics_location,
        tier=Tier(values.get("tier", "standard")),
        window_s=timing[0],
        interval_s=timing[1],
        owner=values.get("owner", "unassigned"),
        topic=_in_full(values["topic"], project, "topics"),
        subscription=_in_full(values["subscription"], project, "subscriptions"),
        table=_table(values["table"], project),
        view=_table(values["view"], project) if "view" in values else None,
        objectives=_objectives(defaults.get("objectives", {}), given.get("objectives", {})),
        active_hours=values.get("active_hours", _ALWAYS),
        duplicate_lookback_s=values.get("duplicate_lookback", 600),
        dead_letter_subscription=None if dead_letters is None else _in_full(dead_letters, project, "subscriptions"),
        api=values.get("api"),
        query_projects=values.get("query_projects", ()),
        columns=Columns(**_merged(defaults.get("columns", {}), given.get("columns", {}))),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _canonical(location: str) -> str:
    """BigQuery's own spelling, so that systems of one location are asked for in one job."""
    return location.upper() if location.upper() in _MULTI_REGIONS else location


def _subscription(name: str | None, project: str | None) -> str | None:
    """The full name of a subscription, where it can be known."""
    if name is None or (project is None and not name.startswith("projects/")):
        return None
    return _in_full(name, project or "", "subscriptions")


def _in_full(name: str, project: str, collection: str) -> str:
    return name if name.startswith("projects/") else f"projects/{project}/{collection}/{name}"


def _table(name: str, project: str) -> TableRef:
    parts = name.rsplit(".", 2)
    if len(parts) == 2:
        return TableRef(project, parts[0], parts[1])
    return TableRef(parts[0], parts[1], parts[2])


def _merged(defaults: Values, given: Values) -> Values:
    merged = {name: value for name, value in defaults.items() if name}
    return {**merged, **{name: value for name, value in given.items() if name}}


def _objectives(defaults: Values, given: Values) -> Objectives:
    both = _merged(defaults, given)
    latency = _merged(defaults.get("latency", {}), given.get("latency", {}))
    errors = _merged(defaults.get("errors", {}), given.get("errors", {}))
    return Objectives(
        latency_threshold_s=latency.get("threshold", 30.0),
        latency_target=latency.get("target", 0.99),
        errors_target=errors.get("target", 0.999),
        data_age_s=both.get("data_age", 900.0),
        cost_per_message_usd=both.get("cost_per_message_usd"),
    )
