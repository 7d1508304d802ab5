"""Finds what runs have made, and removes it: what this run noted before it made it, and what any run left behind.

Nothing is touched that is not named as a run names things; what takes labels must have ours, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions

from exporter.verify import heartbeat
from exporter.verify.book import Book
from exporter.verify.failures import FAILURES, PASSING
from exporter.verify.lab import APP, MADE, words
from exporter.verify.pipeline import TIMEOUT_S
from exporter.verify.services import ONCE, Services

LEFTOVER_AGE = timedelta(hours=6)
"""A run that was not seen under way for so long is over, one way or another: none takes as long (``spending.longest``)."""

KINDS = ("subscription", "topic", "dataset", "policy", "dashboard", "descriptor")
"""What is removed, in this order: nothing is taken away under what still uses it. Tables and views go with their dataset."""

TRIES = 3
_PAUSE_S = 5.0
_RUN = r"(?P<run>[0-9a-f]{12})"
_FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=400)
"""A sandbox's clock may be ahead of ours by months."""

_NAMES: Mapping[str, re.Pattern[str]] = {
    "subscription": re.compile(rf"projects/[^/]+/subscriptions/exporter-verify-{_RUN}-.+"),
    "topic": re.compile(rf"projects/[^/]+/topics/exporter-verify-{_RUN}-.+"),
    "dataset": re.compile(rf"[^.]+\.exporter_verify_{_RUN}"),
    "descriptor": re.compile(rf"projects/[^/]+/metricDescriptors/[^/]+/exporter_verify_{_RUN}\W.*"),
}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a run made: its kind, its full name as the API has it, and the run; a dataset tells how the run is."""

    kind: str
    name: str
    run: str
    alive_at: datetime | None = field(default=None, compare=False)
    is_kept: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Left:
    """Something that could not be removed, and why."""

    thing: Thing
    why: str


def began_at(run: str) -> datetime:
    """When a run began, from its suffix; aware UTC."""
    return datetime.fromtimestamp(int(run[:8], 16), UTC)


def kept(things: Sequence[Thing]) -> set[str]:
    """Runs whose pipelines somebody wants to keep, or to go on with."""
    return {thing.run for thing in things if thing.is_kept}


def leftovers(things: Sequence[Thing], now: datetime) -> list[Thing]:
    """Things of runs that are over: neither kept nor seen under way for longer than a run takes."""
    seen_at = {thing.run: began_at(thing.run) for thing in things}
    for thing in things:
        seen_at[thing.run] = max(seen_at[thing.run], thing.alive_at or seen_at[thing.run])
    wanted = kept(things)
    return [thing for thing in things if thing.run not in wanted and now - seen_at[thing.run] > LEFTOVER_AGE]


def noted(book: Book, run: str) -> list[Thing]:
    """What a run noted before it made it."""
    return [Thing(kind, name, run) for kind, name in book.get(MADE, []) if kind in KINDS]


def find(services: Services, project: str, run: str | None = None) -> list[Thing]:
    """Everything in a project that runs have made, or one run; raises ``GoogleAPICallError``, ``OSError``."""
    listed: list[Thing] = []
    for kind, listing in _LISTINGS.items():
        listed += (thing for thing in listing(services, project, kind) if run in (None, thing.run))
    return listed


def remove(
    services: Services, things: Iterable[Thing], wait: Callable[[float], None], done: Callable[[Thing], None]
) -> list[Left]:
    """Remove things in an order that works, telling of each; returns what is left. What is gone already is no failure."""
    unique = dict.fromkeys(sorted(things, key=lambda thing: KINDS.index(thing.kind)))
    left: list[Left] = [Left(thing, "") for thing in unique]
    for attempt in range(TRIES):
        if attempt:
            wait(_PAUSE_S)
        left = [again for each in left if (again := _removed(services, each.thing, done)) is not None]
        if not left:
            break
    return left


def _removed(services: Services, thing: Thing, done: Callable[[Thing], None]) -> Left | None:
    try:
        _DELETIONS[thing.kind](services, thing.name)
    except exceptions.NotFound:
        pass
    except (*PASSING, *FAILURES) as error:
        return Left(thing, words(error))
    done(thing)
    return None


def _delete_dataset(services: Services, name: str) -> None:
    services.bigquery.delete_dataset(name, delete_contents=True, timeout=TIMEOUT_S, retry=ONCE)


def _delete_resource(services: Services, name: str, version: str) -> None:
    services.rest.call("monitoring", "DELETE", f"{version}/{name}")


_DELETIONS: Mapping[str, Callable[[Services, str], object]] = {
    "subscription": lambda services, name: services.subscriber.delete_subscription(
        subscription=name, timeout=TIMEOUT_S, retry=ONCE
    ),
    "topic": lambda services, name: services.publisher.delete_topic(topic=name, timeout=TIMEOUT_S, retry=ONCE),
    "dataset": _delete_dataset,
    "policy": lambda services, name: _delete_resource(services, name, "v3"),
    "dashboard": lambda services, name: _delete_resource(services, name, "v1"),
    "descriptor": lambda services, name: services.monitoring.delete_metric_descriptor(
        name=name, timeout=TIMEOUT_S, retry=ONCE
    ),
}


def _ours(kind: str, name: str, labels: Mapping[str, str]) -> Iterator[Thing]:
    """The thing of that name, where it is a run's."""
    found = _NAMES[kind].fullmatch(name)
    if found is not None and labels.get("app") == APP and labels.get("run") == found["run"]:
        yield Thing(kind, name, found["run"])


