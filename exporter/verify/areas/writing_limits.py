"""How old and how early points may be, and how many one request takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from exporter.verify.areas import writing_series as own
from exporter.verify.lab import Lab
from exporter.verify.questions import Check, Seen

_WRITING = "https://docs.cloud.google.com/monitoring/custom-metrics/creating-metrics#writing-ts"
_QUOTAS = "https://docs.cloud.google.com/monitoring/quotas#custom_metrics_quotas"
_TIME_SERIES = "https://docs.cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3#createtimeseriesrequest"

_PAST_S, _PAST_MARGIN_S, _PAST_MOST_S = 25 * 3600, 60, 14 * 86_400
_FUTURE_S, _FUTURE_MARGIN_S, _FUTURE_MOST_S = 300, 10, 86_400
_SERIES, _MOST_SERIES = 200, 1_000


def boundary(taken: Callable[[int], bool], expected: tuple[int, int], most: int) -> tuple[int, int]:
    """The largest number that is taken and the smallest that is not, as close as the two that are expected.

    What is expected is asked for first; ``most`` is returned twice where even that is taken.
    """
    low, high = expected
    low_taken, high_taken = taken(low), taken(high)
    if low_taken and not high_taken:
        return low, high
    if low_taken:
        low, high, margin = high, most, high - low
        if taken(most):
            return most, most
    else:
        low, high, margin = 0, low, high - low
    while high - low > margin:
        middle = (low + high) // 2
        if taken(middle):
            low = middle
        else:
            high = middle
    return low, high


def _ending(lab: Lab, name: str, sign: int) -> Callable[[int], bool]:
    """Whether a point is taken that ends so many seconds from now, before or after."""

    def taken(seconds: int) -> bool:
        end = lab.now() + sign * timedelta(seconds=seconds)
        return not own.refused(own.write(lab, [own.gauge(lab, own.fresh(lab, name), end)]))

    return taken


def _past(lab: Lab) -> Seen:
    expected = (_PAST_S - _PAST_MARGIN_S, _PAST_S + _PAST_MARGIN_S)
    found = boundary(_ending(lab, "past", -1), expected, _PAST_MOST_S)
    text = f"taken {found[0] / 3600:.2f} h before the present, refused {found[1] / 3600:.2f} h before it"
    return Seen(text, found == expected, {"past_limit_s": _measured(found, expected, _PAST_S)})


def _future(lab: Lab) -> Seen:
    expected = (_FUTURE_S - _FUTURE_MARGIN_S, _FUTURE_S + _FUTURE_MARGIN_S)
    found = boundary(_ending(lab, "future", 1), expected, _FUTURE_MOST_S)
    text = f"taken {found[0]} s after the present, refused {found[1]} s after it"
    return Seen(text, found == expected, {"future_limit_s": _measured(found, expected, _FUTURE_S)})


def _measured(found: tuple[int, int], expected: tuple[int, int], usual: int) -> float:
    """The limit itself: the documented one where nothing speaks against it, else what lies between the two."""
    return float(usual if found == expected else sum(found) // 2)


def _series(lab: Lab) -> Seen:
    def taken(number: int) -> bool:
        if number == 0:
            return True
        job, end = own.fresh(lab, "many"), own.second(lab.now())
        series = [own.gauge(lab, job, end, labels={own.PLACE: str(place)}) for place in range(number)]
        return not own.refused(own.write(lab, series))

    expected = (_SERIES, _SERIES + 1)
    found = boundary(taken, expected, _MOST_SERIES)
    return Seen(f"{found[0]} are taken, {found[1]} are not", found == expected, {"series_per_request": found[0]})


def _points(lab: Lab) -> Seen:
    """Two points of a series in one request, and the same series twice."""
    end = own.second(lab.now())
    earlier = end - timedelta(seconds=60)
    two = own.gauge(lab, own.fresh(lab, "two-points"), earlier)
    two.points.add().CopyFrom(own.gauge(lab, "", end).points[0])
    job = own.fresh(lab, "twice")
    said = {
        "two points": own.write(lab, [two]),
        "a series twice": own.write(lab, [own.gauge(lab, job, earlier), own.gauge(lab, job, end)]),
    }
    text = "; ".join(f"{name}: {'refused' if own.refused(each) else 'taken'}" for name, each in said.items())
    return Seen(text, all(own.refused(each) for each in said.values()), {}, said)


CHECKS = (
    Check("C04", "How far in the past may a point end?", "25 h", _WRITING, _past, ("described",)),
    Check("C05", "How far in the future may a point end?", "5 min", _WRITING, _future, ("described",)),
    Check("C06", "How many series does one request take?", f"{_SERIES}", _QUOTAS, _series, ("described",)),
    Check(
        "C07",
        "Does one request take more than one point of a series?",
        "no: neither two points in a series, nor a series twice",
        _TIME_SERIES,
        _points,
        ("described",),
    ),
)
