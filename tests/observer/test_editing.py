"""Intervals are changed in the file and nothing else is, however the file is written."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import config
from exporter.config.editing import NotEdited, set_intervals, with_intervals
from exporter.errors import ConfigError

HEAD = "fleet: flights # the fleet\ndefaults: {project: acme-data, location: us-central1}\n"


def entry(name: str, *lines: str) -> str:
    """A system in the usual form."""
    keys = [f"id: {name}", f"topic: {name}-topic", f"subscription: {name}-bq", f"table: raw.{name}", *lines]
    return "  - " + "\n    ".join(keys) + "\n"


def edited(text: str, **intervals_s: int) -> str:
    return with_intervals(text, intervals_s, "systems.yaml")


def test_a_value_is_replaced() -> None:
    before = HEAD + "systems:\n" + entry("a", "interval: 15m   # often", "owner: ops") + entry("b", "interval: 30m")
    assert edited(before, a=1800) == before.replace("interval: 15m   #", "interval: 30m   #")


def test_a_line_is_inserted_where_there_is_none() -> None:
    before = HEAD + "systems:\n" + entry("a", "window: 5m  # fine", "owner: ops") + "\n  # the other\n" + entry("b")
    assert edited(before, a=3600, b=1800) == (
        HEAD
        + "systems:\n"
        + entry("a", "window: 5m  # fine", "interval: 1h", "owner: ops")
        + "\n  # the other\n"
        + entry("b").replace("id: b\n", "id: b\n    interval: 30m\n")
    )


@pytest.mark.parametrize(
    ("written", "after"),
    [
        ("interval: '15m'", "interval: '30m'"),
        ('interval: "15m"  # a', 'interval: "30m"  # a'),
        ("interval : 15m", "interval : 30m"),
        ("'interval': 15m", "'interval': 30m"),
        ("interval: !!str 15m", "interval: !!str 30m"),
        ("interval: &often 15m", "interval: &often 30m"),
        ("interval:\n      15m", "interval:\n      30m"),
        ("interval: >-\n      15m", "interval: 30m"),
    ],
)
def test_values_keep_their_form(written: str, after: str) -> None:
    before = HEAD + "systems:\n" + entry("a", written, "owner: ops")
    assert edited(before, a=1800) == before.replace(written, after)


@pytest.mark.parametrize(
    ("written", "after"),
    [
        (
            "{id: a, topic: abc, subscription: a-bq, table: raw.a}",
            "{id: a, interval: 30m, topic: abc, subscription: a-bq, table: raw.a}",
        ),
        (
            '{"id":"a","topic":"abc","subscription":"a-bq","table":"raw.a"}',
            '{"id":"a", "interval": "30m","topic":"abc","subscription":"a-bq","table":"raw.a"}',
        ),
        (
            "{topic: abc, interval: 15m, id: a, # why\n     subscription: a-bq, table: raw.a}",
            "{topic: abc, interval: 30m, id: a, # why\n     subscription: a-bq, table: raw.a}",
        ),
        (
            "{ id: a # first\n    , topic: abc, subscription: a-bq, table: raw.a}",
            "{ id: a, interval: 30m # first\n    , topic: abc, subscription: a-bq, table: raw.a}",
        ),
    ],
)
def test_flow_mappings_stay_flow_mappings(written: str, after: str) -> None:
    assert edited(f"{HEAD}systems:\n  - {written}\n", a=1800) == f"{HEAD}systems:\n  - {after}\n"


def test_an_alias_is_written_out_and_its_anchor_is_left_alone() -> None:
    before = HEAD + "systems:\n" + entry("a", "interval: &often 15m") + entry("b", "interval: *often")
    assert edited(before, b=1800) == before.replace("*often", "30m")


def test_an_anchor_that_others_share_is_not_touched() -> None:
    before = HEAD + "systems:\n" + entry("a", "interval: &often 15m") + entry("b", "interval: *often")
    with pytest.raises(NotEdited, match=r"more than the intervals would change \(b\).*write the interval of each"):
        edited(before, a=1800)
    assert edited(before, a=1800, b=3600) == before.replace("&often 15m", "&often 30m").replace("*often", "1h")


def test_an_interval_under_defaults_is_overridden_in_the_system() -> None:
    head = HEAD.replace("{project", "{interval: 15m, project")
    before = head + "systems:\n" + entry("a") + entry("b")
    assert edited(before, b=1800) == before.replace("id: b\n", "id: b\n    interval: 30m\n")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_breaks_are_those_of_the_file(ending: str, last: bool) -> None:
    text = HEAD + "systems:\n  - topic: abc\n    subscription: a-bq\n    table: raw.a\n    id: a # last"
    before = (text + ("\n" if last else "")).replace("\n", ending)
    wanted = (text + "\n    interval: 30m" + ("\n" if last else "")).replace("\n", ending)
    assert edited(before, a=1800) == wanted


def test_a_byte_order_mark_and_characters_beyond_ascii_stay() -> None:
    before = "\ufeff# Flüge ✈\n" + HEAD + "systems:\n" + entry("a", "owner: ops # für alle ✈", "interval: 15m")
    assert edited(before, a=1800) == before.replace("15m", "30m")


def test_nothing_to_change_changes_nothing() -> None:
    before = HEAD + "systems:\n" + entry("a", "interval: 0h15m")
    assert edited(before, a=900) == before
    assert edited(before) == before


def test_an_interval_that_the_file_may_not_have_is_refused() -> None:
    before = HEAD + "systems:\n" + entry("a", "window: 5m")
    with pytest.raises(NotEdited, match="with the new intervals it would not be valid"):
        edited(before, a=420)


def test_a_file_with_mistakes_is_not_edited() -> None:
    with pytest.raises(ConfigError):
        edited("fleet: [", a=420)


def test_where_no_place_is_found_it_says_which_line_to_write() -> None:
    before = (
        HEAD
        + "systems:\n  - ? id\n    : a\n    ? topic\n    : abc\n    ? subscription\n    : a-bq\n    ? table\n    : raw.a\n"
    )
    with pytest.raises(NotEdited, match=r"systems.yaml:4 was left as it was.*write an interval of 30m there by hand"):
        edited(before, a=1800)


class TestFiles:
    TEXT = HEAD + "systems:\n" + entry("a")

    def test_permissions_and_links_stay(self, tmp_path: Path) -> None:
        real = tmp_path / "real.yaml"
        real.write_bytes(self.TEXT.replace("\n", "\r\n").encode())
        real.chmod(0o640)
        link = tmp_path / "systems.yaml"
        link.symlink_to(real)
        set_intervals(link, {"a": 1800})
        assert link.is_symlink()
        assert stat.S_IMODE(real.stat().st_mode) == 0o640
        assert config.load(link).systems[0].interval_s == 1800
        assert real.read_bytes().count(b"\r\n") == self.TEXT.count("\n") + 1
        assert sorted(each.name for each in tmp_path.iterdir()) == ["real.yaml", "systems.yaml"]

    def test_a_second_time_the_file_is_not_even_written(self, tmp_path: Path) -> None:
        path = tmp_path / "systems.yaml"
        path.write_text(self.TEXT, encoding="utf-8")
        set_intervals(path, {"a": 1800})
        before = path.stat().st_ino, path.read_bytes()
        set_intervals(path, {"a": 1800})
        assert (path.stat().st_ino, path.read_bytes()) == before

    def test_what_cannot_be_written_stays_and_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "systems.yaml"
        path.write_text(self.TEXT, encoding="utf-8")
        with pytest.raises(NotEdited, match="No such file"):
            set_intervals(tmp_path / "other.yaml", {"a": 1800})
        long = tmp_path / ("x" * 250)
        long.write_text(self.TEXT, encoding="utf-8")
        # The temporary file's name would be too long: nothing is left behind.
        with pytest.raises(NotEdited, match="was left as it was: File name too long"):
            set_intervals(long, {"a": 1800})
        assert long.read_text(encoding="utf-8") == self.TEXT
        assert len(list(tmp_path.iterdir())) == 2

    def test_a_full_disk_leaves_nothing_behind(self, tmp_path: Path) -> None:
        path = tmp_path / "systems.yaml"
        path.write_text(self.TEXT, encoding="utf-8")
        program = (
            "import resource, sys, pathlib\n"
            "from exporter.config.editing import set_intervals\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
            "set_intervals(pathlib.Path(sys.argv[1]), {'a': 1800})\n"
        )
        done = subprocess.run(
            [sys.executable, "-B", "-c", program, str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        assert "was left as it was: File too large" in done.stderr
        assert path.read_text(encoding="utf-8") == self.TEXT
        assert list(tmp_path.iterdir()) == [path]

    def test_a_refused_edit_leaves_the_file_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "systems.yaml"
        path.write_text(self.TEXT, encoding="utf-8")
        before = path.stat()
        with pytest.raises(NotEdited):
            set_intervals(path, {"a": 420})
        assert (path.stat().st_ino, path.read_text(encoding="utf-8")) == (before.st_ino, self.TEXT)


COMMENTS = st.sampled_from(["", " # note", "   # interval: 5m", " #"])
QUOTES = st.sampled_from(["{}", "'{}'", '"{}"'])


@st.composite
def systems(draw: st.DrawFn, name: str) -> tuple[str, int]:
    """One system in some shape, and its interval in seconds."""
    interval_s = draw(st.sampled_from([900, 1800, 3600]))
    keys = [
        ("id", name),
        ("topic", f"{name}-topic"),
        ("subscription", f"{name}-bq"),
        ("table", f"raw.{name}"),
        ("window", "5m"),
    ]
    keys += [("owner", "data-platform")] if draw(st.booleans()) else []
    keys += [("tier", "batch")] if draw(st.booleans()) else []
    batch = ("tier", "batch") in keys
    if draw(st.booleans()) or batch:
        keys.append(("interval", config.format_duration(interval_s)))
    else:
        interval_s = 900
    keys = draw(st.permutations(keys))
    written = [(key, draw(QUOTES).format(value)) for key, value in keys]
    if draw(st.booleans()):
        inner = ", ".join(f"{key}: {value}" for key, value in written)
        nested = ", objectives: {data_age: 30m, latency: {threshold: 1m}}" if draw(st.booleans()) else ""
        return f"  - {{{inner}{nested}}}{draw(COMMENTS)}\n", interval_s
    indent = draw(st.sampled_from(["    ", "     "]))
    lines = [f"{key}: {value}{draw(COMMENTS)}" for key, value in written]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(lines)))
        lines[place:place] = ["objectives:", "  data_age: 30m", "  latency: {threshold: 1m}"]
    dash = "  -" + " " * (len(indent) - 3)
    return f"{dash}{lines[0]}\n" + "".join(f"{indent}{line}\n" for line in lines[1:]), interval_s


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_only_intervals_change_whatever_the_file_looks_like(data: st.DataObject) -> None:
    drawn = {name: data.draw(systems(name)) for name in ("aa", "bb", "cc")[: data.draw(st.integers(1, 3))]}
    gap = data.draw(st.sampled_from(["", "\n", "  # a comment\n", "\n\n  # interval: 3h\n"]))
    text = HEAD + "systems:\n" + gap.join(body for body, _ in drawn.values())
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n"])))
    wanted = {name: data.draw(st.sampled_from([900, 1800, 3600])) for name in drawn}
    before = config.parse(text, "systems.yaml")
    after = edited(text, **wanted)
    changed = [replace(each, interval_s=wanted[each.id]) for each in before.systems]
    assert config.parse(after, "systems.yaml") == replace(before, systems=tuple(changed))
    assert edited(after, **wanted) == after
    _assert_only_intervals_differ(text, after)
    if all(wanted[name] == interval_s for name, (_, interval_s) in drawn.items()):
        assert after == text


def _assert_only_intervals_differ(before: str, after: str) -> None:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for kind, *places in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        taken, given_ = old[places[0] : places[1]], new[places[2] : places[3]]
        if kind == "insert":
            assert all(re.fullmatch(r" +interval: (15m|30m|1h)\r?\n", line) for line in given_)
        elif kind != "equal":
            # Where a line was changed next to one that was inserted they are told of together.
            inserted = [line for line in given_ if re.fullmatch(r" +interval: (15m|30m|1h)\r?\n", line)]
            changed = given_ if len(given_) == len(taken) else [line for line in given_ if line not in inserted]
            assert [_without_interval(line) for line in changed] == [_without_interval(line) for line in taken]


def _without_interval(line: str) -> str:
    value = "interval: ['\"]?(?:15m|30m|1h)['\"]?"
    return re.sub(rf"{value}, |, {value}|{value}", "", line)