def _subscriptions(services: Services, project: str, kind: str) -> Iterator[Thing]:
    listed = services.subscriber.list_subscriptions(project=f"projects/{project}", timeout=TIMEOUT_S, retry=ONCE)
    for each in listed:
        yield from _ours(kind, each.name, each.labels)


def _topics(services: Services, project: str, kind: str) -> Iterator[Thing]:
    for each in services.publisher.list_topics(project=f"projects/{project}", timeout=TIMEOUT_S, retry=ONCE):
        yield from _ours(kind, each.name, each.labels)


def _datasets(services: Services, project: str, kind: str) -> Iterator[Thing]:
    for each in services.bigquery.list_datasets(project, timeout=TIMEOUT_S, retry=ONCE):
        for thing in _ours(kind, f"{each.project}.{each.dataset_id}", each.labels):
            alive_at, is_kept = heartbeat.renewed_at(each.labels), each.labels.get(heartbeat.KEEP) == "true"
            yield replace(thing, alive_at=alive_at, is_kept=is_kept)


def _descriptors(services: Services, project: str, kind: str) -> Iterator[Thing]:
    """Metrics have no labels of their own kind: here the name decides, and that its suffix is a time at which a run can have begun."""
    for prefix in ("custom.googleapis.com", "prometheus.googleapis.com"):
        listed = services.monitoring.list_metric_descriptors(
            request={
                "name": f"projects/{project}",
                "filter": f'metric.type = starts_with("{prefix}/exporter_verify_")',
            },
            timeout=TIMEOUT_S,
            retry=ONCE,
        )
        for each in listed:
            found = _NAMES[kind].fullmatch(each.name)
            if found is not None and _FIRST_RUN <= began_at(found["run"]) <= datetime.now(UTC) + _AHEAD:
                yield Thing(kind, each.name, found["run"])


def _policies(services: Services, project: str, kind: str) -> Iterator[Thing]:
    return _resources(services, kind, f"v3/projects/{project}/alertPolicies", "alertPolicies", "userLabels")


def _dashboards(services: Services, project: str, kind: str) -> Iterator[Thing]:
    return _resources(services, kind, f"v1/projects/{project}/dashboards", "dashboards", "labels")


def _resources(services: Services, kind: str, path: str, key: str, labels: str) -> Iterator[Thing]:
    """Resources of Monitoring have names that Google gives, by the project's number: here the labels alone decide."""
    collection, token = path.partition("/")[2], ""
    while True:
        parameters = {"pageSize": "200", **({"pageToken": token} if token else {})}
        page: dict[str, Any] = services.rest.call("monitoring", "GET", path, parameters=parameters)
        for each in page.get(key, ()):
            given = each.get(labels, {})
            if given.get("app") == APP and re.fullmatch(_RUN, given.get("run", "")):
                yield Thing(kind, f"{collection}/{each['name'].rpartition('/')[2]}", given["run"])
        token = page.get("nextPageToken", "")
        if not token:
            return


_LISTINGS: Mapping[str, Callable[[Services, str, str], Iterator[Thing]]] = {
    "subscription": _subscriptions,
    "topic": _topics,
    "dataset": _datasets,
    "policy": _policies,
    "dashboard": _dashboards,
    "descriptor": _descriptors,
}


def by_run(things: Sequence[Thing]) -> dict[str, list[Thing]]:
    """Things by the run that made them, the oldest run first."""
    found: dict[str, list[Thing]] = {}
    for thing in sorted(things, key=lambda thing: thing.run):
        found.setdefault(thing.run, []).append(thing)
    return found
