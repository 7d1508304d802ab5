"""J: what JOBS tells of a query, and what a query is billed for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas import jobs_samples as samples
from exporter.verify.areas.storage_tables import INSERTED, LOADED
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen, Verdict

_JOBS = "https://docs.cloud.google.com/bigquery/docs/information-schema-jobs"
_PRICING = "https://cloud.google.com/bigquery/pricing#on_demand_pricing"
_CACHE = "https://docs.cloud.google.com/bigquery/docs/cached-results"
_SCHEMA = "https://docs.cloud.google.com/bigquery/docs/information-schema-intro#pricing"
_DRY_RUN = "https://docs.cloud.google.com/bigquery/docs/running-queries#dry-run"

_LATEST_S = 60.0
"""So long after an hour's end the exporter waits before it asks for the hour's jobs (settle)."""


def _with_row(name: str, judge: Callable[[Lab, dict[str, Any]], Seen]) -> Callable[[Lab], Seen | None]:
    """Ask a question about a sample's row of JOBS, as soon as there is one."""

    def ask(lab: Lab) -> Seen | None:
        found = samples.listed(lab, name)
        return None if found is None else judge(lab, found)

    return ask


def _listed(lab: Lab) -> Seen | None:
    """How long after its end a query is in JOBS; the first that is asked says most."""
    ended_at = datetime.fromisoformat(samples.sample(lab, "one table")["ended_at"])
    late_s = queries.late_s(lab, "sample in JOBS", ended_at, _LATEST_S)
    if samples.listed(lab, "one table") is None:
        return None
    text = f"listed {late_s:.0f} s after its end" if late_s else "listed at the first look"
    return Seen(text, late_s <= _LATEST_S, {"jobs_delay_s": late_s})


def _fields(lab: Lab, found: dict[str, Any]) -> Seen:
    said = samples.sample(lab, "one table")
    wrong = [
        name
        for name, expected in (
            ("job_type", "QUERY"),
            ("statement_type", "SELECT"),
            ("state", "DONE"),
            ("reason", None),
            ("cache_hit", False),
            ("total_bytes_processed", said["processed"]),
            ("total_bytes_billed", said["billed"]),
        )
        if found[name] != expected
    ]
    times = found["creation_time"] <= found["start_time"] <= found["end_time"]
    wrong += [] if times else ["times"]
    wrong += [] if samples.table_names(found) == [LOADED] else ["referenced_tables"]
    wrong += [] if found["total_slot_ms"] is not None else ["total_slot_ms"]
    text = f"other than expected: {', '.join(wrong)}" if wrong else "all as jobs.get has them"
    shown = {name: str(found[name]) for name in wrong if name in found}
    return Seen(text, not wrong, {}, shown)


def _labels(lab: Lab, found: dict[str, Any]) -> Seen:
    labels = {each["key"]: each["value"] for each in found["labels"] or ()}
    expected = {**lab.place.labels, **dict([samples.LABEL])}
    text = f"{len(labels.keys() & expected.keys())} of {len(expected)} labels"
    return Seen(text, labels == expected, {"jobs_have_labels": labels == expected})


def _minimum(_: Lab, found: dict[str, Any]) -> Seen:
    billed = samples.billed(found)
    text = f"{billed} bytes billed for {found['total_bytes_processed']} processed"
    return Seen(text, billed == samples.MINIMUM_BYTES, {"bytes_billed_minimum": billed})


