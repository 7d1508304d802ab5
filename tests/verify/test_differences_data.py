"""The sandbox is told to behave differently in one point: exactly the check of that point says so, and what it saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from google.pubsub_v1.types import PubsubMessage

from exporter.model import TableRef
from exporter.sandbox.server import Sandbox
from exporter.verify import report
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas import jobs_samples
from exporter.verify.lab import Lab
from exporter.verify.pipeline import BY_NAME
from exporter.verify.questions import Result, Verdict
from tests.torture.length import rounds
from tests.verify.area_runs import CHECKS, asked, behave, copied, lab_at
from tests.verify.places import standing

MIB = 2**20
Mend = Callable[[requests.Response], bytes]

SIZES = "pubsub.googleapis.com/topic/message_sizes"
DEAD_LETTERS = "pubsub.googleapis.com/subscription/dead_letter_message_count"
BACKLOG = "pubsub.googleapis.com/subscription/num_undelivered_messages"


@dataclass(frozen=True)
class Difference:
    """A value of a field of conduct: the check that differs, what it sees, who is asked beside it, and who cannot be asked then.

    ``forget`` are facts of an earlier run that are found out anew; where they are None, everything is.
    """

    name: str
    value: Any
    check: str
    seen: str
    beside: Sequence[str] = ()
    unasked: Sequence[str] = ()
    forget: Sequence[str] | None = ()

    def __str__(self) -> str:
        value = ",".join(map(str, self.value)) if isinstance(self.value, list | dict) else self.value
        return f"{self.name}={value}"


JOBS = ("J01", "J02", "J03", "J04", "J05", "J06", "J07", "J08", "J09", "J10", "J11", "J12", "J13", "J14")
WINDOWS = ("A04", "A05", "A06", "A07", "A08", "A09", "A10", "A11", "A12", "A13")
PUSHES = ("P07", "P08", "P09", "P10", "P11", "P12", "P13", "P14", "P15", "P16", "P22")
TOPICS = ("P01", "P02", "P03", "P04", "P05", "P06", "P16")
SAMPLES = ("step sampled", "job samples")
CODES = ("W08", "W09", "W10", "W11")
LETTERS = ("D04", "D05", "D06", "D07", "D08", "D09")
LANDED = ("M01", "M02", "M03", "M04", "M05", "D02", "W01", "W03", "W04", "W05", "W06", "W07")
PROVOKED = ("S01", "S02", "S03", "S04", "S05")
MENDED = (*PROVOKED, "S06", "S07")


def _window(name: str, value: Any, check: str, seen: str) -> Difference:
    return Difference(name, value, check, seen, WINDOWS)


def _job(name: str, value: Any, check: str, seen: str, *unasked: str) -> Difference:
    return Difference(name, value, check, seen, JOBS, unasked, SAMPLES)


def _push(name: str, value: str, check: str) -> Difference:
    return Difference(name, value, check, repr(value), PUSHES)


def _fresh(
    name: str, value: Any, check: str, seen: str, beside: Sequence[str], unasked: Sequence[str] = ()
) -> Difference:
    return Difference(name, value, check, seen, beside, unasked, None)


DIFFERENCES = (
    # What is asked of a pipeline that is there
    _window("appends_start_included", False, "A04", "0 of 20 rows"),
    _window("appends_end_included", True, "A05", "20 of 20 rows"),
    _window("appends_end_in_future_refused", False, "A06", "answered"),
    _window("appends_before_creation_refused", True, "A07", "refused"),
    _window("appends_columns_billed", "all", "A09", "816000 bytes for a narrow column"),
    _window("appends_rows_billed", "table", "A10", "801600 bytes for half of the rows"),
    _window("appends_sees_loads", False, "A11", "0 of 800 rows"),
    _window("appends_sees_inserts", False, "A12", "0 of 2 rows"),
    _window("appends_sees_copies", False, "A13", "0 of 800 rows"),
    Difference("appends_repeatable", False, "A03", "not the same as before", ("A04", "A05")),
    Difference("jobs_delay_s", 180.0, "J01", "after its end", ("J02", "J09"), (), SAMPLES),
    _job("jobs_have_labels", False, "J03", "0 of 3 labels"),
    _job("bytes_billed_minimum", 20 * MIB, "J04", f"{20 * MIB} bytes billed", "J06"),
    _job("bytes_billed_per_table_minimum", 5 * MIB, "J05", f"{10 * MIB} bytes billed for a UNION ALL"),
    _job("bytes_billed_unit", 10 * MIB, "J06", f"{20 * MIB} bytes billed"),
    _job("query_cached", False, "J09", "not answered by the cache", "J10", "J11"),
    _job("cache_hit_has_tables", True, "J10", "verify_loaded"),
    _job("cache_hit_billed", True, "J11", f"{10 * MIB} bytes billed"),
    _job("bytes_billed_information_schema", 20 * MIB, "J12", f"{20 * MIB} bytes billed"),
    _job("information_schema_cached", True, "J13", "was answered by the cache"),
    _job("dry_run_has_bytes", False, "J14", "nothing of 8000 bytes"),
    Difference("message_sizes_counts", "batches", "P02", "count 13 for 248 messages", TOPICS),
    Difference("send_request_counts", "messages", "P04", "248 for 248 messages in 13 requests", TOPICS),
    Difference("dead_letter_count_written", False, "P16", "0 for 8 messages", TOPICS),
    Difference("ack_count_has_bigquery", False, "P15", "0 for 240 messages", PUSHES),
    _push("delivery_type", "bigquery", "P08"),
    _push("response_class_ok", "success", "P09"),
    _push("response_class_refused", "failed", "P10"),
    _push("response_code_row", "bad_row", "P11"),
    _push("response_code_missing_table", "gone", "P12"),
    _push("response_code_denied", "forbidden", "P13"),
    _push("response_code_mismatch", "bad_schema", "P14"),
    # What is asked of a pipeline that is made then
    _fresh("change_timestamp", "publish", "A01", "4 equal to publish_time", ("A02",)),
    _fresh("appends_delay_s", 40.0, "A02", "s after a SELECT saw the row", ("A01", "A11", "A12", "A13")),
    _fresh("storage_delay_s", 2100.0, "T01", "s after the load", ("T02", "T03", "T04")),
    _fresh("tables_get_delay_s", 2100.0, "T03", "s after the load", ("T01", "T02", "T04")),
    _fresh("timeline_delay_s", 300.0, "W02", "s after they were in the table", LANDED),
    _fresh("timeline_has_subscription_writes", False, "W01", "none after 10 minutes", LANDED, LANDED[7:]),
    _fresh("timeline_error_code_ok", "SUCCESS", "W03", "'SUCCESS'", (*LANDED, "W08")),
    _fresh("timeline_stream_type", "COMMITTED", "W04", "COMMITTED", LANDED),
    _fresh("timeline_error_code_row", "OUT_OF_RANGE", "W08", "'OUT_OF_RANGE'", ("W03", "W05")),
    _fresh("timeline_error_code_missing_table", "GONE", "W09", "'GONE'", CODES),
    _fresh("timeline_error_code_denied", "UNAUTHENTICATED", "W10", "'UNAUTHENTICATED'", CODES),
    _fresh("timeline_error_code_mismatch", "OUT_OF_RANGE", "W11", "'OUT_OF_RANGE'", CODES),
    _fresh("write_metadata_columns", ["message_id", "publish_time", "attributes"], "M01", "rows: message_id", LANDED, ("M05",)),
    _fresh("write_metadata_columns", ["subscription_name", "message_id", "publish_time"], "M01", "rows: sub", LANDED, ("M04",)),
    _fresh("defaults_filled", True, "M06", "filled in 4 of 4 rows", ("D03",)),
    _fresh("duplicate_ratio", 0.5, "D01", "rows of 240 messages", LANDED),
    _fresh("batches_messages", False, "D02", "240 commits for 240 messages", LANDED),
    _fresh("row_refused_alone", False, "D03", "0 of 4 good messages", ("M06",)),
    _fresh("dead_letter_attributes", False, "D06", "missing: CloudPubSub", LETTERS, ("D07",)),
    _fresh("dead_letter_backoff", True, "D08", "with back-off 40 s at least", LETTERS),
    _fresh("dead_letter_topic_without_subscription", "kept", "D10", "1 messages came", ("D03", "M06")),
    _fresh("state_on_missing_table", "SCHEMA_MISMATCH", "S01", "bigquery_config.state SCHEMA_MISMATCH", PROVOKED),
    _fresh("state_on_denied", "NOT_FOUND", "S02", "bigquery_config.state NOT_FOUND", PROVOKED),
    _fresh("state_on_mismatch", "ACTIVE", "S03", "bigquery_config.state ACTIVE", PROVOKED),
    _fresh("state_delay_s", 240.0, "S04", "denied: 2", PROVOKED),
    _fresh("states_to_dead_letters", True, "S05", "denied: 8", MENDED),
    _fresh("refused_messages_kept", False, "S06", "denied: 0 of 8", MENDED),
    _fresh("state_recovers", False, "S07", "still not ACTIVE", MENDED),
    _fresh("attempt_unit", "message", "P07", "240 successful attempts", ("P08", "P09", "P15", "P22")),
    _fresh("metric_delay_s", {SIZES: 420}, "P23", "s after the end of its sample period", ("P24", "P25", "P28")),
    _fresh("metric_delay_s", {BACKLOG: 420}, "P28", "s after the end of its sample period", ("P21", "P29", "P30")),
)  # fmt: skip

EARLIER = ("A03", "A13", "J01", "P02", "P06", "P12", "P13", "P14", "P16")
"""Checks that need all the steps that later questions rest on."""


@dataclass
class Earlier:
    """A run that is over, in a sandbox that still behaves as usual."""

    sandbox: Sandbox
    lab: Lab
    results: dict[str, Result] = field(default_factory=dict)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Earlier]:
    with standing() as sandbox, lab_at(sandbox, tmp_path_factory.mktemp("earlier"), 1) as lab:
        yield Earlier(sandbox, lab, asked(lab, EARLIER))


def _names(difference: Difference) -> list[str]:
    return sorted({difference.check, *difference.beside, *difference.unasked})


def _judge(difference: Difference, results: dict[str, Result]) -> None:
    seen = {name: f"{result.verdict}: {result.seen}" for name, result in results.items()}
    differing = [name for name, result in results.items() if result.verdict is Verdict.DIFFERS]
    silent = {name for name, result in results.items() if result.verdict is Verdict.COULD_NOT_ASK}
    assert differing == [difference.check], seen
    assert silent == set(difference.unasked), seen
    assert difference.seen in results[difference.check].seen


def _is_measured(difference: Difference, results: dict[str, Result]) -> None:
    """The value that the sandbox was told is the one that is measured; delays to a look or a minute."""
    told, found = difference.value, report.parameters([results[difference.check]])[difference.name]
    if isinstance(told, dict):
        ((metric, told),) = told.items()
        found = found[metric]
    if difference.name == "appends_delay_s":
        assert found == pytest.approx(told, rel=0.15)
    elif difference.name.endswith("delay_s"):
        assert found == pytest.approx(told, abs=65)
    elif difference.name not in LOOSE:
        assert found == told


LOOSE = ("bytes_billed_per_table_minimum", "duplicate_ratio")
"""Less than half of the least for a query cannot be told apart, and a share of batches is seen as a share of rows."""


def test_the_earlier_run_found_everything_as_expected(earlier: Earlier) -> None:
    assert {name: result.seen for name, result in earlier.results.items() if result.verdict is not Verdict.OK} == {}


@pytest.mark.parametrize("difference", [each for each in DIFFERENCES if each.forget is not None], ids=str)
def test_exactly_one_check_differs_when_it_is_asked_again(
    earlier: Earlier, tmp_path: Path, difference: Difference
) -> None:
    assert difference.forget is not None
    behave(earlier.sandbox, {difference.name: difference.value})
    lab = replace(earlier.lab, book=copied(earlier.lab, tmp_path / "run", difference.forget))
    results = asked(lab, _names(difference))
    behave(earlier.sandbox, {})
    _judge(difference, results)
    _is_measured(difference, results)


ALONE = [each for each in DIFFERENCES if each.forget is None]
"""What takes a run of its own; `make torture` tries all of it."""


@pytest.mark.parametrize("difference", ALONE[: rounds(4, len(ALONE))], ids=str)
def test_exactly_one_check_differs_in_a_run_of_its_own(tmp_path: Path, difference: Difference) -> None:
    with standing() as sandbox:
        behave(sandbox, {difference.name: difference.value})
        with lab_at(sandbox, tmp_path / "run", 2) as lab:
            results = asked(lab, _names(difference))
    _judge(difference, results)
    _is_measured(difference, results)


def test_what_a_stranger_does_to_a_pipeline_is_seen(tmp_path: Path) -> None:
    """A row that nobody published, and a message that nobody noted: whoever counts either says so."""
    counters = ("M02", "W05", "P02", "P03", "P04", "P05")
    with standing() as sandbox, lab_at(sandbox, tmp_path / "run", 2) as lab:
        asked(lab, ["P18"])
        text = (
            f"INSERT INTO {queries.table(lab, 'main')} (data, subscription_name, message_id, publish_time, attributes) "
            "VALUES (JSON '1', 'somebody', 'something', CURRENT_TIMESTAMP(), JSON '{}')"
        )
        assert queries.job(lab, text).error_result is None
        lab.services.publisher.publish(topic=BY_NAME["main"].topic(lab.place), messages=[PubsubMessage(data=b"{}")])
        lab.clock.wait(600)
        results = asked(lab, (*counters, "M01", "M03", "W03", "P06", "P16"))
    differing = {name for name, result in results.items() if result.verdict is Verdict.DIFFERS}
    assert differing == set(counters), results
    assert results["M02"].seen == "240 of 240 ids that publish returned, 2 others"
    assert {result.verdict for name, result in results.items() if name not in counters} == {Verdict.OK}


def test_every_check_that_differs_is_another_one() -> None:
    assert len(DIFFERENCES) >= 25
    assert len({each.check for each in DIFFERENCES}) >= 60
    assert {name for each in DIFFERENCES for name in _names(each)} <= CHECKS.keys()


# What cannot be provoked in a sandbox as it is: an answer is changed on its way, or a metric comes late


def test_d10_waits_until_it_is_certain_that_the_message_was_forwarded(tmp_path: Path) -> None:
    """While no metric says anything, the dead-letter topic stays without a subscription."""
    late = dict.fromkeys((DEAD_LETTERS, BACKLOG), 1100)
    with standing() as sandbox:
        behave(sandbox, {"metric_delay_s": late})
        with lab_at(sandbox, tmp_path / "run", 3) as lab:
            asked(lab, ["D03"])
            while lab.waited_s("forwarding") < 600:
                assert CHECKS["D10"].ask(lab) is None
                assert lab.book.get("dead letters of extra subscribed") is None
                lab.clock.wait(60)
            result = asked(lab, ["D10"])["D10"]
    assert result.verdict is Verdict.OK, result.seen


def test_a_few_more_attempts_than_configured_are_no_surprise(tmp_path: Path) -> None:
    with standing() as sandbox:
        behave(sandbox, {"dead_letter_attempts_exact": False})
        with lab_at(sandbox, tmp_path / "run", 3) as lab:
            result = asked(lab, ["D07"])["D07"]
    assert (result.verdict, result.seen) == (Verdict.OK, "after 6 to 6 attempts, of 5 configured")
    assert result.parameters == {"dead_letter_attempts_exact": False}


def test_a_subscription_name_with_the_number_of_the_project_is_told_as_such(earlier: Earlier) -> None:
    lab = earlier.lab
    with answers(lab.services.bigquery, numbered(lab.place.project)):
        seen = CHECKS["M05"].ask(lab)
    assert seen is not None
    assert (seen.as_expected, seen.text) == (False, "its full name, with the number of the project in place of its id")


def numbered(project: str) -> Mend:
    """Rows have a number where the subscription's name has the id of its project."""
    old, new = (f"projects/{each}/subscriptions/".encode() for each in (project, "123456789012"))
    return lambda response: response.content.replace(old, new)


