"""Small queries about single functions and clauses that the statements build on, over rows with NULLs, ties and bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from exporter.windows import EPOCH
from tests.builders import T0
from tests.sql.analyser import Parameter, Stored

_TICK = timedelta(microseconds=1)
_PAST = EPOCH - timedelta(seconds=1, microseconds=500_001)

TICKS = Stored(
    {"id": "INT64", "number": "INT64", "word": "STRING", "seen": "TIMESTAMP", "flag": "BOOL"},
    [
        (1, 0, "a", T0, True),
        (2, 10, "a", T0, False),
        (3, 9, "a", T0 + _TICK, None),
        (4, -10, "b", T0, True),
        (5, None, "b", None, None),
        (6, 11, None, T0 - _TICK, True),
        (7, None, None, T0, False),
        (8, -1, None, None, True),
        (9, 2**62, "", _PAST, False),
        (10, 10, "a", T0 + timedelta(hours=1), True),
    ],
)
NOTHING = Stored(TICKS.columns, [])
NESTED = Stored(
    {
        "id": "INT64",
        "error": "STRUCT<reason STRING, message STRING>",
        "labels": "ARRAY<STRUCT<key STRING, value STRING>>",
        "numbers": "ARRAY<INT64>",
    },
    [
        (1, ("broken", "it is"), [("app", "exporter"), ("team", "x")], [3, 1, 2]),
        (2, (None, "no reason"), [("app", None)], []),
        (3, None, None, None),
        (4, None, [], [7, 7]),
    ],
)
TABLES: Mapping[str, Stored] = {"p.d.ticks": TICKS, "p.d.nothing": NOTHING, "p.d.nested": NESTED}


@dataclass(frozen=True, slots=True)
class Probe:
    """A query over ``TABLES``, its parameters, and whether it fails while it runs."""

    sql: str
    parameters: Sequence[Parameter] = ()
    refused: bool = False


def _arrays(**values: Any) -> list[Parameter]:
    return [
        Parameter(name, "ARRAY<INT64>" if value and isinstance(value[0], int) else "ARRAY<STRING>", value)
        for name, value in values.items()
    ]


_BOUNDS = [Parameter("bounds", "ARRAY<INT64>", [-1, 0, 10, 11])]

PROBES: Mapping[str, Probe] = {
    "LAG over ties and NULLs": Probe(
        "SELECT word, seen, LAG(seen) OVER (PARTITION BY word ORDER BY seen) AS previous FROM `p.d.ticks`"
    ),
    "LAG by descending NULLs": Probe(
        "SELECT id, LAG(number) OVER (PARTITION BY word ORDER BY number DESC, id) AS previous FROM `p.d.ticks`"
    ),
    "LAG of two steps with a default": Probe(
        "SELECT id, LAG(id, 2, -1) OVER (ORDER BY number, id) AS previous FROM `p.d.ticks`"
    ),
    "COUNT OVER": Probe(
        "SELECT id, COUNT(*) OVER (PARTITION BY word) AS peers, COUNT(number) OVER (PARTITION BY flag) AS known FROM `p.d.ticks`"
    ),
    "RANGE_BUCKET": Probe("SELECT id, RANGE_BUCKET(number, @bounds) AS bucket FROM `p.d.ticks`", _BOUNDS),
    "RANGE_BUCKET of equal bounds": Probe(
        "SELECT id, RANGE_BUCKET(number, [0, 10, 10, 10]) AS bucket FROM `p.d.ticks`"
    ),
    "RANGE_BUCKET without bounds": Probe("SELECT id, RANGE_BUCKET(number, ARRAY<INT64>[]) AS bucket FROM `p.d.ticks`"),
    "RANGE_BUCKET of NULL bounds": Probe(
        "SELECT RANGE_BUCKET(1, CAST(NULL AS ARRAY<INT64>)) AS bucket, RANGE_BUCKET(NULL, [1]) AS unknown"
    ),
    "DIV": Probe(
        "SELECT id, DIV(number, 7) AS quotient, DIV(number, 7) * 7 AS floor, DIV(number, -7) AS negative FROM `p.d.ticks`"
    ),
    "DIV by nought": Probe("SELECT DIV(number, number) AS quotient FROM `p.d.ticks`", refused=True),
    "DIV of a time": Probe("SELECT id, DIV(UNIX_SECONDS(seen), 3600) * 3600 AS hour_s FROM `p.d.ticks`"),
    "GREATEST": Probe("SELECT id, GREATEST(number, 0) AS floor, GREATEST(number, id, 5) AS most FROM `p.d.ticks`"),
    "GREATEST of NULL": Probe("SELECT GREATEST(NULL, 1) AS a, GREATEST(CAST(NULL AS INT64), 0) AS b"),
    "COUNTIF": Probe(
        "SELECT word, COUNTIF(flag) AS a, COUNTIF(NOT flag) AS b, COUNTIF(number > 9) AS c, COUNTIF(NULL) AS d "
        "FROM `p.d.ticks` GROUP BY word"
    ),
    "aggregates of nothing": Probe(
        "SELECT COUNT(*) AS a, COUNTIF(flag) AS b, SUM(number) AS c, MAX(seen) AS d, COUNT(number) AS e FROM `p.d.nothing`"
    ),
    "groups of nothing": Probe("SELECT word, COUNT(*) AS rows_ FROM `p.d.nothing` GROUP BY word"),
    "aggregates skip NULL": Probe(
        "SELECT word, COUNT(*) AS a, COUNT(number) AS b, MIN(number) AS c, MAX(number) AS d, MAX(seen) AS e, MIN(seen) AS f "
        "FROM `p.d.ticks` GROUP BY word"
    ),
    "SUM of nothing but NULL": Probe("SELECT flag, SUM(IF(id = 0, 1, NULL)) AS total FROM `p.d.ticks` GROUP BY flag"),
    "SUM beyond INT64": Probe("SELECT SUM(number) + SUM(number) AS total FROM `p.d.ticks`", refused=True),
    "arithmetic beyond INT64": Probe("SELECT number * 4 AS much FROM `p.d.ticks`", refused=True),
    "ARRAY of aggregates": Probe(
        "SELECT word, [COUNTIF(id < 4), COUNTIF(id > 4)] AS counts FROM `p.d.ticks` GROUP BY word"
    ),
    "ARRAY_AGG": Probe(
        "SELECT flag, ARRAY_AGG(number IGNORE NULLS ORDER BY number) AS a, ARRAY_AGG(id ORDER BY number DESC, id) AS b "
        "FROM `p.d.ticks` GROUP BY flag"
    ),
    "ANY_VALUE": Probe(
        "SELECT id, ANY_VALUE(word) AS word, ANY_VALUE(UNIX_MICROS(seen)) AS seen_us FROM `p.d.ticks` GROUP BY id"
    ),
    "CONCAT": Probe(
        "SELECT id, CONCAT(word, '.', word) AS name, CONCAT(word) AS one, CONCAT('a', NULL) AS none FROM `p.d.ticks`"
    ),
    "UNNEST WITH OFFSET": Probe(
        "SELECT name, place, @tables[OFFSET(place)] AS table_name FROM UNNEST(@names) AS name WITH OFFSET AS place",
        _arrays(names=["x", "y", "x"], tables=["1", "2", "3"]),
    ),
    "UNNEST of nothing": Probe(
        "SELECT name, place FROM UNNEST(@names) AS name WITH OFFSET AS place", _arrays(names=[])
    ),
    "OFFSET past the end": Probe("SELECT @names[OFFSET(2)] AS name", _arrays(names=["x", "y"]), refused=True),
    "UNNEST of a column": Probe("SELECT id, value FROM `p.d.nested` CROSS JOIN UNNEST(numbers) AS value"),
    "UNNEST of a column, outer": Probe("SELECT id, value FROM `p.d.nested` LEFT JOIN UNNEST(numbers) AS value ON TRUE"),
    "UNNEST of structs": Probe("SELECT id, label.key, label.value FROM `p.d.nested`, UNNEST(labels) AS label"),
    "NOT EXISTS in an array": Probe(
        "SELECT id FROM `p.d.nested` WHERE NOT EXISTS "
        "(SELECT 1 FROM UNNEST(labels) AS label WHERE label.key = 'app' AND label.value = 'exporter')"
    ),
    "field of a NULL struct": Probe("SELECT id, error.reason IS NOT NULL AS failed, error.message FROM `p.d.nested`"),
    "IN UNNEST": Probe(
        "SELECT id, word IN UNNEST(@words) AS found, number IN UNNEST(@numbers) AS counted FROM `p.d.ticks`",
        _arrays(words=["a", ""], numbers=[10, -1]),
    ),
    "IN UNNEST of nothing": Probe("SELECT id, word IN UNNEST(@words) AS found FROM `p.d.ticks`", _arrays(words=[])),
    "LEFT JOIN ON TRUE": Probe(
        "WITH reach AS (SELECT MAX(id) AS newest FROM `p.d.ticks`), few AS (SELECT id FROM `p.d.ticks` WHERE id < 4) "
        "SELECT reach.newest, few.id FROM reach LEFT JOIN few ON TRUE"
    ),
    "LEFT JOIN ON TRUE with nothing": Probe(
        "WITH reach AS (SELECT MAX(id) AS newest FROM `p.d.nothing`), few AS (SELECT id FROM `p.d.nothing`) "
        "SELECT reach.newest, few.id FROM reach LEFT JOIN few ON TRUE"
    ),
    "JOIN on NULL": Probe(
        "SELECT a.id AS a, b.id AS b FROM `p.d.ticks` AS a JOIN `p.d.ticks` AS b ON a.word = b.word AND a.number = b.number"
    ),
    "LEFT JOIN on an expression": Probe(
        "SELECT a.id AS a, b.id AS b FROM `p.d.ticks` AS a "
        "LEFT JOIN `p.d.nested` AS b ON CONCAT(b.error.reason, '') = CONCAT(a.word, 'roken')"
    ),
    "DISTINCT": Probe("SELECT DISTINCT word, flag FROM `p.d.ticks`"),
    "GROUP BY NULL": Probe("SELECT flag, word, COUNT(*) AS rows_ FROM `p.d.ticks` GROUP BY flag, word"),
    "UNION ALL with NULL": Probe(
        "SELECT id, number, word FROM `p.d.ticks` UNION ALL "
        "SELECT 0, CAST(NULL AS INT64), CAST(NULL AS STRING) UNION ALL SELECT 0, NULL, 'x'"
    ),
    "TIMESTAMP_DIFF": Probe(
        "SELECT a.id AS a, b.id AS b, TIMESTAMP_DIFF(a.seen, b.seen, MICROSECOND) AS micros, "
        "TIMESTAMP_DIFF(a.seen, b.seen, SECOND) AS seconds, TIMESTAMP_DIFF(a.seen, b.seen, HOUR) AS hours "
        "FROM `p.d.ticks` AS a CROSS JOIN `p.d.ticks` AS b"
    ),
    "UNIX_MICROS": Probe(
        "SELECT id, UNIX_MICROS(seen) AS micros, UNIX_MILLIS(seen) AS millis, UNIX_SECONDS(seen) AS seconds FROM `p.d.ticks`"
    ),
    "three values of logic": Probe(
        "SELECT id, flag OR number > 0 AS either, flag AND number > 0 AS both, NOT flag AS neither, word IS NULL OR number < id AS loose "
        "FROM `p.d.ticks`"
    ),
    "COALESCE": Probe(
        "SELECT id, COALESCE(word, 'none') != 'a' AS other, COALESCE(number, id, 0) AS first FROM `p.d.ticks`"
    ),
    "comparison with a time": Probe(
        "SELECT id FROM `p.d.ticks` WHERE seen >= @since AND seen < @until",
        [Parameter("since", "TIMESTAMP", T0), Parameter("until", "TIMESTAMP", T0 + _TICK)],
    ),
    "WHERE drops NULL": Probe("SELECT id FROM `p.d.ticks` WHERE NOT flag OR number < 0"),
}
