"""What ``push_request_count`` says of deliveries to BigQuery: its unit, and its labels for each kind of failure."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas import writes
from exporter.verify.areas.pubsub_metrics_series import Point, settled, total
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, CouldNotAsk, Seen

_SOURCE = "https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub"
_TROUBLE = "https://docs.cloud.google.com/pubsub/docs/bigquery-troubleshooting"
_METRIC = "subscription/push_request_count"
_PATIENCE = timedelta(minutes=30)
_LEAST_MS, _MOST_MS = 1, 60_000
_UNDOCUMENTED = "; nothing is documented, and nothing relies on it"


def _good(found: list[Point]) -> list[Point]:
    """The points of attempts that succeeded: one of the two labels says so."""
    return [each for each in found if each.labels.get("response_code") == "success" or _class(each) == "ack"]


def _bad(found: list[Point]) -> list[Point]:
    good = _good(found)
    return [each for each in found if each not in good]


def _class(point: Point) -> str:
    return point.labels.get("response_class", "")


def _some(found: list[Point]) -> list[Point]:
    if not found:
        raise CouldNotAsk("the metric has no such points")
    return found


def _written(lab: Lab) -> tuple[int, int]:
    """Rows and commits of the table of ``main``: the commits tell how many writes there were."""

    def count() -> list[int]:
        text = (
            "SELECT COUNT(*) AS n, COUNT(DISTINCT _CHANGE_TIMESTAMP) AS commits "
            f"FROM APPENDS(TABLE {queries.table(lab, 'main')}, NULL, NULL)"
        )
        found = queries.row(lab, text)
        return [int(found["n"]), int(found["commits"])]

    rows, commits = lab.once("rows and commits of main", count)
    return rows, commits


def _unit(lab: Lab, found: list[Point]) -> Seen:
    """Whether one count is a write or a message."""
    rows, commits = _written(lab)
    if commits * 2 > rows:
        raise CouldNotAsk("most writes held one message only: requests and messages are the same number")
    count = total(_some(_good(found)))
    unit = "message" if count * 2 > rows else "request"
    requests = sum(each["total_requests"] for each in writes.timeline(lab, "main"))
    words = f"{count} successful attempts for {rows} rows in {commits} commits"
    return Seen(
        words, unit == "request", {"attempt_unit": unit}, {"requests in the timeline, failed ones too": requests}
    )


def _as_many_as_commits(lab: Lab, found: list[Point]) -> bool:
    return total(_good(found)) == _written(lab)[1]


def _type(_: Lab, found: list[Point]) -> Seen:
    kinds = sorted({each.labels.get("delivery_type", "") for each in _some(found)})
    parameters = {"delivery_type": kinds[0]} if len(kinds) == 1 and kinds[0] else {}
    return Seen(f"delivery_type {', '.join(map(repr, kinds))}", kinds == ["push"], parameters)


def _ok_class(_: Lab, found: list[Point]) -> Seen:
    return _word("response_class", _some(_good(found)), "ack", "response_class_ok")


def _refused_class(_: Lab, found: list[Point]) -> Seen:
    return _word("response_class", _some(_bad(found)), "invalid", "response_class_refused")


def _word(label: str, found: list[Point], expected: str, parameter: str) -> Seen:
    words: Counter[str] = Counter()
    for each in found:
        words[each.labels.get(label, "")] += each.number
    text = f"{label} {', '.join(repr(word) for word in sorted(words))}"
    most = words.most_common(1)[0][0]
    return Seen(text, list(words) == [expected], {parameter: most} if most else {})


def _latency(_: Lab, found: list[Point]) -> Seen:
    values = [point.value.distribution_value for point in _good(found)]
    count = sum(value.count for value in values)
    if not count:
        return Seen("no points", as_expected=False)
    mean_ms = sum(value.mean * value.count for value in values) / count / 1000
    text = f"{mean_ms:.0f} ms on average"
    return Seen(text, _LEAST_MS <= mean_ms <= _MOST_MS, {"push_latency_ms": min(round(mean_ms), 600_000)})


def _code(expected: str, parameter: str) -> Callable[[Lab, list[Point]], Seen]:
    return lambda _, found: _word("response_code", _some(_bad(found)), expected, parameter)


def _has_bad(_: Lab, found: list[Point]) -> bool:
    return bool(_bad(found))


def _refusing(name: str, what: str, pipeline: str, code: str, parameter: str) -> Check:
    return Check(
        name,
        f"Which response_code do deliveries have {what}?",
        f"{code}{_UNDOCUMENTED}",
        _TROUBLE,
        settled(_METRIC, pipeline, _has_bad, _code(code, parameter)),
        (f"stopped {pipeline}",),
        _PATIENCE,
    )


CHECKS = (
    Check(
        "P07",
        "What does push_request_count count for BigQuery: messages, or requests of many messages?",
        "requests; nothing is documented, and nothing relies on it",
        _SOURCE,
        settled(_METRIC, "main", _as_many_as_commits, _unit),
        ("landed",),
        _PATIENCE,
    ),
    Check(
        "P08",
        "Which delivery_type do deliveries to BigQuery have?",
        f"push{_UNDOCUMENTED}",
        _SOURCE,
        settled(_METRIC, "main", lambda _, found: bool(found), _type),
        ("landed",),
        _PATIENCE,
    ),
    Check(
        "P09",
        "Which response_class do deliveries have that succeeded?",
        "ack: any other class is an error",
        _SOURCE,
        settled(_METRIC, "main", lambda _, found: bool(_good(found)), _ok_class),
        ("landed",),
        _PATIENCE,
    ),
    Check(
        "P10",
        "Which response_class do deliveries have that failed?",
        "invalid; another one than ack, at any rate",
        _SOURCE,
        settled(_METRIC, "plain", _has_bad, _refused_class),
        ("poisoned",),
        _PATIENCE,
    ),
    Check(
        "P11",
        "Which response_code do rows have that the table refuses?",
        "invalid_argument",
        _TROUBLE,
        settled(_METRIC, "plain", _has_bad, _code("invalid_argument", "response_code_row")),
        ("poisoned",),
        _PATIENCE,
    ),
    _refusing("P12", "when the table is gone", "deleted", "not_found", "response_code_missing_table"),
    _refusing("P13", "without permission", "denied", "permission_denied", "response_code_denied"),
    Check(
        "P22",
        "Does push_request_latencies tell how long deliveries to BigQuery take?",
        f"yes, in microseconds: between {_LEAST_MS} ms and {_MOST_MS // 1000} s; nothing relies on it",
        _SOURCE,
        settled("subscription/push_request_latencies", "main", lambda _, found: bool(_good(found)), _latency),
        ("landed",),
        _PATIENCE,
    ),
    _refusing("P14", "when the schema does not fit", "mismatch", "failed_precondition", "response_code_mismatch"),
)
