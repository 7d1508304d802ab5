"""The numbers in docs/costs.md are those of the estimate."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from exporter.config import parse_duration
from exporter.observer.estimate import Estimate, estimate
from exporter.observer.facts import Facts
from exporter.observer.usage import Bill
from exporter.observer_terminal import dollars
from tests.observer.test_estimate import OTLP, TERMS, fleet

PAGE = (Path(__file__).parents[2] / "docs" / "costs.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under a heading, without emphasis."""
    lines = iter(PAGE.splitlines())
    next(line for line in lines if line == heading)
    next(lines)
    found = []
    for line in lines:
        if not line:
            break
        found.append([cell.strip(" *") for cell in line.strip("|").split("|")])
    return found


def cells(bill: Bill, otlp: Bill) -> list[str]:
    names = ("bigquery_query", "monitoring_points", "monitoring_reads", "cloud_run")
    shown = [dollars(bill.components[name]) if bill.components[name] else "-" for name in names]
    return [*shown, dollars(bill.total), dollars(otlp.total)]


def both(idle: bool = False) -> tuple[Estimate, Estimate]:
    systems = fleet(50)
    facts = {each.id: Facts(Fraction(0), Fraction(0), Fraction(0), Fraction(0)) for each in systems} if idle else {}
    return estimate(systems, TERMS, facts), estimate(systems, OTLP, facts)


def test_the_fleet_of_fifty_by_family() -> None:
    custom, otlp = both()
    expected = [
        [family, *cells(bill, otlp.by_family[family])]
        for family, bill in custom.by_family.items()
        if family != "alerting"
    ]
    expected.append(["all", *cells(custom.bill, otlp.bill)])
    assert rows("| family | queries | points | reads | Cloud Run | custom metrics | OTLP |") == expected


def test_the_fleet_of_fifty_at_other_times() -> None:
    for window, interval, custom, otlp in rows("| window | interval | custom metrics | OTLP |"):
        window_s, interval_s = round(parse_duration(window)), round(parse_duration(interval))
        systems = [replace(each, window_s=window_s, interval_s=interval_s) for each in fleet(50)]
        assert [custom, otlp] == [dollars(estimate(systems, terms).bill.total) for terms in (TERMS, OTLP)]


def test_what_the_text_says() -> None:
    custom, _ = both()
    idle, idle_otlp = both(idle=True)
    assert f"cost {dollars(idle.bill.total)}, through OTLP {dollars(idle_otlp.bill.total)}." in TEXT
    assert f"would pay about {round(custom.bill.alerting)} on top" in TEXT
    windows = 50 * 8760
    assert f"{dollars(Fraction(windows * 80, 2**20) * Fraction('0.258'))} of the {dollars(custom.bill.total)}" in TEXT
    assert f"would cost {dollars(Fraction(windows * (41 - 10), 10**6) * Fraction('0.06'))} more" in TEXT