def test_a_failure_that_comes_while_the_job_still_says_running_is_a_failed_job(earlier: Earlier) -> None:
    """As when a job fails between its creation and the question for its rows."""
    text = f"SELECT 1 / SUM(number - number) AS n FROM {queries.table(earlier.lab, 'verify_loaded')}"
    with answers(earlier.lab.services.bigquery, running_at_first()):
        made = queries.job(earlier.lab, text)
    assert made.error_result is not None
    assert made.state == "DONE"


def test_what_jobs_says_of_a_query_that_still_runs_is_not_judged(earlier: Earlier) -> None:
    lab, engine = earlier.lab, earlier.sandbox.world.engines.bigquery
    table = TableRef(lab.place.project, lab.place.dataset, "verify_inserted")
    engine.hang(table)
    running = lab.services.bigquery.query(
        f"SELECT COUNT(*) AS n FROM {queries.table(lab, table.table)}", location="us-central1"
    )
    known = lab.book.get("job samples")
    lab.book.note("job samples", {**known, "running": {"id": running.job_id}})
    text = f"SELECT state FROM {queries.schema_view(lab, 'JOBS')} WHERE job_id = @job"
    try:
        assert queries.rows(lab, text, job=running.job_id) == [{"state": "RUNNING"}]
        assert jobs_samples.listed(lab, "running") is None
    finally:
        running.cancel()
        engine.release(table)
        lab.book.note("job samples", known)


def running_at_first() -> Mend:
    """Until its rows were asked for a job says RUNNING, and knows a part of what is processed: as BigQuery may answer."""
    asked_for_rows: list[str] = []

    def mend(response: requests.Response) -> bytes:
        path = response.url.split("?")[0]
        if "/queries/" in path:
            asked_for_rows.append(path)
        if "/jobs" not in path or asked_for_rows:
            return response.content
        told = json.loads(response.content)
        told["status"] = {"state": "RUNNING"}
        told["statistics"] = {"query": {"totalBytesProcessed": "1", "totalBytesBilled": "1"}}
        return json.dumps(told).encode()

    return mend


@contextmanager
def answers(client: Any, mend: Mend) -> Iterator[None]:
    """Change what BigQuery answers on its way to its client."""

    def change(response: requests.Response, *_: Any, **__: Any) -> None:
        response._content = mend(response)

    hooks = client._http.hooks["response"]
    hooks.append(change)
    try:
        yield
    finally:
        hooks.remove(change)
