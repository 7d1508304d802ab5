"""Reading what the API says, in each of the wordings that were seen in the field."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesSummary
from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.error_details_pb2 import RetryInfo
from hypothesis import given
from hypothesis import strategies as st

from exporter.calls import canonical_code, retry_delay
from exporter.sandbox.monitoring.refusals import ranges
from exporter.sinks.refusals import Verdict, partial_failure

PREFIX = "One or more TimeSeries could not be written: "
ORDER = "Points must be written in order. One or more of the points specified had an older start time than the most recent point."
SPACING = "One or more points were written more frequently than the maximum sampling period configured for the metric."
ALREADY, REJECTED, RETRYABLE = Verdict.ALREADY_WRITTEN, Verdict.REJECTED, Verdict.RETRYABLE

CURRENT = (
    f'timeSeries[0-2,5] (example metric.type="custom.googleapis.com/a", metric.labels={{"q": "0"}}): write for '
    f"resource=generic_task{{job:a}} failed with: {SPACING} {{Metric: custom.googleapis.com/a, Timestamps: {{Youngest "
    "Existing: '2026/11/02-12:00:00.000', New: '2026/11/02-12:00:01.000'}}; "
    f'timeSeries[3] (metric.type="custom.googleapis.com/b", metric.labels={{}}): write for resource=x{{}} failed with: {ORDER}; '
    'timeSeries[4] (metric.type="custom.googleapis.com/c", metric.labels={}): Unrecognized region or location.'
)
OF_2023 = (
    f"{SPACING}: global{{}} timeSeries[0-2,5]: custom.googleapis.com/a{{q:0}}; {ORDER}: global{{}} timeSeries[3]: "
    "custom.googleapis.com/b{}; Unrecognized region or location.: global{} timeSeries[4]: custom.googleapis.com/c{}"
)
OLDER = (
    f"{SPACING}\n: timeSeries[0-2,5]; {ORDER}:timeSeries[3]; Field timeSeries[4].points[0].interval.end_time had an invalid "
    'value of "x": Data points cannot be written more than 25h in the past.: timeSeries[4]'
)


def summary(total: int, taken: int, counts: dict[int, int]) -> AnyProto:
    made = CreateTimeSeriesSummary.pb()(total_point_count=total, success_point_count=taken)
    for code, number in counts.items():
        made.errors.add(point_count=number).status.code = code
    packed = AnyProto()
    packed.Pack(made)
    return packed


def refusal(message: str, *details: Any) -> exceptions.GoogleAPICallError:
    return exceptions.InvalidArgument(message, details=list(details))


@pytest.mark.parametrize("text", [CURRENT, OF_2023, OLDER])
def test_every_wording_names_the_series_and_their_reasons(text: str) -> None:
    found = partial_failure(refusal(PREFIX + text, summary(9, 3, {9: 4, 3: 2})), 9)
    assert found is not None
    assert {index: answer.verdict for index, answer in found.answers.items()} == {
        **dict.fromkeys((0, 1, 2, 5), RETRYABLE),
        3: ALREADY,
        4: REJECTED,
    }
    assert found.unnamed == 0
    assert found.answers[0].message.startswith(("One or more points", "(example"))


def test_a_message_that_leaves_some_out_says_how_many() -> None:
    text = f'{PREFIX}timeSeries[1] (metric.type="a", metric.labels={{}}): {ORDER}; and 12 more'
    found = partial_failure(refusal(text, summary(200, 150, {3: 50})), 200)
    assert found is not None
    assert list(found.answers) == [1]
    assert found.unnamed == 49


@pytest.mark.parametrize(
    "text", [f"Duplicate TimeSeries encountered.: timeSeries[{n}]" for n in ("7", "7-9", "0-9999")]
)
def test_indices_beyond_the_request_are_no_series(text: str) -> None:
    found = partial_failure(refusal(PREFIX + text, summary(5, 5, {})), 5)
    assert found is not None
    assert set(found.answers) <= set(range(5))


def test_a_duplicate_within_a_request_is_named_behind_its_field() -> None:
    text = "Field timeSeries[1] had an invalid value: Duplicate TimeSeries encountered. Only one point.: timeSeries[1]"
    found = partial_failure(refusal(PREFIX + text, summary(3, 2, {3: 1})), 3)
    assert found is not None
    assert [(index, answer.verdict) for index, answer in found.answers.items()] == [(1, REJECTED)]


@pytest.mark.parametrize(
    ("counts", "verdict", "code"),
    [
        ({3: 2}, REJECTED, "INVALID_ARGUMENT"),
        ({9: 2}, RETRYABLE, "FAILED_PRECONDITION"),
        ({13: 2}, RETRYABLE, "INTERNAL"),
        ({3: 1, 14: 1}, RETRYABLE, "UNAVAILABLE"),
        ({77: 2}, RETRYABLE, "UNKNOWN"),
    ],
)
def test_only_what_is_certainly_invalid_is_given_up(counts: dict[int, int], verdict: Verdict, code: str) -> None:
    text = f"{PREFIX}timeSeries[0] (metric.type=a): Something.; timeSeries[1] (metric.type=b): Something else."
    found = partial_failure(refusal(text, summary(2, 0, counts)), 2)
    assert found is not None
    assert {(answer.verdict, answer.code) for answer in found.answers.values()} == {(verdict, code)}


def test_without_a_summary_nobody_knows_how_many() -> None:
    found = partial_failure(refusal(f"{PREFIX}{ORDER}: timeSeries[0]"), 2)
    assert found is not None
    assert found.unnamed is None


@pytest.mark.parametrize("message", ["Request was malformed.", "Field timeSeries[0].metric had an invalid value."])
def test_a_request_refused_whole_is_no_partial_failure(message: str) -> None:
    assert partial_failure(refusal(message), 3) is None


def test_retry_delay_and_code() -> None:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(1500)
    error = exceptions.ResourceExhausted("quota", details=[summary(1, 0, {}), info])
    delay = retry_delay(error)
    assert delay is not None
    assert delay.total_seconds() == 1.5
    assert retry_delay(refusal("no")) is None
    assert canonical_code(error) == "RESOURCE_EXHAUSTED"
    assert canonical_code(exceptions.GoogleAPICallError("?")) == "GoogleAPICallError"


@given(st.sets(st.integers(0, 199)), st.sets(st.integers(0, 199)), st.booleans())
def test_all_named_indices_are_read(first: set[int], second: set[int], behind: bool) -> None:
    second -= first
    groups = [(sorted(group), reason) for group, reason in ((first, ORDER), (second, "Bad.")) if group]
    style = "{1}: timeSeries[{0}]" if behind else "timeSeries[{0}] (metric.type=a): {1}"
    text = PREFIX + "; ".join(style.format(ranges(group), reason) for group, reason in groups)
    found = partial_failure(refusal(text, summary(200, 0, {3: 200})), 200)
    assert found is not None
    verdicts = {**dict.fromkeys(first, ALREADY), **dict.fromkeys(second, REJECTED)}
    assert {index: answer.verdict for index, answer in found.answers.items()} == verdicts
