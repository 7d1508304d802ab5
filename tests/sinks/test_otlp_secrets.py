"""Credentials and headers reach the receiver, and nobody else; without the package or the credentials the sink says what to do."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from exporter.config.types import OtlpSettings
from exporter.errors import Permanent, UsageError
from exporter.sinks.otlp import OtlpSink
from exporter.sinks.otlp_headers import read_headers
from exporter.sinks.otlp_transport import google_session, is_google
from tests.sinks.cloud import FLEET, LOCATIONS, PREFIX, PROJECT, count
from tests.sinks.otlp_receiver import Receiver, refusal

SECRET = "Bearer s3cr3t-t0ken,with=odd things"
ENCODED = "authorization=Bearer%20s3cr3t-t0ken%2Cwith%3Dodd%20things, x-tenant = acme"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def make(endpoint: str, headers_file: str | None = None, **changes: object) -> OtlpSink:
    usual = {"project": PROJECT, "prefix": PREFIX, "fleet": FLEET, "locations": LOCATIONS, "environment": {}}
    return OtlpSink(OtlpSettings(endpoint, headers_file), **{**usual, **changes})  # type: ignore[arg-type]


def test_headers_of_the_environment_are_sent(receiver: Receiver) -> None:
    sink = make(receiver.endpoint, environment={"OTEL_EXPORTER_OTLP_HEADERS": ENCODED})
    sink.export([count()])
    sink.close()
    sent = receiver.requests[0].headers
    assert (sent["authorization"], sent["x-tenant"]) == (SECRET, "acme")
    assert (sent["content-type"], sent["content-encoding"]) == ("application/x-protobuf", "gzip")


def test_a_netrc_has_no_say(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password person\n")
    monkeypatch.setenv("NETRC", str(netrc))
    sink = make(receiver.endpoint, environment={"OTEL_EXPORTER_OTLP_HEADERS": ENCODED})
    sink.export([count()])
    sink.close()
    assert receiver.requests[0].headers["authorization"] == SECRET


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" , ", {}),
        ("a=b", {"a": "b"}),
        ("A=b=c, D = e%20f ,", {"a": "b=c", "d": "e f"}),
        ("api-key=Basic dXNlcg==", {"api-key": "Basic dXNlcg=="}),
        ("a=", {"a": ""}),
    ],
)
def test_the_form_of_headers(text: str, expected: dict[str, str]) -> None:
    assert read_headers(None, {"OTEL_EXPORTER_OTLP_HEADERS": text}) == expected


def test_headers_for_metrics_go_before_those_for_everything_and_a_file_before_both(tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "a=1"}
    assert read_headers(None, environment) == {"a": "1"}
    environment["OTEL_EXPORTER_OTLP_METRICS_HEADERS"] = "b=2"
    assert read_headers(None, environment) == {"b": "2"}
    file = tmp_path / "headers"
    file.write_text("c=3\r\n\nd=4\n")
    assert read_headers(str(file), environment) == {"c": "3", "d": "4"}
    assert read_headers(None, {}) == {}


@pytest.mark.parametrize(
    "text",
    ["secret-without-equals", "a=b,=secret-value", "two words=secret-value", "a=secret%0d%0Ax: y", "a=s\u00e9cret"],
)
def test_headers_that_cannot_be_read_are_not_shown(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UsageError) as caught:
        read_headers(None, {"OTEL_EXPORTER_OTLP_HEADERS": text})
    message = str(caught.value)
    place = 2 if text.startswith("a=b") else 1
    assert f"OTEL_EXPORTER_OTLP_HEADERS: header {place} cannot be read: write NAME=VALUE" in message
    assert "secret" not in message
    assert "cret" not in caplog.text
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff", b"no equals sign"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "headers"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=f"headers_file {file}: .*NAME=VALUE"):
        read_headers(str(file), {})


def test_what_a_receiver_sends_back_is_not_shown(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sink = make(receiver.endpoint, environment={"OTEL_EXPORTER_OTLP_HEADERS": ENCODED})
    receiver.always = refusal(401, f"token s3cr3t-t0ken,with=odd is not valid: {SECRET}")
    (refused,) = sink.export([count()]).retryable
    sink.close()
    assert "HTTP 401: token *** is not valid: ***" in refused.message
    assert "s3cr3t" not in refused.message + caplog.text + repr(sink)


def test_google_is_told_who_asks_and_who_pays(receiver: Receiver) -> None:
    credentials = Credentials(token="a-token", quota_project_id="acme-billing")
    sink = make(receiver.endpoint, session=google_session(credentials))
    assert sink.export([count()]).written
    sink.close()
    sent = receiver.requests[0].headers
    assert (sent["authorization"], sent["x-goog-user-project"]) == ("Bearer a-token", "acme-billing")


def test_without_a_quota_project_nobody_is_named(receiver: Receiver) -> None:
    sink = make(receiver.endpoint, session=google_session(Credentials(token="a-token")))
    sink.export([count()])
    sink.close()
    assert "x-goog-user-project" not in receiver.requests[0].headers


def test_credentials_that_cannot_be_renewed_lose_nothing(receiver: Receiver) -> None:
    sink = make(receiver.endpoint, session=google_session(Credentials(token=None)))
    (refused,) = sink.export([count()]).retryable
    sink.close()
    assert refused.code == "UNAUTHENTICATED"
    assert "gcloud auth application-default login" in refused.message
    assert receiver.requests == []


def test_without_credentials_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Permanent) as caught:
        make("https://telemetry.googleapis.com")
    assert "gcloud auth application-default login" in caught.value.remedy


@pytest.mark.parametrize(
    ("endpoint", "google"),
    [
        ("https://telemetry.googleapis.com", True),
        ("https://telemetry.googleapis.com:443/v1/metrics", True),
        ("https://telemetry.us-central1.rep.googleapis.com", True),
        ("http://localhost:4318", False),
        ("https://telemetry.googleapis.com.example.org", False),
        ("https://example.org/telemetry.googleapis.com", False),
    ],
)
def test_google_is_known_by_its_host(endpoint: str, google: bool) -> None:
    assert is_google(endpoint) is google


_WITHOUT = """
import sys
sys.modules["opentelemetry.proto"] = None
from exporter.config.types import OtlpSettings
from exporter.errors import UsageError
from exporter.sinks.otlp import OtlpSink
try:
    OtlpSink(OtlpSettings("http://127.0.0.1:1"), project="p", prefix="a.b/c", fleet="f", locations={})
except UsageError as error:
    print(error)
    sys.exit(error.exit_status)
"""


def test_without_the_extra_it_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert "pip install 'pubsub-bigquery-exporter[otlp]'" in done.stdout