def _per_table(lab: Lab, found: dict[str, Any]) -> Seen:
    billed = samples.billed(found)
    tables = samples.table_names(found)
    alone = int(samples.sample(lab, "one table")["billed"] or 0)
    known = billed > alone or billed < 2 * samples.MINIMUM_BYTES
    parameters = {"bytes_billed_per_table_minimum": billed // 2 if billed > alone else 0} if known else {}
    text = f"{billed} bytes billed for a UNION ALL over {len(tables)} tables, {alone} for one of them"
    expected = tables == sorted((LOADED, INSERTED)) and billed == 2 * samples.MINIMUM_BYTES
    return Seen(text, expected, parameters)


def _rounded(lab: Lab, found: dict[str, Any]) -> Seen:
    billed, processed = samples.billed(found), int(found["total_bytes_processed"] or 0)
    text = f"{billed} bytes billed for {processed} processed"
    if billed <= int(samples.sample(lab, "one table")["billed"] or 0):
        raise CouldNotAsk("the query was billed for the least that any query is billed for")
    units = [unit for unit in (samples.MIB, 1, 10 * samples.MIB, 10**6) if -(-processed // unit) * unit == billed]
    return Seen(text, units[:1] == [samples.MIB], {"bytes_billed_unit": units[0]} if units else {})


def _failed(lab: Lab, found: dict[str, Any]) -> Seen:
    reason, said = found["reason"], samples.sample(lab, "failed")["reason"]
    text = f"error_result.reason {reason}, {found['total_bytes_billed'] or 0} bytes billed"
    return Seen(text, reason is not None and reason == said and not found["total_bytes_billed"])


def _view(_: Lab, found: dict[str, Any]) -> Seen:
    names = samples.table_names(found)
    return Seen(f"referenced_tables: {', '.join(names) or 'none'}", "main" in names)


def _cached(lab: Lab) -> Seen:
    hit = bool(samples.sample(lab, "again")["cache_hit"])
    return Seen(f"the second query was{'' if hit else ' not'} answered by the cache", hit, {"query_cached": hit})


def _hit_tables(lab: Lab, found: dict[str, Any]) -> Seen:
    _hit(lab)
    names = samples.table_names(found)
    return Seen(f"referenced_tables: {', '.join(names) or 'none'}", not names, {"cache_hit_has_tables": bool(names)})


def _hit_billed(lab: Lab, found: dict[str, Any]) -> Seen:
    _hit(lab)
    billed = samples.billed(found)
    return Seen(f"{billed} bytes billed", billed == 0, {"cache_hit_billed": billed > 0})


def _hit(lab: Lab) -> None:
    if not samples.sample(lab, "again")["cache_hit"]:
        raise CouldNotAsk("the cache did not answer")


def _schema_billed(lab: Lab, found: dict[str, Any]) -> Seen:
    billed, least = samples.billed(found), int(samples.sample(lab, "one table")["billed"] or 0)
    text = f"{billed} bytes billed, {least} for a query over a small table"
    return Seen(text, billed == least, {"bytes_billed_information_schema": billed})


def _schema_cached(lab: Lab) -> Seen:
    hit = bool(samples.sample(lab, "schema again")["cache_hit"])
    text = f"the second query was{'' if hit else ' not'} answered by the cache"
    return Seen(text, not hit, {"information_schema_cached": hit})


def _dry(lab: Lab) -> Seen:
    text = f"SELECT COUNT(small) AS n FROM {queries.table(lab, LOADED)}"  # noqa: S608 - a table of the run
    said, processed = queries.dry_run(lab, text), samples.sample(lab, "one table")["processed"]
    words = f"{'nothing' if said is None else said} of {processed} bytes"
    return Seen(words, said == processed, {"dry_run_has_bytes": bool(said)})


def _check(name: str, question: str, expected: str, source: str, ask: Callable[[Lab], Seen | None]) -> Check:
    return Check(name, question, expected, source, ask, ("sampled",), timedelta(minutes=5), Verdict.DIFFERS)


STEPS = (samples.STEP,)

CHECKS = (
    _check(
        "J01",
        "How long after its end is a query in JOBS?",
        f"within {_LATEST_S:g} s: so long the exporter waits after an hour's end",
        _JOBS,
        _listed,
    ),
    _check(
        "J02",
        "Does JOBS say of a query what jobs.get says?",
        "type, state, times, bytes, slot time and referenced tables",
        _JOBS + "#schema",
        _with_row("one table", _fields),
    ),
    _check(
        "J03",
        "Does JOBS have the labels of a query?",
        "all of them: by theirs the exporter knows its own queries",
        _JOBS + "#schema",
        _with_row("one table", _labels),
    ),
    _check(
        "J04",
        "How many bytes is a query over a small table billed for?",
        f"{samples.MINIMUM_BYTES}: 10 MB",
        _PRICING,
        _with_row("one table", _minimum),
    ),
    _check(
        "J05",
        "How many bytes is a UNION ALL over two small tables billed for?",
        f"{2 * samples.MINIMUM_BYTES}: 10 MB for each referenced table",
        _PRICING,
        _with_row("two tables", _per_table),
    ),
    _check("J06", "To what are billed bytes rounded up?", "whole MB of 2^20", _PRICING, _with_row("big", _rounded)),
    _check(
        "J07",
        "What does JOBS say of a query that failed?",
        "the reason that jobs.get gives, and no bytes billed",
        _JOBS + "#schema",
        _with_row("failed", _failed),
    ),
    _check(
        "J08",
        "Which tables does JOBS name for a query over a view?",
        "the table that the view reads, with or without the view",
        _JOBS + "#schema",
        _with_row("view", _view),
    ),
    _check("J09", "Is the same query answered by the cache when it is asked again?", "yes", _CACHE, _cached),
    _check(
        "J10",
        "Does JOBS name the tables of a query that the cache answered?",
        "no",
        _JOBS + "#schema",
        _with_row("again", _hit_tables),
    ),
    _check("J11", "Is a query that the cache answered billed?", "no", _CACHE, _with_row("again", _hit_billed)),
    _check(
        "J12",
        "How many bytes is a query over INFORMATION_SCHEMA billed for?",
        "as many as one over a small table: 10 MB",
        _SCHEMA,
        _with_row("schema first", _schema_billed),
    ),
    _check("J13", "Are queries over INFORMATION_SCHEMA answered by the cache?", "no", _SCHEMA, _schema_cached),
    _check(
        "J14",
        "Does a dry run say how many bytes a query will process?",
        "exactly, for a table that nobody streams to",
        _DRY_RUN,
        _dry,
    ),
)
