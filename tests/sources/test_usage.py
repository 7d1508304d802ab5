"""What the exporter says that it was billed is what the sandbox's own account says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from exporter import clients, config
from exporter.calls import CallLog
from exporter.sandbox.server import Sandbox
from exporter.sources.bigquery import landing, schema
from exporter.sources.bigquery.runner import Runner
from exporter.sources.bigquery.statements import LandingRequest
from exporter.windows import HOUR, align_down, split
from tests.sandbox.running import NOW, ask, lines, still

END = align_down(NOW, HOUR)

Question = Callable[[Runner, ThreadPoolExecutor, config.Config], int]
"""Asks BigQuery for something, and returns the bytes that it was billed for it."""


def _landing(runner: Runner, pool: ThreadPoolExecutor, loaded: config.Config) -> int:
    requests = [
        LandingRequest(each, split(END - HOUR, END, timedelta(seconds=each.window_s)), None) for each in loaded.systems
    ]
    collected = landing.collect(runner, pool, requests, alone=[loaded.systems[0].id])
    assert not collected.failures
    return collected.bytes_billed


QUESTIONS: dict[str, Question] = {
    "landing": _landing,
    "writes": lambda runner, _, loaded: schema.writes(runner, loaded.systems, END - HOUR, NOW)[1],
    "jobs": lambda runner, _, loaded: schema.queries(
        runner, loaded.systems[0].project, loaded.systems, END - HOUR, END
    )[1],
    "storage": lambda runner, pool, loaded: schema.storage(runner, pool, loaded.systems, NOW)[1],
    "tables": lambda runner, _, loaded: schema.tables(runner, loaded.systems)[1],
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with still(5, history_s=3600) as made:
        yield made


def billed_by(sandbox: Sandbox) -> int:
    """The account that the sandbox's control plane gives."""
    status, stats = ask(sandbox, "GET", "/stats")
    assert status == 200
    return int(stats["bytes_billed"])


@pytest.mark.parametrize("kind", QUESTIONS)
def test_bytes_billed_agree_with_the_sandboxs_account(sandbox: Sandbox, kind: str, tmp_path: Path) -> None:
    loaded = config.load(Path(sandbox.addresses.config))
    made, log = clients.make(loaded), CallLog()
    before = billed_by(sandbox)
    with ThreadPoolExecutor(4) as pool:
        said = QUESTIONS[kind](Runner(made.bigquery, log.record, 15.0), pool, loaded)
    made.close()
    assert said == billed_by(sandbox) - before > 0
    status, _ = ask(sandbox, "POST", f"/dump?dir={tmp_path}")
    assert status == 200
    calls = sum(log.take().values())
    jobs = [job for job in lines(tmp_path / "jobs.jsonl") if {"app", "family"} <= set(job["labels"])]
    assert said == sum(job["bytes_billed"] for job in jobs[-calls:])
