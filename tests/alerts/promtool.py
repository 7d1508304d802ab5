"""Evaluate PromQL with Prometheus's own promtool, on series of which at each moment only those points exist that have arrived by then.

promtool tests expressions against what is expected of them. Here nothing is expected, so that it says of each expression what it found;
and each moment is asked for a constant too, so that an evaluation that did not take place is noticed.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from tests import programs

Labels = frozenset[tuple[str, str]]
"""Names and values of labels."""

_ALIVE = "vector(1)"
_TIMEOUT_S = 240
_FOUND = re.compile(r'expr: "# (\d+)\\n.*?", time: [^\n]*\n\s+exp: nil\n\s+got: ([^\n]*)')
_SAYS_NOTHING = re.compile(r"Unit Testing: |\s+FAILED:$")
_SAMPLE = re.compile(r"\{([^}]*)\} ([^\s,]+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a series at a time, and when it could first be seen; times are seconds since the beginning."""

    metric: str
    labels: Labels
    at_s: int
    value: float
    visible_s: int


@dataclass(frozen=True, slots=True)
class Question:
    """An expression and when to evaluate it."""

    expression: str
    at_s: int


@dataclass(slots=True)
class _Series:
    """The points of a series that can be seen, as runs: place of the first, its value, step from one to the next, number of points."""

    runs: list[tuple[int, float, float, int]] = field(default_factory=list)

    def append(self, place: int, value: float) -> None:
        if self.runs:
            first, begin, step, number = self.runs[-1]
            if place == first + number and number == 1 and begin + (value - begin) == value:
                self.runs[-1] = (first, begin, value - begin, 2)
                return
            if place == first + number and math.isclose(begin + step * number, value, rel_tol=1e-12, abs_tol=1e-12):
                self.runs[-1] = (first, begin, step, number + 1)
                return
        self.runs.append((place, value, 0.0, 1))

    def notation(self, since: int) -> str:
        """Points from a place on, as promtool reads them; empty if there are none."""
        words, place = [], 0
        for first, begin, step, number in self.runs:
            skipped = max(0, since - first)
            if skipped >= number:
                continue
            begin, first, number = begin + step * skipped, first + skipped, number - skipped
            if first > place:
                words.append(f"_x{first - place}")
            words.append(f"{begin!r}{step:+.17g}x{number - 1}" if number > 1 else repr(begin))
            place = first + number
        return " ".join(words)


def evaluate(
    samples: Iterable[Sample], questions: Sequence[Question], ranges_s: Mapping[str, int], folder: Path
) -> list[dict[Labels, float]]:
    """What each question finds when it is asked, in order; ``ranges_s`` says how far back each metric is looked at.

    All times of samples are on one grid. Raises RuntimeError when promtool does not do what it was asked for.
    """
    ordered = sorted(samples, key=lambda sample: (sample.visible_s, sample.at_s))
    grid_s = math.gcd(*(sample.at_s for sample in ordered)) or 60
    seen: dict[tuple[str, Labels], _Series] = defaultdict(_Series)
    numbered = sorted(enumerate(questions), key=lambda pair: pair[1].at_s)
    groups: list[dict[str, Any]] = []
    position = 0
    for at_s, asked in groupby(numbered, key=lambda pair: pair[1].at_s):
        begin = position
        while position < len(ordered) and ordered[position].visible_s <= at_s:
            sample = ordered[position]
            seen[sample.metric, sample.labels].append(sample.at_s // grid_s, sample.value)
            position += 1
        tests = [_test(number, question.expression, at_s) for number, question in asked]
        if groups and begin == position:
            groups[-1]["promql_expr_test"] += tests
            continue
        groups.append({"interval": f"{grid_s}s", "input_series": _input(seen, at_s, grid_s, ranges_s)})
        groups[-1]["promql_expr_test"] = tests
    return _run(groups, len(questions), folder)


def _test(number: int, expression: str, at_s: int) -> dict[str, object]:
    return {"expr": f"# {number}\n{expression}", "eval_time": f"{at_s}s"}


def _input(
    seen: Mapping[tuple[str, Labels], _Series], at_s: int, grid_s: int, ranges_s: Mapping[str, int]
) -> list[dict[str, str]]:
    # Prometheus takes nothing that is much older than the first sample that it gets: it gets one at zero.
    found = [{"series": "beginning", "values": "0"}]
    for (metric, labels), series in seen.items():
        notation = series.notation(max(0, (at_s - ranges_s.get(metric, 0)) // grid_s))
        if notation:
            pairs = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels))
            found.append({"series": f"{metric}{{{pairs}}}", "values": notation})
    return found


def _run(groups: Sequence[dict[str, Any]], questions: int, folder: Path) -> list[dict[Labels, float]]:
    files = []
    for number, group in enumerate(groups):
        tests = group["promql_expr_test"]
        last = tests[-1]["eval_time"]
        # One constant for each group: it must be found as often as it is asked for.
        tests.append({"expr": f"# {questions + number}\n{_ALIVE}", "eval_time": last})
        files.append(folder / f"questions{number}.yml")
        # promtool goes through the time of a group in steps of this length, to evaluate rules, of which there are none.
        text = json.dumps({"evaluation_interval": last, "tests": [group]})
        files[-1].write_text(text, encoding="utf-8")
    done = subprocess.run(
        [programs.need("promtool"), "test", "rules", *map(str, files)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # It lives for a second: collecting garbage less often saves a quarter of its time.
        env={**os.environ, "GOGC": "400"},
        timeout=_TIMEOUT_S,
        check=False,
    )
    return answers(done.stdout, questions, len(groups))


def answers(said: str, questions: int, evaluations: int) -> list[dict[Labels, float]]:
    """What promtool found, by the number of the question; RuntimeError where it says anything else, or nothing."""
    found: list[dict[Labels, float]] = [{} for _ in range(questions)]
    alive = set()
    for number, got in _FOUND.findall(said):
        values = {frozenset(_LABEL.findall(labels)): float(value) for labels, value in _SAMPLE.findall(got)}
        if int(number) < questions:
            found[int(number)] = values
        elif values == {frozenset(): 1.0}:
            alive.add(int(number))
    rest = [line for line in _FOUND.sub("", said).splitlines() if line.strip() and not _SAYS_NOTHING.match(line)]
    if len(alive) != evaluations or rest:
        raise RuntimeError(f"{len(alive)} of {evaluations} evaluations took place; promtool said: {rest[:20]}")
    return found
