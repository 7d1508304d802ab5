"""Bad configurations: what is wrong with each, on which line and under which key."""

from __future__ import annotations

from tests.config.samples import GOOD, HEAD, SYSTEM

Expected = list[tuple[int, str, str]]
"""Line, key and a fragment of the message of every mistake."""
Case = tuple[str, Expected]


def _one(line: int, key: str, fragment: str) -> Expected:
    return [(line, key, fragment)]


def _system(*lines: str) -> str:
    """The small configuration with more keys of its system, from line 8 on."""
    return GOOD + "".join(f"    {line}\n" for line in lines)


def _in_system(line: str, key: str, fragment: str) -> Case:
    """A bad line in the system."""
    return _system(line), _one(8, f"systems[0].{key}", fragment)


def _in_section(section: str, line: str, key: str, fragment: str) -> Case:
    """A bad line in another section."""
    return f"{GOOD}{section}:\n  {line}\n", _one(9, f"{section}.{key}", fragment)


def _in_otlp(entry: str, key: str, fragment: str) -> Case:
    """A bad entry among the settings of a sink that is used."""
    text = f"{GOOD}exporter:\n  sinks: [otlp]\n  otlp: {{{entry}}}\n"
    return text, _one(10, f"exporter.otlp.{key}", fragment)


def _replaced(key: str, value: str) -> str:
    """The small configuration with another value for a key of its system."""
    lines = SYSTEM.splitlines()
    place = next(place for place, line in enumerate(lines) if line.strip(" -").startswith(f"{key}:"))
    lines[place] = f"{lines[place].split(':')[0]}: {value}"
    return HEAD + "\n".join(lines) + "\n"


def _as_value(key: str, value: str, fragment: str) -> Case:
    """A bad value for a key that the system has."""
    line = {"id": 4, "topic": 5, "subscription": 6, "table": 7}[key]
    return _replaced(key, value), _one(line, f"systems[0].{key}", fragment)


