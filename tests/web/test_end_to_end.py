"""Cycles over HTTP against a sandbox, with the real worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from exporter import assembly
from exporter.sandbox.faults import Fault
from exporter.web import schemas
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.server import Server
from exporter.worker import Worker
from tests.end_to_end.conftest import Run, running
from tests.end_to_end.test_cycle import points_of
from tests.sandbox.running import eventually
from tests.web.conftest import LOOPBACK, Call, ask


@contextmanager
def daemon(run: Run) -> Iterator[str]:
    """The exporter behind HTTP, as `exporter serve` runs it."""
    worker = Worker(assembly.exporter(run.parts, history=timedelta(hours=1)), run.parts.clients.now)
    server = Server(application(worker, LoopbackGuard(), None), LOOPBACK)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def test_two_cycles_at_once_store_every_point_once(tmp_path: Path) -> None:
    with running(4, history_s=3600) as run, daemon(run) as address:
        faults = run.sandbox.world.engines.faults
        faults.add(Fault("bigquery", "jobs.query", delay_ms=500))
        before = faults.calls()
        first = Call(lambda: ask(address, "POST", "/cycle"))
        eventually(lambda: faults.calls() != before)  # or both would share one cycle
        second = ask(address, "POST", "/cycle")
        answers = [first.result(), second]
        assert [answer.status for answer in answers] == [200, 200]
        points = [answer.json["cycle"]["points"] for answer in answers]
        # The clock stands still, so that the later cycle had no window to do.
        assert sorted(answer.json["cycle"]["windows"] > 0 for answer in answers) == [False, True]
        stored = points_of(run.dump(tmp_path))
        assert max(stored.values()) == 1
        assert sum(stored.values()) == sum(each["written"] for each in points)


def test_a_cycle_is_reported_in_the_shape_that_is_promised() -> None:
    with running(4, history_s=3600) as run, daemon(run) as address:
        answer = ask(address, "POST", "/cycle")
        assert answer.status == 200
        assert schemas.Cycle.model_validate(answer.json).model_dump(mode="json", exclude_unset=True) == answer.json
        assert len(answer.json["systems"]) == 4
        assert ask(address, "GET", "/readyz").status == 200


def test_a_scheduler_sees_points_that_were_not_stored() -> None:
    with running(2, history_s=0) as run, daemon(run) as address:
        assert ask(address, "GET", "/readyz").status == 503
        assert ask(address, "POST", "/cycle").status == 200
        run.advance(900)
        faults = run.sandbox.world.engines.faults
        faults.add(Fault("monitoring", "CreateTimeSeries", status="PERMISSION_DENIED"))
        answer = ask(address, "POST", "/cycle")
        assert answer.status == 500
        assert {each["code"] for each in answer.json["cycle"]["rejected"]} == {"PERMISSION_DENIED"}
        faults.clear()
        run.advance(60)
        assert ask(address, "POST", "/cycle").status == 200


def test_a_sink_that_cannot_say_where_it_is_is_a_problem() -> None:
    with running(2, history_s=0) as run, daemon(run) as address:
        run.sandbox.world.engines.faults.add(Fault("monitoring", "ListTimeSeries", status="PERMISSION_DENIED"))
        answer = ask(address, "POST", "/cycle")
        assert answer.status == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "\n" not in answer.json["detail"]
        assert "SELECT" not in answer.json["detail"]
