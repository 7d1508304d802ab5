"""Requests made up from the OpenAPI document: none makes the server fail, none is answered in another shape than promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from exporter.web.guard import BearerGuard
from tests.torture.length import rounds
from tests.web.conftest import ask
from tests.web.consoles import Console, consoles

EXAMPLES = rounds(12, 1000)
TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    with consoles(3) as found:
        yield found


def operations(address: str) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    return [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]


def test_whatever_is_asked_is_answered_as_promised(console: Console) -> None:
    found = operations(console.address)
    assert len(found) >= 15
    for operation in found:
        requests = 0

        @given(case=operation.as_strategy())
        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
        def hold(case: Any) -> None:
            nonlocal requests
            requests += 1
            answer = case.call(base_url=console.address)
            # Rules that tie several parameters together are not in the document.
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])

        hold()
        assert requests > 0


def test_what_breaks_the_promise_is_refused_and_never_fails(console: Console) -> None:
    for operation in operations(console.address):
        mode = schemathesis.GenerationMode.NEGATIVE

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
        def hold(case: Any) -> None:
            answer = case.call(base_url=console.address)
            case.validate_response(answer, checks=[not_a_server_error])

        try:
            hold()
        except Exception as error:
            if "Unsatisfiable" not in type(error).__name__:  # nothing about the request can be wrong
                raise


def test_a_head_asks_nothing_that_costs(console: Console) -> None:
    (system, *_) = [each.id for each in console.run.parts.config.systems]
    faults = console.run.sandbox.world.engines.faults
    before = faults.calls()
    for path in (f"/api/systems/{system}/messages", f"/api/systems/{system}/dead-letters", "/api/systems"):
        assert ask(console.address, "HEAD", path).status == 405
    assert faults.calls() == before
    assert ask(console.address, "HEAD", "/").status == 200


def test_no_route_of_the_console_is_open() -> None:
    with consoles(1, history_s=0, guard=BearerGuard(TOKEN)) as console:
        good = [("Authorization", f"Bearer {TOKEN}")]
        document = ask(console.address, "GET", "/openapi.json", good).json
        paths = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
        paths += [
            ("GET", path) for path in ("/", "/compare", "/static/main.js", "/static/plotly.min.js", "/openapi.json")
        ]
        for method, path in paths:
            answer = ask(console.address, method, path.replace("{", "").replace("}", ""))
            assert (answer.status == 401) == (path not in ("/healthz", "/readyz")), path
