"""`exporter render` as a command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import config
from exporter.rendering import alerts, dashboards
from exporter.rendering.backends import Backend

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "systems.example.yaml"


SCRAPED = ROOT / "tests" / "rendering" / "scraped.yaml"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exporter", "render", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("what", "renderer"), [("dashboards", dashboards.render), ("alerts", alerts.render)])
@pytest.mark.parametrize("backend", Backend)
def test_files_hold_what_is_printed(tmp_path: Path, what: str, renderer: object, backend: Backend) -> None:
    printed = run(what, "-c", EXAMPLE, "--backend", backend.value)
    written = run(what, "-c", EXAMPLE, "--backend", backend.value, "-o", tmp_path / "new" / "out")
    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    documents = json.loads(printed.stdout)
    files = {path.stem: path.read_text("utf-8") for path in (tmp_path / "new" / "out").glob("*.json")}
    assert {name: json.loads(text) for name, text in files.items()} == documents
    assert callable(renderer)
    assert files == dict(renderer(config.load(EXAMPLE), backend))


def test_without_a_backend_it_is_the_one_that_is_written_to(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8").replace("sinks: [cloud_monitoring]", "sinks: [otlp]")
    (tmp_path / "systems.yaml").write_text(text, "utf-8")
    assert "prometheus_target" in run("dashboards", "-c", tmp_path / "systems.yaml").stdout
    assert "prometheus_target" not in run("dashboards", "-c", EXAMPLE).stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["graphs", "-c", EXAMPLE], "graphs"),
        (["alerts", "-c", EXAMPLE, "--backend", "influx"], "influx"),
        (["alerts", "-c", "absent.yaml"], "absent.yaml"),
        (["alerts", "-c", SCRAPED], "exporter.sinks"),
        (["alerts", "-c", EXAMPLE, "-o", EXAMPLE], "--out"),
    ],
)
def test_bad_usage_is_one_clear_message(arguments: list[object], named: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
