"""The program ``exporter`` with a few questions of our own: ``python -m tests.verify.program verify --project P ...``."""

from __future__ import annotations

from datetime import timedelta

from exporter import cli
from exporter.verify import areas, steps
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen


def _landed(lab: Lab) -> Seen:
    sent = len(lab.book.get("messages main"))
    return Seen(f"{sent} messages of {lab.place.project}", sent == 240, {"published": sent}, {"run": lab.place.run})


def _table(lab: Lab) -> Seen:
    table = lab.services.bigquery.get_table(f"{lab.place.project}.{lab.place.dataset}.main", timeout=30)
    return Seen(f"{len(table.schema)} columns", as_expected=len(table.schema) == 5)


def _late(lab: Lab) -> Seen | None:
    return Seen("after five minutes", as_expected=True) if lab.waited_s("lateness") > 300 else None


_PROVOKED = ("deleted", "denied", "mismatched", "poisoned")
CHECKS = (
    Check("A01", "Do messages land?", "240 do", "a test", _landed, ("landed",)),
    Check("A02", "Does it differ?", "yes", "a test", lambda _: Seen("no", as_expected=False), ("created",)),
    Check("B01", "How many columns are there?", "5", "a test", _table, ("created",)),
    Check("B02", "Is anything late?", "five minutes", "a test", _late, ("created",), timedelta(hours=3)),
    Check("B03", "Are states provoked?", "yes", "a test", lambda _: Seen("yes", as_expected=True), _PROVOKED),
)  # fmt: skip

if __name__ == "__main__":
    areas.CHECKS, areas.STEPS = CHECKS, steps.STEPS
    cli.main()
