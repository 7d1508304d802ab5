"""Messages: as a publisher hands them over, and as Pub/Sub keeps them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import NamedTuple

NO_ATTRIBUTES: Mapping[str, str] = {}

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_ID_STRIDE = 997  # leaves gaps between the ids of a topic, as the service does


class Draft(NamedTuple):
    """A message as its publisher hands it over."""

    data: bytes
    attributes: Mapping[str, str] = NO_ATTRIBUTES
    ordering_key: str = ""


class Message:
    """A published message; ``size`` is its body and attributes in bytes, which metrics and bills start from."""

    __slots__ = ("attributes", "data", "id", "ordering_key", "publish_us", "size")

    def __init__(self, message_id: str, draft: Draft, size: int, publish_us: int) -> None:
        self.id = message_id
        self.data, self.attributes, self.ordering_key = draft
        self.size = size
        self.publish_us = publish_us

    def attributes_json(self) -> str:
        """The attributes as BigQuery subscriptions write them: one JSON object that holds the ordering key too, if any."""
        if not self.attributes and not self.ordering_key:
            return "{}"
        fields = dict(self.attributes)
        if self.ordering_key:
            fields["orderingKey"] = self.ordering_key
        return _JSON.encode(fields)


def size_of(draft: Draft) -> int:
    """Bytes of a message's body and attributes, keys and values in UTF-8."""
    size = len(draft.data)
    for key, value in draft.attributes.items():
        size += len(key.encode()) + len(value.encode())
    return size


class MessageIds:
    """The ids of one topic: decimal, 16 or 17 digits, increasing, the same for the same seed, topic and sequence."""

    __slots__ = ("_next",)

    def __init__(self, seed: int, topic: str) -> None:
        self._next = random.Random(f"{seed}|{topic}|ids").randrange(2 * 10**15, 9 * 10**16)  # noqa: S311 - a simulation

    def take(self) -> str:
        """The next id."""
        self._next += _ID_STRIDE
        return str(self._next)
