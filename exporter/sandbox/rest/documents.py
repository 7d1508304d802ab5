"""Documents that a project has of one kind, by id: made, listed, read, deleted."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from exporter.sandbox.rest.answers import Refused, invalid

MOST_ON_PAGE = 1_000

Json = dict[str, Any]


class Documents:
    """Documents of every project; ``collection`` names them in addresses. Thread-safe."""

    def __init__(self, collection: str, seed: int) -> None:
        self.collection = collection
        self._random = random.Random(f"{collection} {seed}")  # noqa: S311 - a simulation, not a secret
        self._lock = threading.Lock()
        self._all: dict[str, dict[str, Json]] = {}

    def new_id(self) -> str:
        """An id, the same for the same seed and order of calls."""
        with self._lock:
            return str(self._random.randrange(10**18, 10**19))

    def add(self, project: str, identity: str, document: Mapping[str, Any]) -> Json:
        """Keep a document; raises ``Refused`` where its id is taken."""
        with self._lock:
            mine = self._all.setdefault(project, {})
            if identity in mine:
                raise Refused("ALREADY_EXISTS", f"{self._name(project, identity)} exists already.")
            mine[identity] = deepcopy(dict(document))
            return deepcopy(mine[identity])

    def get(self, project: str, identity: str) -> Json:
        """One document; raises ``Refused``."""
        with self._lock:
            return deepcopy(self._found(project, identity))

    def delete(self, project: str, identity: str) -> None:
        """Forget a document; raises ``Refused``."""
        with self._lock:
            self._found(project, identity)
            del self._all[project][identity]

    def page(self, project: str, parameters: Mapping[str, str]) -> Json:
        """A page of all documents of a project, in the order in which they were made."""
        size, start = parameters.get("pageSize") or str(MOST_ON_PAGE), parameters.get("pageToken") or "0"
        if not (size.isdecimal() and start.isdecimal()):
            raise invalid("pageSize is a whole number, pageToken one that an earlier page gave.")
        first, length = int(start), min(int(size) or MOST_ON_PAGE, MOST_ON_PAGE)
        with self._lock:
            every = list(self._all.get(project, {}).values())
        answer: Json = {self.collection: deepcopy(every[first : first + length])} if every[first:] else {}
        if len(every) > first + length:
            answer["nextPageToken"] = str(first + length)
        return answer

    def _name(self, project: str, identity: str) -> str:
        return f"projects/{project}/{self.collection}/{identity}"

    def _found(self, project: str, identity: str) -> Json:
        found = self._all.get(project, {}).get(identity)
        if found is None:
            raise Refused("NOT_FOUND", f"Requested entity was not found: {self._name(project, identity)}")
        return found
