from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.computation import Step
from exporter.export import Sent, Unfinished, send
from exporter.model import Family, Outcome, Point, Refusal, Watermark
from exporter.patience import Patience
from tests.builders import window


class Store:
    """A store that refuses points out of order, as Cloud Monitoring does, and some for the time being, as it pleases."""

    def __init__(self, refusals: Sequence[bool]) -> None:
        self._refusals = list(refusals)
        self.points: list[Point] = []
        self.again = 0

    def prepare(self) -> None: ...

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:
        return {}

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        return []

    def export(self, points: Sequence[Point]) -> Outcome:
        written, refused = [], []
        for point in points:
            if any(same(point, known) and known.end >= point.end for known in self.points):
                self.again += 1
            elif self._refusals and self._refusals.pop():
                refused.append(Refusal(point, "UNAVAILABLE", ""))
            else:
                self.points.append(point)
                written.append(point)
        return Outcome(written=tuple(written), retryable=tuple(refused))


def same(one: Point, other: Point) -> bool:
    return (one.metric, one.job, one.labels) == (other.metric, other.job, other.labels)


def sequences(skip: Mapping[Family, int]) -> list[list[Step]]:
    """Four windows of landing and delivery; what both complete travels with whichever comes last."""
    made = []
    for family in (Family.LANDING, Family.DELIVERY):
        steps = []
        for place in range(skip[family], 4):
            span = window(place * 300)
            points = [Point("messages", "s", span.end, 1.0, {"outcome": family.value, "n": str(n)}) for n in range(3)]
            other = Family.DELIVERY if family is Family.LANDING else Family.LANDING
            last = place - skip[family] > place - skip[other] or (
                skip[family] == skip[other] and family is Family.DELIVERY
            )
            if last or skip[other] > place:
                points.append(Point("error_ratio", "s", span.end, 0.0, {"basis": "messages"}))
            steps.append(Step("s", family, span, tuple(points)))
        made.append(steps)
    return made


@given(st.lists(st.booleans(), max_size=60))
def test_whatever_is_refused_for_the_time_being_everything_is_stored_once(refusals: list[bool]) -> None:
    store, unfinished = Store(refusals), Unfinished()
    done = {Family.LANDING: 0, Family.DELIVERY: 0}
    for _ in range(80):
        sent = Sent()
        send(store, sequences(done), unfinished, Patience(60), sent)
        for (_, family), end in sent.advanced.items():
            done[family] = (end - window(0).start) // timedelta(minutes=5)
        if min(done.values()) == 4:
            break
    assert done == {Family.LANDING: 4, Family.DELIVERY: 4}
    assert store.again == 0
    keys = [(point.metric, point.end, tuple(sorted(point.labels.items()))) for point in store.points]
    assert len(keys) == len(set(keys)) == 4 * 7
