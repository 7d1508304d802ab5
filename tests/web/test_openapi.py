"""The OpenAPI document describes what is really answered."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from exporter import document
from exporter.model import Failure
from exporter.web import schemas
from exporter.web.guard import BearerGuard, CloudRunGuard, Guard, LoopbackGuard
from exporter.web.iap import IapGuard
from tests.web.conftest import FakeWorker, State, ask, report, serving


def served(guard: Guard | None = None, headers: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    with serving(guard=guard) as address:
        answer = ask(address, "GET", "/openapi.json", headers or ())
        assert answer.status == 200
        assert isinstance(answer.json, dict)
        return answer.json


def operations(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method.upper()} {path}": each for path, item in found["paths"].items() for method, each in item.items()}


def schema_of(found: dict[str, Any], operation: str, status: int, media_type: str = "application/json") -> Any:
    """A schema that stands alone: references resolve inside it."""
    schema = operations(found)[operation]["responses"][str(status)]["content"][media_type]["schema"]
    return {**schema, "components": found["components"]}


def test_every_route_is_described_in_words() -> None:
    found = operations(served())
    assert set(found) == {"GET /healthz", "GET /readyz", "GET /metrics", "POST /cycle"}
    assert all(each["summary"] and each["description"] for each in found.values())
    assert [each["operationId"] for each in found.values()] == ["healthz", "readyz", "scrape", "cycle"]


def test_answers_are_as_described() -> None:
    found = served()
    problem = "application/problem+json"
    state = State(live=False, ready=False, reasons=("no cycle yet",))
    failures = (Failure("pubsub", None, "timeout", "no answer"),)
    cases = [
        (FakeWorker(), "GET /healthz", 200, "application/json"),
        (FakeWorker(state=state), "GET /readyz", 503, problem),
        (FakeWorker(), "GET /metrics", 404, problem),
        (FakeWorker(), "POST /cycle", 200, "application/json"),
        (FakeWorker(failures=failures), "POST /cycle", 500, "application/json"),
    ]
    for worker, operation, status, media_type in cases:
        with serving(worker) as address:
            method, path = operation.split()
            answer = ask(address, method, path)
        assert (answer.status, answer.headers["content-type"]) == (status, media_type)
        Draft202012Validator(schema_of(found, operation, status, media_type)).validate(answer.json)


def test_the_schema_leaves_out_no_key_and_makes_none_up() -> None:
    written = document.cycle(report(failures=(Failure("landing", "departures", "timeout", "no answer"),)))
    assert schemas.Cycle.model_validate(written).model_dump(mode="json", exclude_unset=True) == written


@pytest.mark.parametrize(
    ("guard", "headers", "scheme"),
    [
        (BearerGuard("a-token-of-some-length"), [("Authorization", "Bearer a-token-of-some-length")], "http"),
        (CloudRunGuard(), [], "http"),
        (LoopbackGuard(), [], None),
    ],
    ids=["bearer", "cloud run", "loopback"],
)
def test_the_document_says_what_to_show(guard: Guard, headers: list[tuple[str, str]], scheme: str | None) -> None:
    found = served(guard, headers)
    schemes = found["components"].get("securitySchemes", {})
    assert [each["type"] for each in schemes.values()] == ([scheme] if scheme else [])
    assert found.get("security") == ([{"caller": []}] if scheme else None)
    for operation, described in operations(found).items():
        is_open = operation in ("GET /healthz", "GET /readyz")
        assert described.get("security") == ([] if scheme and is_open else None)
        assert ("401" in described["responses"]) != is_open


def test_the_document_of_iap_names_its_header() -> None:
    guard = IapGuard("/projects/1/apps/x")
    assert guard.scheme == {"type": "apiKey", "in": "header", "name": "x-goog-iap-jwt-assertion"}
