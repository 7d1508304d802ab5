"""Which dashboards there are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exporter.console.dashboards.shelf import Entry, Shelf, Unreadable
from exporter.rendering.backends import Backend
from tests.console.dashboards.samples import SAMPLES, checked
from tests.dashboards.fleets import loaded


def shelf(directory: Path | None = None, backend: Backend = Backend.CLOUD_MONITORING) -> Shelf:
    return Shelf(loaded("one"), backend, directory)


@pytest.mark.parametrize("backend", list(Backend))
def test_the_fleets_own(backend: Backend) -> None:
    found = shelf(backend=backend)
    assert [entry.name for entry in found.entries()] == ["fleet", "compare", "cost", "exporter", "system-system-0"]
    assert found.entries()[0] == Entry("fleet", "Pipelines of flights: summary")
    assert found.entries()[-1] == Entry("system-system-0", "Pipeline system-0 (flights)", "system-0")
    for entry in found.entries():
        view = found.view(entry.name)
        assert view is not None
        assert checked(view)["title"] == entry.title
        assert not view.page.notes
        assert view.queries
    fleet = found.view("fleet")
    assert fleet is not None
    assert fleet is found.view("fleet")
    assert fleet.page.filters[0].values == ("system-0",)
    assert found.view("nothing") is None


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text(json.dumps(SAMPLES["grid"]))
    (tmp_path / "fleet.json").write_text(json.dumps({"displayName": "Another", "gridLayout": {}}))
    (tmp_path / "broken.json").write_text('{"displayName": ')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "latin.json").write_bytes(b'"\xff"')
    (tmp_path / "large.json").write_text('"' + "x" * 1024 * 1024 + '"')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "notes.txt").write_text("no dashboard")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / os.fsdecode(b"\xff.json")).write_text("{}")
    found = shelf(tmp_path)
    entries = {entry.name: entry for entry in found.entries()}
    assert list(entries)[:5] == ["fleet", "compare", "cost", "exporter", "system-system-0"]
    assert sorted(list(entries)[5:]) == ["?", "broken", "deep", "fleet-file", "grid", "large", "latin", "list"]
    assert entries["fleet-file"] == Entry("fleet-file", "Another")
    assert entries["grid"] == Entry("grid", "grid")
    assert entries["list"] == Entry("list", "list")
    assert (entries["broken"].note or "").startswith("broken.json is no JSON: ")
    assert (entries["deep"].note or "").startswith("deep.json is no JSON: ")
    assert (entries["latin"].note or "").startswith("latin.json is no JSON: ")
    assert entries["large"].note == "large.json is larger than 1024 KiB: no dashboard is."
    view = found.view("grid")
    assert view is not None
    assert checked(view)["name"] == "grid"
    with pytest.raises(Unreadable, match=r"broken\.json is no JSON"):
        found.view("broken")
    assert found.view("../grid") is None


def test_commas_that_nothing_follows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"displayName": "a, ] \\", }", "gridLayout": {"widgets": [{"blank": {},},\n],},\n}\n'
    )
    view = shelf(tmp_path).view("a")
    assert view is not None
    assert (view.page.title, view.page.items[0].widget.kind) == ('a, ] ", }', "blank")


def test_files_are_read_each_time(tmp_path: Path) -> None:
    found = shelf(tmp_path)
    path = tmp_path / "a.json"
    assert found.view("a") is None
    for title in ("first", "second"):
        path.write_text(json.dumps({"displayName": title}))
        view = found.view("a")
        assert view is not None
        assert view.page.title == title
        assert found.entries()[-1].title == title
    path.unlink()
    assert found.view("a") is None


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert len(shelf(tmp_path / "none").entries()) == 5


@pytest.mark.parametrize("text", ["displayName: y\ngridLayout: {}\n", "---\n# ours\ngrid_layout:\n- a\n"])
def test_a_file_of_yaml_says_how_to_make_json_of_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    note = shelf(tmp_path).entries()[-1].note or ""
    assert note.startswith("a.json: This is YAML: ")
    assert "--format json" in note
