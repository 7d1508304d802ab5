"""What the exporter says of whole hours: bytes and cost."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from exporter import pricing
from exporter.verify.areas.exporter_numbers import counts
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen

_METRICS = "docs/metrics.md"
_PATIENCE = timedelta(minutes=15)
_TIB = 2**40
_TOLERANCE = Fraction(1, 10**6)
"""A double is exact to much more."""


def _requests(lab: Lab) -> list[tuple[int, int]]:
    """Messages, and bytes of bodies and attributes, of each request to the topic of ``main``."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for fact in ("messages main", "poison main"):
        for each in lab.book.get(fact):
            messages, size = found.get((fact, each["batch"]), (0, 0))
            found[fact, each["batch"]] = messages + 1, size + each["size_bytes"]
    return list(found.values())


def _bytes(lab: Lab) -> Seen | None:
    known = sum(size for _, size in _requests(lab))
    measured = counts(lab, "bytes", "main", stage="published")
    if measured < known and lab.waited_s("bytes published") < _PATIENCE.total_seconds() / 2:
        return None
    return Seen(f"{measured:g}; {known} were sent", measured == known)


def _cost(lab: Lab) -> Seen | None:
    """Compute the cost of publishing anew from the requests of the run and the price table.

    What requests of one minute share is billed together: so there is a least and a most that it may be.
    """
    measured = counts(lab, "cost", "main", component="pubsub_publish")
    least, most = cost_bounds(_requests(lab))
    if measured == 0 and lab.waited_s("cost of publishing") < _PATIENCE.total_seconds() / 2:
        return None
    text = f"{measured:.6g} USD; by the price table {float(least):.6g} to {float(most):.6g} USD"
    return Seen(text, bool(least * (1 - _TOLERANCE) <= Fraction(measured) <= most * (1 + _TOLERANCE)))


def cost_bounds(requests: list[tuple[int, int]]) -> tuple[Fraction, Fraction]:
    """The least and the most that publish requests cost in US dollars, without a free tier, given (messages, bytes) of each."""
    prices = pricing.load({}, systems=1)
    overhead, minimum = prices["pubsub_message_overhead_bytes"], prices["pubsub_minimum_request_bytes"]
    usd_per_byte = prices["pubsub_publish_per_tib"] / _TIB
    sizes = [size + messages * overhead for messages, size in requests]
    least = max(sum(sizes, Fraction(0)), len(sizes) * minimum)
    most = sum((max(size, minimum) for size in sizes), Fraction(0))
    return least * usd_per_byte, most * usd_per_byte


CHECKS = (
    Check(
        "X12",
        "How many bytes were published?",
        "those of all bodies and attributes",
        f"{_METRICS}, bytes",
        _bytes,
        ("measured hours",),
        _PATIENCE,
    ),
    Check(
        "X13",
        "What did publishing cost?",
        "what the requests of the run cost by prices.yaml",
        f"{_METRICS}, cost; prices.yaml",
        _cost,
        ("measured hours",),
        _PATIENCE,
    ),
)
