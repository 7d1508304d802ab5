"""What alerting is estimated to cost follows from the templates."""

from __future__ import annotations

import pytest

from exporter.observer.alerting import ALERTS, Copies, policies
from exporter.rendering.backends import Backend
from tests.alerts.policies import fleet, rendered, rules, some
from tests.alerts.promql import selectors
from tests.alerts.test_templates import FLEET_WIDE, FLEETS, TEMPLATES


def test_the_table_is_that_of_the_templates() -> None:
    found = {rule.kind: rule for rule in rules(list(rendered(fleet(some(1)), Backend.OTLP).values()))}
    assert sorted(found) == sorted(alert.kind for alert in ALERTS)
    for alert in ALERTS:
        metrics = {selector.metric for selector in selectors(found[alert.kind].query)}
        assert (alert.kind, alert.references) == (alert.kind, len(metrics))
        assert alert.evaluated_every_s == found[alert.kind].every_s


@pytest.mark.parametrize("name", FLEETS)
def test_policies_are_as_many_as_check_says(name: str) -> None:
    assert len(rendered(FLEETS[name], Backend.OTLP)) == policies(FLEETS[name].systems)


def test_conditions_are_as_many_as_are_counted() -> None:
    for alert in ALERTS:
        by_class, by_owner = ("${interval_s}" in TEMPLATES[alert.kind], "${owner}" in TEMPLATES[alert.kind])
        copies = {(True, True): Copies.OWNER_AND_CLASS, (True, False): Copies.CLASS, (False, False): Copies.ONE}
        assert alert.copies is copies[by_class, by_owner]
        assert (alert.copies is not Copies.OWNER_AND_CLASS) == (alert.kind in FLEET_WIDE)
