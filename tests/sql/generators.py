"""Random rows that sit on the edges of the definitions: ties, NULLs, bounds, and the ends of windows and lookbacks."""

from __future__ import annotations

import random
from collections.abc import Sequence

from exporter.model import LATENCY_BOUNDS_US
from tests.sql.definitions import Arrival, Job, Measured, Written

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


def arrivals(draw: random.Random, how: Measured, subscriptions: Sequence[str | None], count: int) -> list[Arrival]:
    """Rows around the windows and the lookback of a pipeline, few messages and few moments, so that many are equal."""
    edges = range(how.start_us, how.end_us + 1, how.window_us)
    moments = [edge + step for edge in edges for step in (-1, 0, 0, 1)]
    moments += [moment + step for moment in moments for step in (how.lookback_us, -how.lookback_us)]
    moments += [
        draw.randrange(how.start_us - 2 * how.lookback_us - 1, how.end_us + MINUTE_US) for _ in range(count // 4)
    ]
    messages = [None, "", *(f"m{number}" for number in range(max(3, count // 8)))]
    latencies = [0, -1, -MINUTE_US, how.threshold_us, how.threshold_us + 1, 10 * LATENCY_BOUNDS_US[-1]]
    latencies += [bound + step for bound in draw.sample(LATENCY_BOUNDS_US, 8) for step in (-1, 0, 1)]
    rows = []
    for _ in range(count):
        commit_us = draw.choice(moments)
        publish_us = None if draw.random() < 0.15 else commit_us - draw.choice(latencies)
        rows.append(Arrival(commit_us, publish_us, draw.choice(messages), draw.choice(subscriptions)))
    return rows


def jobs(draw: random.Random, tables: Sequence[str], start_us: int, end_us: int, count: int) -> list[Job]:
    """Jobs of every kind that end around [start, end), over one, several, repeated and unknown tables."""
    listed = []
    for number in range(count):
        finish_us = draw.choice((start_us, start_us - 1, end_us, end_us - 1, draw.randrange(start_us, end_us)))
        waited_us = draw.choice((0, 1, *LATENCY_BOUNDS_US[:20], draw.randrange(HOUR_US)))
        begun_us = None if draw.random() < 0.2 else finish_us - waited_us
        labels = draw.choice(
            (None, (), (("app", "exporter"),), (("app", "looker"),), (("team", "exporter"), ("app", "x")))
        )
        listed.append(
            Job(
                job_id=f"job_{number}",
                creation_us=finish_us - waited_us - draw.choice((0, 5, 1_000_000)),
                start_us=begun_us,
                end_us=None if draw.random() < 0.1 else finish_us,
                job_type=draw.choice(("QUERY", "QUERY", "QUERY", "LOAD", None)),
                statement_type=draw.choice(("SELECT", "SELECT", "INSERT", "SCRIPT", None)),
                state=draw.choice(("DONE", "DONE", "DONE", "RUNNING")),
                error=draw.choice((None, None, "invalidQuery")),
                bytes_processed=draw.choice((None, 0, 1, 10 * 2**20, 2**40)),
                bytes_billed=draw.choice((None, 0, 10 * 2**20, 2**41)),
                slot_ms=draw.choice((None, 0, 17)),
                labels=labels,
                tables=draw.choice((None, (), tuple(draw.choices(tables, k=draw.randrange(1, 5))))),
            )
        )
    return listed


def timeline(draw: random.Random, tables: Sequence[str], start_us: int, end_us: int, count: int) -> list[Written]:
    """Minutes around [start, end), of known and unknown tables, some of them written to through two kinds of stream."""
    minutes = [*range(start_us - MINUTE_US, end_us + MINUTE_US, MINUTE_US)]
    rows = []
    for _ in range(count):
        dataset, table = draw.choice(tables).split(".")
        rows.append(
            Written(
                minute_us=draw.choice(minutes),
                dataset=dataset,
                table=table,
                stream_type=draw.choice(("DEFAULT", "COMMITTED")),
                error_code=draw.choice(("OK", "OK", "INVALID_ARGUMENT")),
                requests=draw.randrange(100),
                rows=draw.choice((None, 0, draw.randrange(10_000))),
                input_bytes=draw.choice((None, draw.randrange(2**34))),
            )
        )
    return rows
