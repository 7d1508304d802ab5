"""The sandbox's fleet: pipelines named after real routes, and the odd ones that scenarios add."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.model import TableRef
from exporter.sandbox.traffic.flights import routes

PROJECT = "flights-sandbox"
LOCATION = "us-central1"
_OWNERS = ("flight-ops", "data-platform", "commercial")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One system of the sandbox and how it is built; ``rate`` is messages a minute, on average.

    ``oddity`` names what is unusual about it (see ``ODDITIES``), None for the usual ones.
    """

    index: int
    id: str
    tier: str
    owner: str
    rate: float
    location: str = LOCATION
    data_type: str = "BYTES"
    dead_letters: bool = True
    oddity: str | None = None
    table_of: str | None = None

    @property
    def topic(self) -> str:
        """Full name of the topic."""
        return f"projects/{PROJECT}/topics/{self.id}"

    @property
    def subscription(self) -> str:
        """Full name of the BigQuery subscription."""
        return f"projects/{PROJECT}/subscriptions/{self.id}-bq"

    @property
    def dead_letter_topic(self) -> str:
        """Full name of the dead-letter topic."""
        return f"projects/{PROJECT}/topics/{self.id}-dlt"

    @property
    def dead_letter_subscription(self) -> str:
        """Full name of the subscription that keeps dead letters."""
        return f"projects/{PROJECT}/subscriptions/{self.id}-dlq"

    @property
    def table(self) -> TableRef:
        """The table that the subscription writes to."""
        return TableRef(PROJECT, f"raw{self._suffix}", (self.table_of or self.id).replace("-", "_"))

    @property
    def view(self) -> TableRef:
        """The view that decodes the table."""
        return TableRef(PROJECT, f"curated{self._suffix}", self.id.replace("-", "_"))

    @property
    def _suffix(self) -> str:
        return "" if self.location == LOCATION else "_" + self.location.lower().replace("-", "_")


ODDITIES = (
    "no-metadata",
    "no-dead-letters",
    "view-as-table",
    "empty",
    "location-us",
    "location-eu",
    "location-europe-west1",
    "loaded-rows",
    "second-subscription",
    "shared-table",
    "unreadable",
    "missing-subscription",
    "standing-backlog",
    "late-duplicates",
    "filtered",
)
"""What an odd system can be, each by its own name in the scenario ``odd-systems``."""

_LOCATIONS = {"location-us": "US", "location-eu": "EU", "location-europe-west1": "europe-west1"}


def usual(count: int, seed: int) -> list[Pipeline]:
    """The fleet's usual systems; a system's properties do not depend on how many there are, up to 200."""
    names = routes()
    made = []
    for index in range(count):
        draw = random.Random(f"{seed}|fleet|{index}")  # noqa: S311 - a simulation, not a secret
        turn, place = divmod(index, len(names))
        tier = "critical" if index % 10 == 0 else "batch" if index % 10 == 7 else "standard"
        rate = 20 * draw.lognormvariate(-0.15, 0.55)
        made.append(
            Pipeline(
                index=index,
                id=names[place] if turn == 0 else f"{names[place]}-{turn + 1}",
                tier=tier,
                owner=_OWNERS[index % len(_OWNERS)],
                rate=min(60.0, max(6.0, rate)) if count <= 200 else 2.0,
                data_type="JSON" if index % 5 == 3 else "BYTES",
                dead_letters=index % 8 != 5,
            )
        )
    return made


def odd(names: Sequence[str], first_index: int) -> list[Pipeline]:
    """Systems with the named oddities."""
    made = []
    for place, name in enumerate(names):
        made.append(
            Pipeline(
                index=first_index + place,
                id=f"odd-{name}",
                tier="standard",
                owner="data-platform",
                rate=0.0 if name == "empty" else 20.0,
                location=_LOCATIONS.get(name, LOCATION),
                dead_letters=name not in ("no-dead-letters", "standing-backlog"),
                oddity=name,
                table_of="odd-second-subscription" if name == "shared-table" else None,
            )
        )
    return made
