"""Every question of ``exporter verify`` settles a fact of docs/facts.md, and every fact names a question or says why none can."""

from __future__ import annotations

import re
from pathlib import Path

from exporter.verify import areas
from exporter.verify.runner import needed

FACTS = Path(__file__).parents[2] / "docs" / "facts.md"
ROW = re.compile(r"^\| (?P<number>\d+\.\d+) \| (?P<fact>.+) \| (?P<source>.+) \| (?P<asked>.+) \|$", re.MULTILINE)
ID = re.compile(r"[A-Z]\d\d")


def rows() -> list[dict[str, str]]:
    return [each.groupdict() for each in ROW.finditer(FACTS.read_text(encoding="utf-8"))]


def test_every_question_stands_there_and_nothing_else() -> None:
    asked = [name for row in rows() for name in ID.findall(row["asked"])]
    assert sorted(asked) == sorted(check.id for check in areas.CHECKS)


def test_what_nobody_could_confirm_is_asked() -> None:
    for row in rows():
        assert ID.search(row["asked"]) or row["asked"] == "-", row
        if "[?]" in row["fact"] and "Only a bill can tell" not in row["fact"]:
            assert row["asked"] != "-", row


def test_facts_are_numbered_in_order() -> None:
    numbers = [tuple(map(int, row["number"].split("."))) for row in rows()]
    assert len(numbers) == FACTS.read_text(encoding="utf-8").count("\n| ") - FACTS.read_text(encoding="utf-8").count(
        "| no."
    )
    expected, section, place = [], 0, 0
    for number in numbers:
        section, place = (number[0], place + 1) if number[0] == section else (section + 1, 1)
        expected.append((section, place))
    assert numbers == expected


def test_checks_and_steps_fit_together() -> None:
    names = [check.id for check in areas.CHECKS]
    assert len(set(names)) == len(names)
    assert all(ID.fullmatch(name) for name in names)
    steps = [step.name for step in areas.STEPS]
    assert len(set(steps)) == len(steps)
    assert needed(areas.STEPS, areas.CHECKS)
    for check in areas.CHECKS:
        assert check.question.endswith("?"), check.id
        assert check.expected, check.id
        assert check.source, check.id