CASES: dict[str, Case] = {
    # what is no usable YAML
    "empty file": ("", _one(1, "", "the file is empty")),
    "comments only": ("# nothing\n\n", _one(1, "", "the file is empty")),
    "a tab indents": ("fleet: flights\nsystems:\n\t- id: a\n", _one(3, "", "cannot start any token")),
    "an open bracket": ("fleet: flights\nsystems: [\n", _one(3, "", "not valid YAML")),
    "an open quote": ('fleet: "flights\n', _one(2, "", "not valid YAML")),
    "two documents": (GOOD + "---\nfleet: other\n", _one(8, "", "a second document begins here")),
    "an unknown anchor": ("fleet: flights\nsystems: *all\n", _one(2, "", "undefined alias 'all'")),
    "a control character": ("fleet: flights\nsystems: \x07\n", _one(2, "", "#x0007")),
    "a null character": (GOOD + "\x00", _one(8, "", "#x0000")),
    "nested a hundred thousand deep": ("fleet: " + "[" * 100_000, _one(1, "", "nested too deeply")),
    "an escape beyond Unicode": ('fleet: "\\UFFFFFFFF"\n', _one(1, "", "not usable YAML")),
    "a back-quote begins a value": (_replaced("topic", "`departures`"), _one(5, "", "cannot start any token")),
    # the document
    "a list for a document": ("- fleet: flights\n", _one(1, "", "must be a mapping of keys to values, not a list")),
    "text for a document": ("flights\n", _one(1, "", "not text ('flights')")),
    "a document that contains itself": ("&a [*a]\n", _one(1, "", "must be a mapping")),
    "nothing but a mapping": (
        "{}\n",
        [
            (1, "fleet", "is missing"),
            (1, "systems", "is missing"),
            (1, "exporter.monitoring_project", "or set defaults.project"),
        ],
    ),
    "an unknown key": (GOOD + "system: []\n", _one(8, "system", "did you mean systems?")),
    "a key twice": (GOOD + "fleet: other\n", _one(8, "fleet", "given twice")),
    "a key that is a list": (GOOD + "? [a, b]\n: 1\n", _one(8, "", "a key must be a plain word")),
    "a key that steers the terminal": (GOOD + '"\\e[2J\\n": 1\n', _one(8, "\\x1b[2J\\n", "unknown key")),
    "a key of no end": (GOOD + f"{'k' * 500}: 1\n", _one(8, "k" * 79 + "…", "unknown key")),
    # fleet
    "a fleet called on": ("fleet: on\n" + GOOD.partition("\n")[2], _one(1, "fleet", "not true or false ('on'); put it")),
    "a fleet in capitals": ("fleet: Flights\n" + GOOD.partition("\n")[2], _one(1, "fleet", "not 'Flights'")),
    # the list of systems
    "no systems": (HEAD + "systems: []\n", _one(3, "systems", "must be a list of systems")),
    "systems with nothing": (HEAD + "systems:\n", _one(3, "systems", "not nothing")),
    "systems as a mapping": (HEAD + "systems: {a: {}}\n", _one(3, "systems", "must be a list of systems, not a mapping")),
    "a system that is text": (HEAD + "systems:\n  - departures\n", _one(4, "systems[0]", "must be a mapping")),
    "a system that is a list": (HEAD + "systems:\n  - [id, a]\n", _one(4, "systems[0]", "not a list")),
    "an empty system": (
        HEAD + "systems:\n  - {}\n",
        [(4, f"systems[0].{name}", "is missing") for name in ("id", "topic", "subscription", "table")],
    ),
    "too many systems": (HEAD + "systems: [" + "a, " * 5001 + "]\n", _one(3, "systems", "5001 systems are more than 5000")),
    # ids
    "an id in capitals": _as_value("id", "Departures", "not 'Departures'"),
    "an id that is a number": _as_value("id", "747", "not a number ('747'); put it in quotes"),
    "an id that is a date": _as_value("id", "2026-11-01", "timestamp ('2026-11-01'); put it"),
    "an id that is a time of day": _as_value("id", "1:30", "a number ('1:30')"),
    "an id that is no": _as_value("id", "no", "true or false ('no')"),
    "an id with nothing": _as_value("id", "", "not nothing"),
    "an id too long": _as_value("id", "a" * 64, "1 to 63"),
    "an id in fullwidth letters": _as_value("id", "\uff44eparture", "not '\uff44eparture'"),
    "an id that ends with a line": (_replaced("id", '"departures\\n"'), _one(4, "systems[0].id", "'departures\\n'")),
    "the exporter's id": _as_value("id", "exporter", "'exporter' is taken by the exporter"),
    "the fleet's id": _as_value("id", "fleet", "'fleet' is taken by the exporter"),
    "an id twice": (
        GOOD + "  - {id: departures, topic: arrivals, subscription: arrivals-bq, table: raw.arrivals}\n",
        _one(8, "systems[1].id", "used already on line 4"),
    ),
    "an id twice on one line": (
        HEAD + "systems: [{id: a, topic: one, subscription: one, table: r.a}, {id: a, topic: two, subscription: two, table: r.b}]\n",
        _one(3, "systems[1].id", "used already on line 3"),
    ),
    "a system twice by an alias": (
        HEAD + "systems:\n  - &a {id: a, topic: one, subscription: one, table: r.a}\n  - *a\n",
        [(4, "systems[1].id", "used already"), (4, "systems[1].subscription", "used already")],
    ),
    "a subscription twice": (
        GOOD + "  - {id: b, topic: other, subscription: projects/acme-data/subscriptions/departures-bq, table: raw.other}\n",
        _one(8, "systems[1].subscription", "is used already on line 6"),
    ),
    # names of resources
    "a table with a back-quote": (_replaced("table", '"raw.dep`artures"'), _one(7, "systems[0].table", "not 'raw.dep`artures'")),
    "a table in fullwidth letters": _as_value("table", "raw.\uff54able", "dataset.table or"),
    "a table with a null character": (_replaced("table", '"raw.a\\0b"'), _one(7, "systems[0].table", "'raw.a\\x00b'")),
    "a table without a dataset": _as_value("table", "departures", "dataset.table or"),
    "a table with four parts": _as_value("table", "a.b.c.d", "not 'a.b.c.d'"),
    "a view with a space": (_system('view: "raw.a b"'), _one(8, "systems[0].view", "not 'raw.a b'")),
    "a topic too short": _as_value("topic", "ab", "3 to 255 characters"),
    "a topic of Google": _as_value("topic", "google-topic", "a topic id"),
    "a subscription for a topic": (
        _replaced("topic", "projects/acme-data/subscriptions/departures"),
        _one(5, "systems[0].topic", "projects/P/topics/T"),
    ),
    "a topic for a subscription": (
        _replaced("subscription", "projects/acme-data/topics/departures"),
        _one(6, "systems[0].subscription", "projects/P/subscriptions/S"),
    ),
    "a short project": _in_system("project: acme", "project", "a project id"),
    "a column of two words": _in_system("columns: {message_id: 'id; DROP'}", "columns.message_id", "a column"),
    "an unknown column": _in_system("columns: {message: id}", "columns.message", "did you mean message_id?"),
    "a service in capitals": _in_system("api: API", "api", "Cloud Run service"),
    "an owner that is a number": _in_system("owner: 12", "owner", "put it in quotes"),
    "query projects that are text": _in_system("query_projects: acme-reports", "query_projects", "must be a list"),
    "a query project twice": _in_system("query_projects: [acme-reports, acme-reports]", "query_projects", "remove repetitions"),
    "a bad query project": _in_system("query_projects: [acme-reports, 5]", "query_projects[1]", "not a number"),
    "a merge key": (
        HEAD + "systems:\n  - &a {id: a, topic: one, subscription: one, table: r.a}\n  - <<: *a\n    id: b\n",
        [
            (5, "systems[1].<<", "merge keys are not supported"),
            *((5, f"systems[1].{name}", "is missing") for name in ("topic", "subscription", "table")),
        ],
    ),
    # where
    "no project": (
        "fleet: flights\ndefaults: {location: EU}\n" + SYSTEM,
        [(1, "exporter.monitoring_project", "is missing"), (4, "systems[0].project", "add it here or under defaults")],
    ),
    "a bad project of all": (
        "fleet: flights\ndefaults: {location: EU, project: 7}\n" + SYSTEM,
        _one(2, "defaults.project", "put it in quotes"),
    ),
    "no location": (
        "fleet: flights\ndefaults: {project: acme-data}\n" + SYSTEM,
        _one(4, "systems[0].location", "add it here or under defaults"),
    ),
    "a location that is none": _in_system("location: XX", "location", "US or EU"),
    "metrics in a multi-region": _in_system("metrics_location: US", "metrics_location", "US and EU are none"),
    "a location in another cloud": (
        _system("location: aws-us-east-1"),
        _one(4, "systems[0].metrics_location", "series cannot lie in aws-us-east-1"),
    ),
    "a location in a third cloud": (
        _system("location: azure-eastus2"),
        _one(4, "systems[0].metrics_location", "series cannot lie in azure-eastus2"),
    ),
    # objectives
    "a target of 1": _in_system("objectives: {latency: {target: 1}}", "objectives.latency.target", "less than 1"),
    "a target of 0": _in_system("objectives: {errors: {target: 0}}", "objectives.errors.target", "greater than 0"),
    "a target in percent": _in_system("objectives: {errors: {target: 99.9}}", "objectives.errors.target", "('99.9')"),
    "a target in quotes": _in_system("objectives: {errors: {target: '0.9'}}", "objectives.errors.target", "text"),
    "a target that is no number": _in_system("objectives: {errors: {target: .nan}}", "objectives.errors.target", ".nan"),
    "a cost without end": _in_system("objectives: {cost_per_message_usd: .inf}", "objectives.cost_per_message_usd", "plain number"),
    "a cost below 0": _in_system("objectives: {cost_per_message_usd: -1}", "objectives.cost_per_message_usd", "('-1')"),
    "a cost in minutes": _in_system("objectives: {cost_per_message_usd: 1:30}", "objectives.cost_per_message_usd", "('1:30')"),
    "a threshold without unit": _in_system("objectives: {latency: {threshold: 30}}", "objectives.latency.threshold", "with its unit"),
    "a threshold in sec": _in_system("objectives: {latency: {threshold: 30sec}}", "objectives.latency.threshold", "no duration"),
    "a threshold of 0": _in_system("objectives: {latency: {threshold: 0s}}", "objectives.latency.threshold", "0.1s to 1d, not 0s"),
    "a threshold as a list": _in_system("objectives: {latency: {threshold: [30s]}}", "objectives.latency.threshold", "not a list"),
    "objectives as a list": _in_system("objectives: [latency]", "objectives", "must be a mapping"),
    "an objective as a number": _in_system("objectives: {errors: 0.99}", "objectives.errors", "must be a mapping"),
    "an unknown objective": _in_system("objectives: {latencies: {}}", "objectives.latencies", "did you mean latency?"),
    "a data age below a minute": _in_system("objectives: {data_age: 59s}", "objectives.data_age", "1m to 30d, not 59s"),
    # windows
    "an unknown tier": _in_system("tier: gold", "tier", "critical, standard, batch, not text ('gold')"),
    "a tier with a tag of its own": _in_system("tier: !secret critical", "tier", "not !secret ('critical')"),
    "a window that divides no hour": _in_system("window: 7m", "window", "must divide an hour"),
    "a window of part of a minute": _in_system("window: 90s", "window", "whole minutes"),
    "a window of fractions": _in_system("window: 60.5s", "window", "whole seconds"),
    "a window beyond an hour": _in_system("window: 2h", "window", "1m to 1h in whole seconds, not 2h"),
    "an interval between windows": _in_system("interval: 7m", "interval", "multiple of the window (5m), not 7m"),
    "an interval below the window": (_system("window: 10m", "interval: 5m"), _one(9, "systems[0].interval", "(10m), not 5m")),
    "a bad window of all": (
        "fleet: flights\ndefaults: {project: acme-data, location: EU, window: 7m}\n" + SYSTEM
        + "  - {id: b, topic: two, subscription: two, table: r.b}\n",
        _one(2, "defaults.window", "must divide an hour"),
    ),
    "a half-second lookback": _in_system("duplicate_lookback: 0.5s", "duplicate_lookback", "whole seconds"),
    "too many classes": (
        HEAD + "systems:\n" + "".join(
            f"  - {{id: s{window}, topic: top, subscription: sub{window}, table: r.t, window: {window}, interval: 1h}}\n"
            for window in ("1m", "2m", "3m", "4m", "5m", "6m", "10m")
        ),
        _one(4, "systems", "7 different pairs of window and interval (lines 4, 5, 6, 7, 8, 9, 10)"),
    ),
    # active hours
    "hours that are none": _in_system("active_hours: always", "active_hours", "not of the form"),
    "hours on no day": _in_system("active_hours: Mon-Fry 08:00-18:00 UTC", "active_hours", "'mon-fry' is no day"),
    "hours without a length": _in_system("active_hours: Mon 08:00-08:00 UTC", "active_hours", "same time"),
    "hours beyond the day": _in_system("active_hours: Mon 08:00-24:01 UTC", "active_hours", "'24:01' is no time of day"),
    "hours from the day's end": _in_system("active_hours: Mon 24:00-08:00 UTC", "active_hours", "24:00 is no start"),
    "hours in no zone": _in_system("active_hours: Mon 08:00-18:00 Mars/Base", "active_hours", "'Mars/Base' is no time zone"),
    "hours in a folder of zones": _in_system("active_hours: Mon 08:00-18:00 America", "active_hours", "is no time zone"),
    "hours in fullwidth digits": _in_system("active_hours: Mon \uff10\uff18:00-18:00 UTC", "active_hours", "not of the form"),
    "hours that are a number": _in_system("active_hours: 8:30", "active_hours", "must be days, hours and a time zone"),
    # exporter and endpoints
    "an unknown price": _in_section("exporter", "prices: {on_demand: 6}", "prices.on_demand", "did you mean on_demand_per_tib?"),
    "a price below 0": _in_section("exporter", "prices: {on_demand_per_tib: -6}", "prices.on_demand_per_tib", "from 0"),
    "a price in words": _in_section("exporter", "prices: {slot_hour: free}", "prices.slot_hour", "text ('free')"),
    "prices as a list": _in_section("exporter", "prices: [6]", "prices", "must be a mapping"),
    "a budget without a figure": _in_section("exporter", "budget: {}", "budget.monthly_usd", "is missing"),
    "a budget that is a number": _in_section("exporter", "budget: 25", "budget", "must be a mapping"),
    "no sink": _in_section("exporter", "sinks: []", "sinks", "at least 1"),
    "a sink of no name": _in_section("exporter", "sinks: [datadog]", "sinks[0]", "must be one of cloud_monitoring"),
    "a prefix of Google": _in_section("exporter", "metric_prefix: pubsub.googleapis.com/x", "metric_prefix", "custom.googleapis.com/NAME"),
    "an OTLP endpoint without a scheme": _in_otlp("endpoint: 'collector:4318'", "endpoint", "an address such as http"),
    "an OTLP endpoint with a password in it": _in_otlp("endpoint: 'https://me:pw@host'", "endpoint", "an address such as"),
    "headers of OTLP in the file itself": _in_otlp("headers: {api-key: abc}", "headers", "did you mean headers_file?"),
    "a file of headers without a name": _in_otlp("headers_file: ' '", "headers_file", "must be the name of a file"),
    "a temporality of no name": _in_otlp("temporality: lowmemory", "temporality", "must be one of delta, cumulative"),
    "a listener without a port": _in_section("exporter", "listen: localhost", "listen", "HOST:PORT"),
    "a listener at no port": _in_section("exporter", "listen: 'localhost:65536'", "listen", "a port up to 65535"),
    "a listener that is a number": _in_section("exporter", "listen: 8080", "listen", "not a number ('8080')"),
    "an open listener": _in_section("exporter", "listen: '0.0.0.0:8080'", "auth", "beyond loopback"),
    "an unknown guard": _in_section("exporter", "auth: none", "auth", "bearer, iap, cloud_run"),
    "half a system for an incident": _in_section("exporter", "fleet_incident_systems: 2.5", "fleet_incident_systems", "whole number"),
    "a number with a leading zero": _in_section("exporter", "fleet_incident_systems: 010", "fleet_incident_systems", "('010')"),
    "a truth for a number": _in_section("exporter", "fleet_incident_systems: yes", "fleet_incident_systems", "true or false"),
    "exporter with nothing": (GOOD + "exporter:\n", _one(8, "exporter", "not nothing")),
    "an endpoint with a scheme": _in_section("endpoints", "pubsub: 'http://localhost:1'", "pubsub", "HOST:PORT"),
    "an endpoint without a scheme": _in_section("endpoints", "bigquery: 'localhost:1'", "bigquery", "http://"),
    "an endpoint of no service": _in_section("endpoints", "storage: 'localhost:1'", "storage", "unknown key"),
    # several at once
    "a value of a tag of its own": _as_value("id", "!secret key", "!secret ('key')"),
    "everything wrong": (
        """\
fleet: Flights
defaults:
  project: acme
  location: nowhere
  tier: gold
  owner: 1
systems:
  - id: A
    topic: a
    table: b
    wat: 1
  - departures
  - id: exporter
    topic: departures
    subscription: departures-bq
    table: raw.departures
    window: 1
exporter:
  sinks: {}
  budget: {monthly_usd: much}
  listen: nowhere
endpoints:
  clock: now
""",
        [
            (1, "fleet", "not 'Flights'"),
            (3, "defaults.project", "not 'acme'"),
            (4, "defaults.location", "not 'nowhere'"),
            (5, "defaults.tier", "must be one of"),
            (6, "defaults.owner", "put it in quotes"),
            (8, "systems[0].id", "not 'A'"),
            (8, "systems[0].subscription", "is missing"),
            (9, "systems[0].topic", "not 'a'"),
            (10, "systems[0].table", "not 'b'"),
            (11, "systems[0].wat", "unknown key"),
            (12, "systems[1]", "must be a mapping"),
            (13, "systems[2].id", "is taken by the exporter itself"),
            (17, "systems[2].window", "with its unit"),
            (19, "exporter.sinks", "must be a list"),
            (20, "exporter.budget.monthly_usd", "text ('much')"),
            (21, "exporter.listen", "HOST:PORT"),
            (23, "endpoints.clock", "http://"),
        ],
    ),
    "several in one system": (
        _system("tier: gold", "view: here", "objectives:", "  latency: {threshold: 1w, target: 2}", "  errors: {targets: 0.9}"),
        [
            (8, "systems[0].tier", "must be one of"),
            (9, "systems[0].view", "dataset.table"),
            (11, "systems[0].objectives.latency.threshold", "no duration"),
            (11, "systems[0].objectives.latency.target", "less than 1"),
            (12, "systems[0].objectives.errors.targets", "did you mean target?"),
        ],
    ),
    "the same in several systems": (
        HEAD + "systems:\n" + "".join(f"  - {{id: s{n}, topic: t, subscription: sub{n}, table: r.t{n}}}\n" for n in range(3)),
        [(line, f"systems[{line - 4}].topic", "3 to 255 characters") for line in (4, 5, 6)],
    ),
}  # fmt: skip
