"""The locks of the image hold a part of the lock that the tests run with: what is tested is what is shipped."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PYPROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED = {
    "requirements-image.lock": [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"]["otlp"],
    ],
    "requirements-build.lock": PYPROJECT["build-system"]["requires"],
}


def pins(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package of a lock."""
    found = {}
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        if pin := re.match(r"([a-z0-9-]+)==(\S+)", entry):
            found[pin[1]] = (pin[2], frozenset(re.findall(r"--hash=(\S+)", entry)))
    return found


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NEEDED)
def test_it_pins_what_the_tests_run_with(name: str) -> None:
    assert pins(read(name)).items() <= pins(read("requirements.lock")).items()
    assert all(hashes for _, hashes in pins(read(name)).values())


@pytest.mark.parametrize("name", NEEDED)
def test_it_has_all_that_is_needed(name: str) -> None:
    pinned = pins(read(name))
    for needed in map(Requirement, NEEDED[name]):
        assert needed.specifier.contains(pinned[needed.name][0], prereleases=True), needed


@pytest.mark.parametrize("name", [*NEEDED, "requirements.lock"])
def test_it_names_no_index(name: str) -> None:
    assert not re.search(r"https?:|--(extra-)?index-url|--find-links", read(name))


def test_a_pin_that_differs_is_told_apart() -> None:
    good = "a==1 \\\n    --hash=sha256:0a\n    # via b\nb==2 \\\n    --hash=sha256:0b\n"
    assert pins(good) == {"a": ("1", frozenset({"sha256:0a"})), "b": ("2", frozenset({"sha256:0b"}))}
    assert not pins(good.replace("a==1", "a==1.1")).items() <= pins(good).items()
    assert not pins(good.replace(":0a", ":0c")).items() <= pins(good).items()
