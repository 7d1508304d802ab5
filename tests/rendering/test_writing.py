"""A directory of rendered files holds what is rendered now: what was rendered before goes, what is not ours stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.rendering.writing import write

FLEET, OLD, NEW = '{"displayName":"fleet"}', '{"displayName":"old"}', '{"displayName":"new"}'


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.glob("*.json")}


def test_the_file_of_a_system_that_is_gone_goes(tmp_path: Path) -> None:
    write({"fleet": FLEET, "system-old": OLD}, tmp_path, "dashboards")
    write({"fleet": FLEET, "system-new": NEW}, tmp_path, "dashboards")
    assert names(tmp_path) == {"fleet.json", "system-new.json"}
    write({"fleet": FLEET}, tmp_path, "dashboards")
    assert names(tmp_path) == {"fleet.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"fleet.json", ".rendered-dashboards"}


def test_dashboards_and_alerts_share_a_directory(tmp_path: Path) -> None:
    write({"fleet": FLEET}, tmp_path, "dashboards")
    write({"stale": OLD}, tmp_path, "alerts")
    write({"backlog": NEW}, tmp_path, "alerts")
    assert names(tmp_path) == {"fleet.json", "backlog.json"}


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "system-mine.json").write_text(OLD, "utf-8")
    write({"fleet": FLEET, "system-old": OLD}, tmp_path, "dashboards")
    (tmp_path / "system-old.json").write_text('{"displayName":"edited by hand"}', "utf-8")
    write({"fleet": FLEET}, tmp_path, "dashboards")
    assert names(tmp_path) == {"fleet.json", "system-mine.json", "system-old.json"}


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"../outside.json": "x", "inside.json": 1}'])
def test_a_list_that_nobody_can_read_removes_nothing(tmp_path: Path, text: str) -> None:
    outside, directory = tmp_path / "outside.json", tmp_path / "out"
    outside.write_text(OLD, "utf-8")
    directory.mkdir()
    (directory / "inside.json").write_text(OLD, "utf-8")
    (directory / ".rendered-dashboards").write_text(text, "utf-8")
    write({"fleet": FLEET}, directory, "dashboards")
    assert outside.exists()
    assert names(directory) == {"fleet.json", "inside.json"}


def test_a_name_with_a_path_is_none_of_ours(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    write({"fleet": FLEET}, directory, "dashboards")
    (digest,) = json.loads((directory / ".rendered-dashboards").read_text("utf-8")).values()
    (tmp_path / "outside.json").write_text(FLEET, "utf-8")
    (directory / ".rendered-dashboards").write_text(json.dumps({"../outside.json": digest}), "utf-8")
    write({"other": NEW}, directory, "dashboards")
    assert (tmp_path / "outside.json").exists()


def test_what_is_written_is_the_same_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        write({"b": NEW, "a": OLD}, tmp_path, "alerts")
        content = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write({"a": OLD, "b": NEW}, tmp_path, "alerts")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == content
