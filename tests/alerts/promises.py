"""What docs/alerts.md promises: how long it takes at worst from a failure to an incident."""

from __future__ import annotations

from pathlib import Path

from exporter.config import parse_duration
from exporter.model import Tier

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
_HEADER = "| what happens | alert | critical | standard | batch |"


def promised_s() -> dict[tuple[str, str], dict[Tier, int]]:
    """Seconds for each (what happens, alert) and tier."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines[lines.index(_HEADER) + 2 :]:
        if not line.startswith("|"):
            break
        what, alert, *times = (cell.strip() for cell in line.strip("|").split("|"))
        found[what, alert.strip("`")] = {
            tier: round(parse_duration(time)) for tier, time in zip(Tier, times, strict=True)
        }
    return found
