"""What stands under ``defaults`` means the same as when every system says it."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import config

SHARES = st.floats(0, 1, exclude_min=True, exclude_max=True)
WINDOWS_S = [minutes * 60 for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)]


def _some(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=kinds)


def _seconds(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(lambda seconds: f"{seconds}s")


_SHARED = _some(
    project=st.sampled_from(["acme-data", "example.com:acme-data"]),
    location=st.sampled_from(["US", "eu", "us-central1", "europe-west12"]),
    metrics_location=st.sampled_from(["us-east4", "me-west1"]),
    tier=st.sampled_from(["critical", "standard", "batch"]),
    owner=st.sampled_from(["a", "B_2.c"]),
    objectives=_some(
        latency=_some(threshold=_seconds(1, 86_400), target=SHARES),
        errors=_some(target=SHARES),
        cost_per_message_usd=st.floats(0, 1, exclude_min=True),
        data_age=_seconds(60, 86_400),
    ),
    active_hours=st.sampled_from(["Mon-Sun 00:00-24:00 UTC", "Fri 22:00-06:00 Europe/Paris"]),
    duplicate_lookback=_seconds(0, 86_400),
    query_projects=st.lists(st.sampled_from(["acme-one", "acme-two", "acme-three"]), unique=True),
    columns=_some(
        publish_time=st.sampled_from(["publish_time", "at"]),
        message_id=st.sampled_from(["message_id", "id"]),
        ingest_time=st.just("written"),
    ),
)
_WINDOWS = _some(window=st.sampled_from(WINDOWS_S).map(lambda seconds: f"{seconds}s"), interval=st.just("6h"))
_SECTION = st.builds(lambda shared, timing: {**shared, **timing}, _SHARED, _WINDOWS)


@st.composite
def _fleets(draw: st.DrawFn) -> dict[str, Any]:
    defaults = {"project": "acme-data", "location": "EU", **draw(_SECTION)}
    systems = [
        {"id": f"s{n}", "topic": f"top-{n}", "subscription": f"sub-{n}", "table": "raw.t", **draw(_SECTION)}
        for n in range(draw(st.integers(1, 3)))
    ]
    exporter = {"monitoring_project": "acme-observability"}
    return {"fleet": "flights", "defaults": defaults, "systems": systems, "exporter": exporter}


def _spelled_out(fleet: dict[str, Any]) -> dict[str, Any]:
    """The same fleet without defaults."""
    systems = [_merged(fleet["defaults"], system) for system in fleet["systems"]]
    return {**fleet, "defaults": {}, "systems": systems}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    # A tier of the system's own says more than a window or an interval that all share.
    kept = {name: value for name, value in below.items() if "tier" not in above or name not in ("window", "interval")}
    both = {**copy.deepcopy(kept), **above}
    for name in kept.keys() & above.keys():
        if isinstance(below[name], dict):
            both[name] = _merged(below[name], above[name])
    return both


@settings(deadline=None)
@given(_fleets())
def test_defaults_and_systems_that_say_it_all_are_the_same_fleet(fleet: dict[str, Any]) -> None:
    with_defaults = config.parse(json.dumps(fleet), "defaults.yaml")
    assert len(with_defaults.systems) == len(fleet["systems"])
    assert with_defaults == config.parse(json.dumps(_spelled_out(fleet)), "systems.yaml")


@settings(deadline=None)
@given(_fleets())
def test_the_style_of_the_file_does_not_matter(fleet: dict[str, Any]) -> None:
    block = yaml.safe_dump(fleet, sort_keys=False)
    expected = config.parse(json.dumps(fleet), "flow.yaml")
    assert config.parse(block, "block.yaml") == expected
    assert config.parse(block.replace("\n", "\r\n"), "crlf.yaml") == expected
