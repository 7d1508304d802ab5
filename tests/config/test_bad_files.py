"""What the parser refuses: every mistake at once, each on its line, each with what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exporter import config
from exporter.config.parser import MAX_BYTES
from exporter.errors import ConfigError
from tests.config.bad_files import CASES
from tests.config.samples import GOOD, mistakes


@pytest.mark.parametrize("name", CASES)
def test_every_mistake_is_named(name: str) -> None:
    text, expected = CASES[name]
    found = mistakes(text)
    assert sorted((m.line, m.key) for m in found) == sorted((line, key) for line, key, _ in expected)
    for line, key, fragment in expected:
        (mistake,) = [m for m in found if (m.line, m.key) == (line, key)]
        assert fragment in mistake.message
        assert str(mistake).startswith(f"systems.yaml:{line}: ")
        assert str(mistake).isprintable()
    assert [m.line for m in found] == sorted(m.line for m in found)


def test_the_small_configuration_is_good() -> None:
    """Else the cases above would prove nothing."""
    assert mistakes(GOOD) == ()


def _load(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    error = _load(tmp_path / "systems.yaml")
    assert str(error) == f"{tmp_path / 'systems.yaml'}: no such file or directory: give a file with -c"


def test_a_directory(tmp_path: Path) -> None:
    assert str(_load(tmp_path)) == f"{tmp_path}: is a directory: give a file with -c"


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_bytes(b"fleet: flights\n# caf\xe9\n")
    assert str(_load(path)) == f"{path}:2: not UTF-8: save the file as UTF-8"


def test_a_file_too_large(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(GOOD + "# " + "x" * MAX_BYTES, encoding="utf-8")
    assert "larger than 5 MiB: split the fleet" in str(_load(path))


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", ["everything wrong", "a tab indents", "an unknown price", "empty file"])
def test_the_command_prints_a_line_a_mistake(name: str, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    text, expected = CASES[name]
    path.write_text(text, encoding="utf-8")
    result = _command("check", "--offline", "-c", str(path))
    assert (result.returncode, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == [f"{path}:{line}:" for line, _, _ in expected]
    for line, (_, key, fragment) in zip(lines, expected, strict=True):
        assert key in line
        assert fragment in line


def test_the_command_without_a_file(tmp_path: Path) -> None:
    result = _command("check", "--offline", "-c", str(tmp_path / "none.yaml"))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"{tmp_path / 'none.yaml'}: no such file or directory: give a file with -c\n"
