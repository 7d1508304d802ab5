"""The command ``exporter verify`` against the sandbox: what it says, what it writes, and that nothing is left, however it ends."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from exporter import verifying
from exporter.config.types import Endpoints
from exporter.errors import ExporterError, UsageError
from exporter.sandbox.faults import Fault
from exporter.sandbox.iam import EXPORTER
from exporter.sandbox.server import Sandbox
from exporter.verify.permissions import PERMISSIONS
from exporter.verify.services import services
from tests.verify.places import Run, Told, conduct, contents, endpoints, options, standing


def test_a_run_asks_answers_and_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    run = Run(sandbox, tmp_path, "--yes")
    status, printed = run.end()
    assert status == 1, run.said
    assert "4 ok  1 differs  0 could not ask" in printed
    assert "A02 expected yes; seen: no" in printed
    assert all(
        len(line) <= 80 for line in printed.splitlines() if not line.startswith(("Written", "A02 exp", "Please"))
    )
    assert "5 throwaway pipelines" in run.said
    assert re.search(r"\d+ minutes at the very most,\nand costs at most \d+ cents at list prices\.", run.said)
    assert max(map(len, run.said.splitlines()[:8])) <= 80
    assert "no answer yet: B02" in run.said
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {each["id"]: each["verdict"] for each in report["checks"]} == {
        "A01": "ok", "A02": "differs", "B01": "ok", "B02": "ok", "B03": "ok"
    }  # fmt: skip
    assert report["parameters"] == {"published": 240}
    assert report["checks"][0]["seen"] == "240 messages of PROJECT"
    assert report["checks"][0]["evidence"] == {"run": "RUN"}
    assert report["checks"][3]["waited_s"] > 300
    assert contents(sandbox) == before


def test_only_some_checks_do_only_the_steps_that_they_need(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    published = sandbox.world.engines.faults.calls().get(("pubsub", "Publish", "OK"))
    told = Told()
    assert verifying.verify(options(sandbox, tmp_path / "report.json", only=("B01",)), told)
    assert [*told.shown] == ["B01"]
    assert sandbox.world.engines.faults.calls().get(("pubsub", "Publish", "OK")) == published
    assert contents(sandbox) == before


def test_unknown_checks_are_named(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--only: no such check: Z99, Y01; known: A01-A02, B01-B03$"):
        verifying.verify(options(sandbox, tmp_path / "report.json", only=("Z99", "A01", "Y01")), Told())


def test_without_consent_nothing_is_made(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    with pytest.raises(UsageError, match="say --yes where nobody can be asked"):
        verifying.verify(options(sandbox, tmp_path / "report.json", yes=False), Told())
    told = Told(answer=False)
    with pytest.raises(UsageError, match="nothing was made"):
        verifying.verify(options(sandbox, tmp_path / "report.json", yes=False, interactive=True), told)
    assert told.asked == 1
    assert contents(sandbox) == before
    assert not (tmp_path / "report.json").exists()


def test_every_missing_permission_is_named_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    missing = ["pubsub.topics.create", "bigquery.tables.setIamPolicy", "monitoring.timeSeries.create"]
    for permission in missing:
        sandbox.world.engines.iam.revoke(EXPORTER, permission, sandbox.addresses.project)
    status, _ = (run := Run(sandbox, tmp_path, "--yes")).end()
    for permission in missing:
        sandbox.world.engines.iam.restore(EXPORTER, permission, sandbox.addresses.project)
    assert status == 2
    first, *named = run.said.strip().splitlines()
    assert first.startswith(f"3 of {len(PERMISSIONS)} permissions on flights-sandbox are missing (roles/")
    assert [line.split()[0] for line in named] == missing
    assert [line.split(maxsplit=1)[1] for line in named] == [PERMISSIONS[name] for name in missing]
    assert contents(sandbox) == before


@pytest.mark.parametrize(
    ("off", "named"),
    [
        (["pubsub", "monitoring"], "pubsub.googleapis.com monitoring.googleapis.com"),
        (["bigquery"], "bigquery.googleapis.com"),
        (["cloudresourcemanager"], "cloudresourcemanager.googleapis.com"),
    ],
)
def test_apis_that_are_off_are_named_with_what_turns_them_on(
    sandbox: Sandbox, tmp_path: Path, off: list[str], named: str
) -> None:
    conduct(sandbox, apis_off=off)
    with pytest.raises(UsageError) as raised:
        verifying.verify(options(sandbox, tmp_path / "report.json"), Told())
    assert str(raised.value) == (
        f"APIs are off in flights-sandbox; turn them on: gcloud services enable {named} --project flights-sandbox"
    )
    conduct(sandbox, apis_off=[])


def test_an_unknown_project_is_said_in_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    chosen = verifying.Options("no-such-project", yes=True, out=tmp_path / "r.json")
    with pytest.raises(UsageError) as raised:
        verifying.verify(chosen.at(options(sandbox, tmp_path).endpoints), Told())
    assert str(raised.value).startswith(
        "--project no-such-project: there is no such project, or it is not yours to see"
    )
    assert "\n" not in str(raised.value)


def test_a_network_that_is_gone_is_said_in_one_line(tmp_path: Path) -> None:
    nowhere = Endpoints("http://127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1:1/clock")
    chosen = verifying.Options("acme-data", yes=True, out=tmp_path / "r.json")
    with pytest.raises(ExporterError) as raised:
        verifying.verify(chosen.at(nowhere), Told())
    assert raised.value.exit_status == 2
    assert "\n" not in str(raised.value)


def test_without_credentials_it_says_how_to_get_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match=r"no Google credentials: .*gcloud auth application-default login"):
        verifying.verify(verifying.Options("acme-data", yes=True, out=tmp_path / "r.json"), Told())


def test_a_quota_that_is_hit_costs_time_and_nothing_else(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    faults = sandbox.world.engines.faults
    faults.add(Fault("pubsub", "Publish", "RESOURCE_EXHAUSTED", probability=0.5, count=10))
    faults.add(Fault("pubsub", "CreateTopic", "RESOURCE_EXHAUSTED", count=3))
    faults.add(Fault("bigquery", "jobs.query", "RATE_LIMIT_EXCEEDED", count=3))
    faults.add(Fault("pubsub", "DeleteTopic", "UNAVAILABLE", count=2))
    told = Told()
    verifying.verify(options(sandbox, tmp_path / "report.json", only=("A01", "B03")), told)
    assert {name: result.verdict.value for name, result in told.shown.items()} == {"A01": "ok", "B03": "ok"}
    assert ("bigquery", "jobs.query", "PERMISSION_DENIED") in faults.calls()
    assert contents(sandbox) == before


def test_a_quota_that_stays_is_said_in_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    sandbox.world.engines.faults.add(Fault("pubsub", "Publish", "RESOURCE_EXHAUSTED"))
    told = Told()
    assert not verifying.verify(options(sandbox, tmp_path / "report.json", only=("A01", "B01")), told)
    assert told.shown["A01"].seen.startswith("step published: 429 ")
    assert told.shown["B01"].verdict.value == "ok"
    assert contents(sandbox) == before


def test_what_cannot_be_removed_is_named_with_what_removes_it(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    faults = sandbox.world.engines.faults
    for api, method in (("pubsub", "DeleteSubscription"), ("pubsub", "DeleteTopic"), ("bigquery", "datasets.delete")):
        faults.add(Fault(api, method, "UNAVAILABLE"))
    with pytest.raises(ExporterError) as raised:
        verifying.verify(options(sandbox, tmp_path / "report.json", only=("B01",)), Told())
    first, *left, last = str(raised.value).splitlines()
    assert first == "Left in flights-sandbox:"
    assert sorted(line.split()[0] for line in left) == ["dataset", *["subscription"] * 9, *["topic"] * 9]
    assert all("503 " in line for line in left)
    assert last == "To remove it: exporter verify --project flights-sandbox --cleanup"
    assert (tmp_path / "report.json").exists()
    faults.clear()
    verifying.clean_up(options(sandbox, tmp_path), Told())
    assert contents(sandbox) == before


def test_a_place_that_goes_away_is_said_in_one_line(tmp_path: Path) -> None:
    with standing() as gone:
        run = Run(gone, tmp_path, "--yes", "--only", "B02")
        run.until(lambda: "no answer yet" in run.said)
    status, printed = run.end()
    assert (status, printed) == (1, "")
    assert re.match(r"no time from http://127|http://127\S+ cannot be moved on", run.said.splitlines()[-1])
    assert "Traceback" not in run.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_removes_everything(sandbox: Sandbox, tmp_path: Path, number: int) -> None:
    before = contents(sandbox)
    run = Run(sandbox, tmp_path, "--yes", "--only", "B02")
    run.until(lambda: "no answer yet" in run.said)
    run.signal(number)
    status, printed = run.end()
    assert (status, printed) == (1, "")
    assert "stopped: everything is removed; with --resume DIR a run can be taken up again" in run.said
    assert "Traceback" not in run.said
    assert contents(sandbox) == before


def test_a_second_ctrl_c_says_what_is_left_and_cleanup_removes_it(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    run = Run(sandbox, tmp_path, "--yes", "--only", "B02")
    run.until(lambda: "no answer yet" in run.said)
    sandbox.world.engines.faults.add(Fault("pubsub", "DeleteTopic", delay_ms=2000, count=1))
    run.signal(signal.SIGINT)
    run.until(
        lambda: "Removing" in run.said and not any("verify" in name for name in contents(sandbox)["subscriptions"])
    )
    run.signal(signal.SIGINT)
    status, _ = run.end()
    assert status == 1
    left = [line.split()[1].rstrip(":") for line in run.said.splitlines() if line.startswith("  topic ")]
    assert left
    assert "exporter verify --project flights-sandbox --cleanup" in run.said
    assert {name for name in contents(sandbox)["topics"] if "verify" in name} <= set(left)
    verifying.clean_up(options(sandbox, tmp_path), Told())
    assert contents(sandbox) == before


def test_a_run_can_be_stopped_and_taken_up_again(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    run = Run(sandbox, tmp_path, "--yes", "--resume", str(tmp_path / "run"))
    run.until(lambda: "no answer yet" in run.said)
    run.signal(signal.SIGINT)
    status, _ = run.end()
    assert status == 1
    again = f"exporter verify --project flights-sandbox --resume {tmp_path / 'run'}"
    assert again in run.said
    assert contents(sandbox) != before
    told = Told()
    verifying.verify(options(sandbox, tmp_path / "report.json", resume=tmp_path / "run"), told)
    assert sorted(told.shown) == ["A01", "A02", "B01", "B02", "B03"]
    assert told.lines[0].startswith("Goes on with the run of 2026-11-04T")
    assert contents(sandbox) == before
    # It is over now: its report can be written again, and more cannot be asked.
    verifying.verify(options(sandbox, tmp_path / "again.json", resume=tmp_path / "run"), Told())
    assert (tmp_path / "again.json").exists()


def test_a_run_is_taken_up_where_it_was_and_nowhere_else(sandbox: Sandbox, tmp_path: Path) -> None:
    some = options(sandbox, tmp_path / "report.json", resume=tmp_path / "run", only=("B01",))
    verifying.verify(some, Told())
    with pytest.raises(
        UsageError, match=r"--resume: the run in .* is in project flights-sandbox, location us-central1"
    ):
        verifying.verify(options(sandbox, tmp_path / "report.json", resume=tmp_path / "run", location="EU"), Told())
    with pytest.raises(UsageError, match=r"--resume: the run in .* is over, and its pipelines are gone"):
        verifying.verify(options(sandbox, tmp_path / "report.json", resume=tmp_path / "run"), Told())


def test_a_killed_run_that_is_taken_up_publishes_nothing_twice(sandbox: Sandbox, tmp_path: Path) -> None:
    run = Run(sandbox, tmp_path, "--yes", "--resume", str(tmp_path / "run"))
    faults = sandbox.world.engines.faults
    run.until(lambda: faults.calls().get(("pubsub", "Publish", "OK"), 0) >= 4)
    run.signal(signal.SIGKILL)
    run.end()
    told = Told()
    chosen = options(sandbox, tmp_path / "report.json", resume=tmp_path / "run", only=("A01",), keep=True)
    verifying.verify(chosen, told)
    assert told.shown["A01"].seen.startswith("240 messages")
    (dataset,) = (name for name in contents(sandbox)["datasets"] if "verify" in name)
    assert bodies(sandbox, dataset) == (240, 240)
    verifying.clean_up(options(sandbox, tmp_path), Told())


def bodies(sandbox: Sandbox, dataset: str) -> tuple[int, int]:
    """How many different bodies and messages the table of main holds."""

    with services("flights-sandbox", endpoints(sandbox), sandbox.addresses.control) as found:
        text = (
            "SELECT COUNT(DISTINCT TO_JSON_STRING(data)) AS bodies, COUNT(DISTINCT message_id) AS messages "
            f"FROM {dataset}.main"
        )
        (row,) = found.bigquery.query_and_wait(text)
        return int(row.bodies), int(row.messages)


def test_what_is_kept_can_be_gone_on_with(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    told = Told()
    verifying.verify(options(sandbox, tmp_path / "report.json", only=("B01",), keep=True), told)
    assert contents(sandbox) != before
    (line,) = (line for line in told.lines if line.startswith("Kept."))
    directory = Path(line.rpartition(" ")[2])
    verifying.verify(options(sandbox, tmp_path / "report.json", only=("A02",), resume=directory), Told())
    assert contents(sandbox) == before
