"""Known messages: their bodies, and how they are published once, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.api_core import exceptions
from google.pubsub_v1 import types

from exporter.verify.lab import Lab
from exporter.verify.pipeline import TIMEOUT_S, Pipeline
from exporter.verify.questions import CouldNotAsk
from exporter.verify.services import ONCE

MARK = "exporter_verify"
"""Every body begins with this word, so that a report can be freed of bodies."""

_REFUSED = (
    exceptions.InvalidArgument,
    exceptions.NotFound,
    exceptions.PermissionDenied,
    exceptions.ResourceExhausted,
    exceptions.Unauthenticated,
)
"""Answers that prove that nothing was published; any other failure leaves that open."""

_SETTLED = timedelta(seconds=60)
"""After so long a message that was published stands in a table that works."""


Recover = Callable[[Lab, int], Sequence[Mapping[str, Any]]]
"""Finds the messages of a batch that arrived, in the order of their drafts: ``{"id", "published_at"}`` each."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be published."""

    body: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Bytes of body and attributes."""
        return len(self.body) + sum(len(key.encode()) + len(value.encode()) for key, value in self.attributes.items())


def good(run: str, batch: str, place: int, padding: int = 0) -> bytes:
    """A body that every table takes."""
    return json.dumps({MARK: run, "batch": batch, "place": place, "padding": "x" * padding}).encode()


def bad(run: str, batch: str, place: int) -> bytes:
    """A body that a table with a JSON column refuses."""
    return f"{MARK} {run} {batch} {place}: this is no JSON {{".encode()


def publish(
    lab: Lab,
    pipeline: Pipeline,
    fact: str,
    batch: int,
    drafts: Sequence[Draft],
    recover: Recover | None = None,
) -> bool:
    """Publish a batch in one request and note it under ``fact``; returns whether it is published.

    A message is noted as ``{"id", "before", "after", "size_bytes", "body_bytes", "attributes", "batch"}``; the times are those of
    our clock around the request. Where a request's outcome is unknown (the run was killed, the answer was lost), ``recover`` is asked
    for the messages that arrived, with their id and ``published_at``; without it the batch is given up. Raises ``CouldNotAsk``,
    ``GoogleAPICallError``.
    """
    if any(each["batch"] == batch for each in lab.book.get(fact, [])):
        return True
    mark = f"publishing {fact} {batch}"
    begun = lab.book.get(mark)
    if begun is not None:
        return _recovered(lab, fact, batch, drafts, begun, recover)
    before = lab.now()
    lab.book.note(mark, before.isoformat())
    messages = [types.PubsubMessage(data=each.body, attributes=dict(each.attributes)) for each in drafts]
    try:
        answer = lab.services.publisher.publish(
            topic=pipeline.topic(lab.place), messages=messages, timeout=TIMEOUT_S, retry=ONCE
        )
    except _REFUSED:
        lab.book.note(mark, None)
        raise
    after = lab.now()
    _note(lab, fact, batch, drafts, list(answer.message_ids), (before.isoformat(), after.isoformat()))
    return True


def _recovered(
    lab: Lab,
    fact: str,
    batch: int,
    drafts: Sequence[Draft],
    begun: str,
    recover: Recover | None,
) -> bool:
    """Find out whether a batch was published whose answer is not known."""
    if recover is None:
        raise CouldNotAsk("the answer to a publish request was lost: nobody knows whether its messages were published")
    if lab.waited_s(f"recovery of {fact} {batch} {begun}") < _SETTLED.total_seconds():
        return False
    found = recover(lab, batch)
    if len(found) < len(drafts):
        if not found:
            lab.book.note(f"publishing {fact} {batch}", None)
        return False
    latest = max(each["published_at"] for each in found)
    _note(lab, fact, batch, drafts, [each["id"] for each in found], (begun, latest))
    return True


def _note(
    lab: Lab, fact: str, batch: int, drafts: Sequence[Draft], ids: Sequence[str], around: tuple[str, str]
) -> None:
    if len(ids) != len(drafts):
        raise CouldNotAsk(f"of {len(drafts)} messages of a request {len(ids)} were published")
    noted = [
        {
            "id": message_id,
            "before": around[0],
            "after": around[1],
            "size_bytes": draft.size_bytes,
            "body_bytes": len(draft.body),
            "attributes": dict(draft.attributes),
            "batch": batch,
        }
        for message_id, draft in zip(ids, drafts, strict=True)
    ]
    lab.book.note(fact, [*lab.book.get(fact, []), *noted])
