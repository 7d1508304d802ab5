from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import UsageError
from exporter.shards import WHOLE, Shard, of_environment, owner, parse, share
from tests.builders import system

IDS = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True), unique=True, max_size=40)


@given(IDS, st.integers(1, 20))
def test_every_system_has_one_owner(ids: list[str], count: int) -> None:
    systems = [system(id=each) for each in ids]
    shares = [share(systems, Shard(index, count)) for index in range(1, count + 1)]
    assert sorted(each.id for own in shares for each in own) == sorted(ids)


@given(IDS, st.integers(1, 20))
def test_one_shard_more_moves_systems_only_to_it(ids: list[str], count: int) -> None:
    for each in ids:
        assert owner(each, count + 1) in (owner(each, count), count + 1)


def test_shares_are_about_even() -> None:
    sizes = [sum(owner(f"system-{n}", 5) == index for n in range(5000)) for index in range(1, 6)]
    assert all(850 < size < 1150 for size in sizes)


def test_a_shard_is_read_and_named() -> None:
    assert parse("2/3") == Shard(2, 3)
    assert str(parse("10/10")) == "shard-10-of-10"
    assert of_environment({}) == WHOLE
    assert of_environment({"CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": "3"}) == Shard(1, 3)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/3", "01/3", "\u0661/\u0663"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse(text)


@pytest.mark.parametrize(("index", "count"), [("3", "3"), ("x", "3"), ("0", "0"), ("-1", "2")])
def test_a_task_that_is_none_is_refused(index: str, count: str) -> None:
    with pytest.raises(UsageError, match="CLOUD_RUN_TASK_INDEX"):
        of_environment({"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count})
