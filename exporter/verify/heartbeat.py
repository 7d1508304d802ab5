"""Labels on the run's dataset that tell other runs whether somebody still needs what it made."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from exporter.verify.failures import FAILURES, PASSING
from exporter.verify.lab import MADE, Lab
from exporter.verify.services import ONCE

KEEP = "keep"
"""The label, and the fact, of a run whose pipelines stay until somebody says ``--cleanup``."""

ALIVE = "alive"
"""The label that holds when the run was last seen under way, in seconds since 1970."""

EVERY = timedelta(minutes=15)
_BEAT = "heartbeat"
_TIMEOUT_S = 30.0


def labels(lab: Lab) -> dict[str, str]:
    """The labels as they are now."""
    kept = {KEEP: "true"} if lab.book.get(KEEP) else {}
    return {ALIVE: str(int(lab.now().timestamp())), **kept}


def renewed_at(given: Mapping[str, str]) -> datetime | None:
    """When a run was last seen under way, aware UTC; None where the label is not ours."""
    said = given.get(ALIVE, "")
    return datetime.fromtimestamp(int(said), UTC) if said.isascii() and said.isdigit() and len(said) < 12 else None


def beat(lab: Lab) -> None:
    """Renew the labels now and then, where the run has a dataset; a renewal that fails is made up for by the next."""
    name = f"{lab.place.project}.{lab.place.dataset}"
    last = lab.book.get(_BEAT)
    is_due = last is None or lab.now() - datetime.fromisoformat(last) >= EVERY
    if not is_due or ["dataset", name] not in lab.book.get(MADE, []):
        return
    lab.book.note(_BEAT, lab.now().isoformat())
    with suppress(*PASSING, *FAILURES):
        dataset = lab.services.bigquery.get_dataset(name, timeout=_TIMEOUT_S, retry=ONCE)
        dataset.labels = {**dataset.labels, **labels(lab)}
        lab.services.bigquery.update_dataset(dataset, ["labels"], timeout=_TIMEOUT_S, retry=ONCE)
