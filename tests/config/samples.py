"""A small configuration, and what the parser says about another."""

from __future__ import annotations

from pathlib import Path

from exporter import config
from exporter.errors import ConfigError, Mistake

EXAMPLE = Path(__file__).parents[2] / "systems.example.yaml"

HEAD = "fleet: flights\ndefaults: {project: acme-data, location: us-central1}\n"
"""Lines 1 and 2."""
SYSTEM = (
    "systems:\n  - id: departures\n    topic: departures\n    subscription: departures-bq\n    table: raw.departures\n"
)
"""Lines 3 to 7, after the head."""
GOOD = HEAD + SYSTEM


def mistakes(text: str) -> tuple[Mistake, ...]:
    """Every mistake in a text; none where the parser takes it."""
    try:
        config.parse(text, "systems.yaml")
    except ConfigError as error:
        return error.mistakes
    return ()
