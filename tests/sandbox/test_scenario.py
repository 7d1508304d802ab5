"""The scenario format: all files that come with the sandbox can be read, and mistakes are named."""

from __future__ import annotations

import pytest

from exporter.sandbox import scenario
from exporter.sandbox.scenario import ScenarioError

NAMES = {
    *("latency-spike", "schema-break", "table-deleted", "permission-lost", "dead-letter-flood", "silent-loss"),
    *("publisher-silent", "cost-spike", "regional-outage", "duplicates", "api-429", "api-503", "partial-failure"),
    *("slow-api", "odd-systems"),
}

FAULT = "faults:\n  - {kind: silence, systems: [0], from: 1m, until: 1h}\n"
TOP = "title: a title\ndescription: a description\n"


def test_every_promised_scenario_comes_with_the_sandbox() -> None:
    assert set(scenario.names()) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_scenario_can_be_read(name: str) -> None:
    loaded = scenario.load(name)
    assert loaded.name == name
    assert loaded.title
    assert loaded.description
    assert loaded.faults


def test_times_are_relative_to_the_start() -> None:
    (fault,) = scenario.parse("mine", TOP + "lead: 40m\n" + FAULT).faults
    assert (fault.kind, fault.systems, fault.from_s, fault.until_s) == ("silence", (0,), 60, 3600)
    assert scenario.parse("mine", TOP + "lead: 40m\n").lead_s == 2400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a list\n",
        "title: no description\n",
        TOP + "leads: 40m\n",
        TOP + "lead: 40\n",
        TOP + "lead: soon\n",
        TOP + "odd: [strange]\n",
        TOP + "faults:\n  - silence\n",
        TOP + "faults:\n  - {kind: silences, systems: [0]}\n",
        TOP + "faults:\n  - {systems: [0]}\n",
        TOP + "faults:\n  - {kind: silence, systems: [0], til: 1h}\n",
        TOP + "faults:\n  - {kind: silence, systems: [0], from: 1x}\n",
        TOP + "faults:\n  - {kind: silence, systems: 0}\n",
        TOP + "faults: 5\n",
        "title: [\n",
    ],
)
def test_mistakes_name_the_scenario(text: str) -> None:
    with pytest.raises(ScenarioError, match="mine"):
        scenario.parse("mine", text)
