"""How it is logged: fields that Cloud Logging knows, no secrets, and nothing again and again."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from exporter.logs import configure
from exporter.redaction import redacted

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
log = logging.getLogger("exporter.test")


class Steady:
    """Seconds that move only when they are told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def kept() -> Iterator[None]:
    """Afterwards the process's logging is as it was before."""
    root, own = logging.getLogger(), logging.getLogger("exporter")
    before = (list(root.handlers), root.level, own.level)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    with kept():
        yield


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_has_the_fields_that_cloud_logging_takes_out() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    log.error("%s failed\nbadly", "everything", extra={"labels": {"system": "a"}, "fields": {"times": 3}})
    (entry,) = entries(stream)
    assert entry["severity"] == "ERROR"
    assert entry["message"] == "everything failed\nbadly"
    assert entry["logging.googleapis.com/labels"] == {"system": "a"}
    assert entry["times"] == 3
    assert entry["time"].endswith("Z")
    assert datetime.fromisoformat(entry["time"]).tzinfo is not None


def test_a_stack_is_a_field_of_its_line() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    try:
        int("token=abcdefghijkl")
    except ValueError:
        log.exception("it broke")
    (entry,) = entries(stream)
    assert entry["message"] == "it broke"
    assert entry["stack_trace"].startswith("Traceback")
    assert "abcdefghijkl" not in stream.getvalue()


def test_a_terminal_gets_one_short_line_that_cannot_move_its_cursor() -> None:
    stream = io.StringIO()
    configure(stream, as_json=False)
    log.warning("two\n  lines \x1b[2J")
    log.info("plain")
    first, second = stream.getvalue().splitlines()
    assert first[8:] == "Z warning: two lines ?[2J"
    assert second[8:] == "Z plain"


def test_warnings_of_python_and_of_libraries_go_the_same_way_and_their_chatter_does_not() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Inside, for catching warnings undoes what captures them.
        logging.captureWarnings(capture=False)
        configure(stream, as_json=True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    logging.getLogger("urllib3.connectionpool").warning("pool is full")
    logging.getLogger("urllib3.connectionpool").info("starting a connection")
    log.debug("details")
    assert [(entry["logger"], entry["severity"]) for entry in entries(stream)] == [
        ("py.warnings", "WARNING"),
        ("urllib3.connectionpool", "WARNING"),
    ]


def test_configured_twice_each_line_is_written_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(first, as_json=True)
    configure(second, as_json=True)
    log.info("once")
    assert (len(entries(first)), len(entries(second))) == (0, 1)


def test_a_warning_that_repeats_is_written_once_an_hour_with_how_often() -> None:
    stream, steady = io.StringIO(), Steady()
    configure(stream, as_json=True, steady=steady)
    noisy = logging.getLogger("library")
    for minute in range(121):
        steady.seconds = 60.0 * minute
        noisy.warning("pool %d is full", minute)
        noisy.warning("something else") if minute == 5 else None
    assert [entry["message"] for entry in entries(stream)] == [
        "pool 0 is full",
        "something else",
        "pool 60 is full (and 59 times more before)",
        "pool 120 is full (and 59 times more before)",
    ]


def test_warnings_of_which_no_two_are_alike_do_not_fill_the_memory() -> None:
    stream = io.StringIO()
    configure(stream, as_json=True)
    for number in range(3000):
        logging.getLogger("library").warning(f"number {number}")  # noqa: G004 - as careless libraries do
    (handler,) = [each for each in logging.getLogger().handlers if each.filters]
    (repeats,) = handler.filters
    assert len(entries(stream)) == 3000
    assert len(repeats._seen) <= 1000  # type: ignore[union-attr]


SECRETS = [
    ("Authorization: Bearer ya29.a0AfB_byC", "ya29.a0AfB_byC"),
    ("{'authorization': 'Basic dXNlcjpwYXNzd29yZA=='}", "dXNlcjpwYXNzd29yZA=="),
    ("headers={'Authorization': 'opaque-token-1'}", "opaque-token-1"),
    ("got bearer abcdefghijklmnop from", "abcdefghijklmnop"),
    ("https://h/x?access_token=SECRET1&alt=json", "SECRET1"),
    ("https://h/x?alt=json&key=AIzaSyA-1", "AIzaSyA-1"),
    ("https://h/x?X-Goog-Signature=00ff", "00ff"),
    ("https://user:hunter2@example.com/", "hunter2"),
    ('{"refresh_token": "1//0gAbC", "client_secret": "shh"}', "1//0gAbC"),
    ('{"client_secret": "shh-1"}', "shh-1"),
    ("jwt eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln end", "eyJpc3MiOiJ4In0"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_hidden(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted(text)
    assert "[hidden]" in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "Not found: Table acme-data:raw.departures was not found in location US",
        "Access Denied: Permission bigquery.tables.getData denied on table acme-data:raw.departures",
        "bad label key: quantile=0.5; primary key, token bucket, basic tier; https://cloud.google.com/bigquery/docs?hl=en",
        "projects/acme-data/subscriptions/departures-bq at 12:03:20Z",
        "the authorization of roles/monitoring.viewer",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text
