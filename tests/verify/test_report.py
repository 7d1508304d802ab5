"""``verify-report.json``: whole or not at all, and nothing in it that names anybody, whatever evidence holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.errors import UsageError
from exporter.verify import messages, report
from exporter.verify.lab import Place
from exporter.verify.questions import Check, Result, Verdict
from exporter.verify.scrubbing import Scrub
from tests.verify.labs import NOW, PLACE, check, yes

NUMBER = "123456789012"
BODIES = [
    messages.good(PLACE.run, "main-3", 7, padding=40),
    messages.good("0123456789ab", "denied", 0),
    messages.bad(PLACE.run, "plain-bad", 2),
]
SECRETS = [
    PLACE.project,
    PLACE.project.upper(),
    PLACE.run,
    NUMBER,
    "somebody.else+x@example.com",
    f"service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com",
    "ya29.a0AfH6SMBx-Secret_Token",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    *(body.decode() for body in BODIES),
    *(json.dumps(body.decode()) for body in BODIES),
    *(base64.b64encode(body).decode() for body in BODIES),
    *(repr(body) for body in BODIES),
]
TELLTALES = [
    PLACE.project,
    PLACE.run,
    NUMBER,
    "example.com",
    "gserviceaccount",
    "Secret_Token",
    "c2lnbmF0dXJl",
    "eyJleHBvcnRlcl92ZXJpZnk",
    "ZXhwb3J0ZXJfdmVyaWZ5",
    "padding",
    "no JSON {",
    "plain-bad",
]
"""What none of them may leave behind, in whatever case."""

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
spoken = st.sampled_from([" ", ": ", '"', "'", "/", ", ", "\n", "(", ""])
# A token ends where its letters end: what stands right before or behind it is part of the text around it.
secret = st.sampled_from(SECRETS)
leaves = (
    st.builds(lambda before, gap, found, behind: f"{before}{gap} {found} {behind}", words, spoken, secret, words)
    | st.integers()
    | st.just(int(NUMBER))
    | st.floats()
    | st.booleans()
    | st.none()
    | secret
)
evidence = st.dictionaries(
    secret | words,
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(secret, inner, max_size=3)),
)


def document(result: Result, place: Place = PLACE) -> dict[str, Any]:
    asked: list[Check] = [check("A01", yes), check("A02", yes)]
    return report.document(place, Scrub(place, NUMBER), asked, {"A01": result}, (NOW, NOW + timedelta(minutes=40)))


def test_it_holds_what_the_contract_names() -> None:
    found = document(Result("A01", Verdict.DIFFERS, "no", 61.2345, False, {"spacing_s": 10.0}, {"rows": [{"n": 1}]}))
    assert found["checks"] == [
        {
            "id": "A01",
            "question": "What does A01 say?",
            "expected": "yes",
            "source": "a test",
            "verdict": "differs",
            "by_design": False,
            "seen": "no",
            "waited_s": 61.234,
            "evidence": {"rows": [{"n": 1}]},
        }
    ]
    assert (found["version"], found["parameters"]) == (1, {"spacing_s": 10.0})
    assert (found["began"], found["ended"]) == ("2026-11-04T12:00:00Z", "2026-11-04T12:40:00Z")
    assert found["place"] == {"location": "US", "region": "us-central1"}
    assert found["libraries"]["google-cloud-bigquery"]
    assert set(found) == {
        "version", "tool", "python", "libraries", "began", "ended", "place", "checks", "parameters"
    }  # fmt: skip


def test_parameters_of_several_checks_are_put_together() -> None:
    found = report.parameters(
        [
            Result("P01", Verdict.OK, "", 0, parameters={"metric_delay_s": {"a/b": 1.0}, "delivery_type": "push"}),
            Result("P02", Verdict.OK, "", 0, parameters={"metric_delay_s": {"c/d": 2.0}}),
        ]
    )
    assert found == {"metric_delay_s": {"a/b": 1.0, "c/d": 2.0}, "delivery_type": "push"}


@settings(max_examples=60)
@given(evidence)
def test_nothing_that_names_anybody_is_left(held: Mapping[str, Any]) -> None:
    seen = f"as {list(held)!r} said"
    found = document(Result("A01", Verdict.OK, seen, 1.0, False, {"metric_delay_s": dict(held)}, held))
    text = json.dumps(found, ensure_ascii=False)
    for telltale in TELLTALES:
        assert telltale.lower() not in text.lower()


@pytest.mark.parametrize("body", BODIES)
def test_a_body_is_taken_out_of_what_an_error_quotes(body: bytes) -> None:
    scrub = Scrub(PLACE, NUMBER)
    quoted = f"Row 3 cannot be read: {body.decode()}; 4 attempts"
    assert scrub.text(quoted) == "Row 3 cannot be read: BODY; 4 attempts"


def test_what_is_not_secret_stays() -> None:
    scrub = Scrub(PLACE, None)
    held = {"state": "NOT_FOUND", "rows": 240, "share": 0.5, "ok": True, "none": None, "times": ("12:00", "12:01")}
    assert scrub.json(held) == {**held, "times": ["12:00", "12:01"]}
    assert scrub.json({"data": {"rows": 1}, "body": "anything"}) == {"data": {"rows": 1}, "body": "BODY"}
    assert scrub.text(f"projects/{PLACE.project}/topics/exporter-verify-{PLACE.run}-main") == (
        "projects/PROJECT/topics/exporter-verify-RUN-main"
    )


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "verify-report.json"
    report.write({"version": 1, "delay_s": float("nan")}, out)
    assert json.loads(out.read_text(encoding="utf-8")) == {"version": 1, "delay_s": "nan"}
    with pytest.raises(TypeError):
        report.write({"version": object()}, out)
    assert json.loads(out.read_text(encoding="utf-8"))["version"] == 1
    (taken := tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        report.write({"version": 1}, taken)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken", "verify-report.json"]


def test_where_it_cannot_be_written_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--out: .* is a directory"):
        report.check_writable(tmp_path)
    with pytest.raises(UsageError, match=r"--out: .*missing is no directory"):
        report.check_writable(tmp_path / "missing" / "report.json")
    report.check_writable(tmp_path / "report.json")


def test_only_what_could_not_be_asked_by_design_is_forgiven() -> None:
    ok, differs = Result("A01", Verdict.OK, "", 0), Result("A02", Verdict.DIFFERS, "", 0)
    open_ = Result("A03", Verdict.COULD_NOT_ASK, "", 0)
    by_design = Result("O01", Verdict.COULD_NOT_ASK, "", 0, True)
    assert report.succeeded([ok, by_design])
    assert not report.succeeded([ok, differs])
    assert not report.succeeded([ok, open_])
