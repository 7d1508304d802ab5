"""What somebody still needs is left alone by other runs, and who comes back too late is told so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter import clients, pricing, verifying
from exporter.errors import Transient, UsageError
from exporter.sandbox.server import Sandbox
from exporter.verify import cleanup, heartbeat, pipeline, report, runner, spending
from exporter.verify.areas import CHECKS, STEPS
from exporter.verify.cleanup import LEFTOVER_AGE, Thing
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen, Step
from exporter.verify.services import services
from tests.verify import labs
from tests.verify.places import Told, conduct, contents, endpoints, options

RUN = "6aeb1e409c13"
BEGAN = datetime.fromtimestamp(int(RUN[:8], 16), UTC)


def advance(sandbox: Sandbox, by: timedelta) -> None:
    sandbox.world.engines.clock.advance(by.total_seconds())


def test_what_is_kept_outlives_the_next_runs_and_goes_with_cleanup(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    verifying.verify(options(sandbox, tmp_path / "r.json", only=("B01",), keep=True), Told())
    there = contents(sandbox)
    advance(sandbox, 10 * LEFTOVER_AGE)
    verifying.verify(options(sandbox, tmp_path / "r.json", only=("B01",)), Told())
    assert contents(sandbox) == there != before
    verifying.clean_up(options(sandbox, tmp_path), Told())
    assert contents(sandbox) == before


def test_who_is_taken_up_when_all_is_gone_is_told_so(sandbox: Sandbox, tmp_path: Path) -> None:
    before = contents(sandbox)
    chosen = options(sandbox, tmp_path / "r.json", only=("B01",), resume=tmp_path / "run", keep=True)
    verifying.verify(chosen, Told())
    verifying.clean_up(options(sandbox, tmp_path), Told())
    with pytest.raises(UsageError, match=r"--resume: what the run in .* had made was removed meanwhile \(dataset"):
        verifying.verify(options(sandbox, tmp_path / "r.json", only=("A02",), resume=tmp_path / "run"), Told())
    assert contents(sandbox) == before


def test_a_run_that_goes_on_renews_its_label(sandbox: Sandbox, tmp_path: Path) -> None:
    seen: list[list[Thing]] = []

    def late(lab: Lab) -> Seen | None:
        if lab.waited_s("lateness") < (LEFTOVER_AGE * 2).total_seconds():
            return None
        seen.append(cleanup.leftovers(cleanup.find(lab.services, lab.place.project), lab.now()))
        return Seen("", as_expected=True)

    check = Check("B01", "?", "!", "a test", late, ("created",), LEFTOVER_AGE * 4)
    verifying.verify(options(sandbox, tmp_path / "r.json", checks=(check,)), Told())
    assert seen == [[]]


def test_only_what_nobody_renewed_for_long_is_left_over() -> None:
    def left(**given: Any) -> bool:
        things = [Thing("dataset", "d", RUN, **given), Thing("topic", "t", RUN)]
        return cleanup.leftovers(things, BEGAN + LEFTOVER_AGE * 3) == things

    assert left()
    assert left(alive_at=BEGAN + LEFTOVER_AGE)
    assert not left(alive_at=BEGAN + LEFTOVER_AGE * 2)
    assert not left(is_kept=True)


def test_no_run_takes_as_long_as_a_leftover_is_old() -> None:
    assert spending.longest(STEPS, CHECKS) < LEFTOVER_AGE


@pytest.mark.parametrize("said", ["", "x", "-1", "²", "99999999999999"])
def test_a_foreign_label_tells_no_time(said: str) -> None:
    assert heartbeat.renewed_at({"alive": said}) is None


def test_a_device_is_no_file_and_a_link_stays_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="/dev/null is no regular file"):
        report.check_writable(Path("/dev/null"))
    with pytest.raises(OSError, match="no regular file"):
        report.write({}, Path("/dev/null"))
    target, link = tmp_path / "there.json", tmp_path / "link.json"
    link.symlink_to(target)
    report.write({"a": 1}, link)
    assert link.is_symlink()
    assert json.loads(target.read_text(encoding="utf-8")) == {"a": 1}


@pytest.mark.parametrize(("own", "paid_by"), [(None, "acme-data"), ("acme-billing", "acme-billing")])
def test_a_users_credentials_name_a_project_that_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None, paid_by: str
) -> None:
    user = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    user |= {} if own is None else {"quota_project_id": own}
    (tmp_path / "user.json").write_text(json.dumps(user), encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "user.json"))
    found = clients.rest_client(None, "acme-data")
    assert found._session.credentials.quota_project_id == paid_by  # type: ignore[attr-defined]
    found.close()
    big = clients.bigquery_client("acme-data", None, pays=True)
    assert big._credentials.quota_project_id == paid_by
    big.close()
    for make in (clients.publisher_client, clients.subscriber_client, clients.monitoring_client):
        made: Any = make(None, "acme-data")
        assert made.transport._credentials.quota_project_id == paid_by
        made.transport.close()


def test_an_organization_that_forbids_is_told_apart_from_rights_that_come() -> None:
    said = "One or more users named in the policy do not belong to a permitted customer."
    assert isinstance(pipeline.not_yet("acme-data", said), CouldNotAsk)
    later = pipeline.not_yet("acme-data", "main: Service account does not exist")
    assert isinstance(later, Transient)
    assert "gcloud beta services identity create --service=pubsub.googleapis.com --project acme-data" in str(later)


def test_the_last_refusal_is_shown_while_it_is_waited_for(tmp_path: Path) -> None:
    def refuse(_: Lab) -> bool:
        raise Transient("notYet", "no such account")

    shown: list[runner.Progress] = []
    step = Step("made", "making", refuse, patience=timedelta(seconds=60))
    runner.run(labs.lab_in(tmp_path), [step], [labs.check("A01", labs.yes, ("made",))], shown.append)
    assert any("no such account" in each.refusal for each in shown)


def test_a_run_without_pipelines_announces_none(sandbox: Sandbox, tmp_path: Path) -> None:
    told = Told()
    free = Check("B09", "?", "!", "a test", labs.yes)
    verifying.verify(options(sandbox, tmp_path / "r.json", checks=(free,)), told)
    assert told.lines[0].startswith("1 question to the project")
    assert any("It makes no pipelines" in line for line in told.lines)
    assert not any("one to two hours" in line or "topics" in line for line in told.lines)


def test_every_table_that_a_question_reads_is_counted() -> None:
    prices = pricing.load({}, systems=1)
    one = Check("S91", "?", "!", "a test", labs.yes)
    five = Check("S91", "?", "!", "a test", labs.yes, queries=5)
    assert spending.cost_usd(prices, [], [five]) > spending.cost_usd(prices, [], [one])


def test_a_wrong_id_names_the_areas(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError) as raised:
        verifying.chosen(CHECKS, ["Z99"])
    assert len(str(raised.value)) < 250


def test_cleanup_with_an_api_off_says_how_to_turn_it_on(sandbox: Sandbox, tmp_path: Path) -> None:
    conduct(sandbox, apis_off=["bigquery"])
    with pytest.raises(UsageError, match=r"gcloud services enable bigquery.googleapis.com --project flights-sandbox"):
        verifying.clean_up(options(sandbox, tmp_path), Told())
    conduct(sandbox, apis_off=[])


def test_a_metric_whose_suffix_is_no_time_is_not_ours(sandbox: Sandbox) -> None:
    parent = f"projects/{sandbox.addresses.project}"
    with services(sandbox.addresses.project, endpoints(sandbox), sandbox.addresses.control) as found:
        kind = {"metric_kind": "GAUGE", "value_type": "DOUBLE"}
        kind["type"] = "custom.googleapis.com/exporter_verify_deadbeef0000/x"
        found.monitoring.create_metric_descriptor(name=parent, metric_descriptor=kind)
        assert cleanup.find(found, sandbox.addresses.project) == []
        found.monitoring.delete_metric_descriptor(name=f"{parent}/metricDescriptors/{kind['type']}")
