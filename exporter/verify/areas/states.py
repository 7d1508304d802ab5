"""S: what a subscription says, and does with its messages, when its table refuses everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from exporter.verify import pipeline
from exporter.verify.areas import states_watching as watching
from exporter.verify.areas.states_watching import PROVOKED
from exporter.verify.lab import Lab
from exporter.verify.pipeline import BY_NAME
from exporter.verify.questions import Check, CouldNotAsk, Seen

_STATES = "https://docs.cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions"
_TROUBLE = "https://docs.cloud.google.com/pubsub/docs/bigquery-troubleshooting"

_LATEST_S = 120.0
"""So long after the first message that cannot be written the state should say so."""

_AT_ONCE_S = 30.0
"""Sooner than this is at once: states are looked at every few seconds."""

_MENDED = timedelta(minutes=30)
_EXPECTED = {"deleted": "NOT_FOUND", "denied": "PERMISSION_DENIED", "mismatch": "SCHEMA_MISMATCH"}
_PARAMETERS = {"deleted": "state_on_missing_table", "denied": "state_on_denied", "mismatch": "state_on_mismatch"}


def _state(name: str) -> Callable[[Lab], Seen]:
    def ask(lab: Lab) -> Seen:
        found = watching.said(lab, name)
        text = f"state {found['state']}, bigquery_config.state {found['bigquery_state']}"
        known = found["bigquery_state"] in ("ACTIVE", *_EXPECTED.values())
        parameters = {_PARAMETERS[name]: found["bigquery_state"]} if known else {}
        expected = (found["state"], found["bigquery_state"]) == ("RESOURCE_ERROR", _EXPECTED[name])
        return Seen(text, expected, parameters, {"sequence": found["sequence"], "published_again": found["again"]})

    return ask


def _delay(lab: Lab) -> Seen:
    """How long after the first message the slowest of the states was there.

    Where messages had to be published again, nobody knows which was the first that a table refused, unless the table was gone.
    """
    found = {name: watching.said(lab, name) for name in PROVOKED}
    seen = {name: each for name, each in found.items() if each["first_look_s"] <= _LATEST_S and each["after_s"]}
    sure_s = [each["after_s"] for name, each in seen.items() if name == "deleted" or not each["again"]]
    if not sure_s:
        raise CouldNotAsk("no subscription said that it stopped, or nobody looked in time")
    slowest_s = max(sure_s)
    text = ", ".join(
        f"{name}: {each['after_s']:.0f} s{' (published again)' if each['again'] else ''}" for name, each in seen.items()
    )
    delay_s = 0.0 if slowest_s < _AT_ONCE_S else slowest_s
    return Seen(text, slowest_s <= _LATEST_S, {"state_delay_s": delay_s})


def _dead_letters(lab: Lab) -> Seen:
    seen = {name: watching.said(lab, name) for name in PROVOKED}
    found = {name: each["dead_letters"] for name, each in seen.items()}
    text = ", ".join(f"{name}: {each['refused_letters']}" for name, each in seen.items())
    earlier = sum(each["dead_letters"] - each["refused_letters"] for each in seen.values())
    return Seen(
        f"dead letters: {text}, and {earlier} of earlier messages",
        not any(found.values()),
        {"states_to_dead_letters": any(found.values())},
    )


def _kept(lab: Lab) -> Seen:
    """Whether what was published when all had stopped is in the tables now; what went to the dead-letter topic was not lost either."""
    rows = lab.book.get("mended rows")
    sent = {name: len(lab.book.get(watching.refused(name))) for name in PROVOKED}
    gone = {name: sent[name] - rows[name] - watching.said(lab, name)["refused_letters"] for name in PROVOKED}
    text = ", ".join(f"{name}: {rows[name]} of {sent[name]}" for name in PROVOKED)
    kept = not any(count > 0 for count in gone.values())
    return Seen(f"in their tables after mending: {text}", kept, {"refused_messages_kept": kept})


def _recovers(lab: Lab) -> Seen | None:
    active = {name: pipeline.is_active(lab, BY_NAME[name]) for name in PROVOKED}
    still = [name for name, is_active in active.items() if not is_active]
    if still and lab.waited_s("recovery") < _MENDED.total_seconds() * 2 / 3:
        return None
    text = f"still not ACTIVE: {', '.join(still)}" if still else "all are ACTIVE"
    return Seen(text, not still, {"state_recovers": not still})


_STOPPED = tuple(f"stopped {name}" for name in PROVOKED)

STEPS = watching.STEPS

CHECKS = (
    Check(
        "S01",
        "What does a subscription say when its table is deleted?",
        "RESOURCE_ERROR, and bigquery_config says NOT_FOUND",
        _STATES,
        _state("deleted"),
        ("stopped deleted",),
    ),
    Check(
        "S02",
        "What does a subscription say when it may no longer write its table?",
        "RESOURCE_ERROR, and bigquery_config says PERMISSION_DENIED",
        _STATES,
        _state("denied"),
        ("stopped denied",),
    ),
    Check(
        "S03",
        "What does a subscription say when its table lacks columns?",
        "RESOURCE_ERROR, and bigquery_config says SCHEMA_MISMATCH",
        _STATES,
        _state("mismatch"),
        ("stopped mismatch",),
    ),
    Check(
        "S04",
        "How long does it take until the state says so?",
        f"at most {_LATEST_S:g} s from the first message that cannot be written",
        _TROUBLE,
        _delay,
        _STOPPED,
    ),
    Check(
        "S05",
        "Do messages go to the dead-letter topic while the table refuses everything?",
        "no: they wait",
        _TROUBLE,
        _dead_letters,
        _STOPPED,
    ),
    Check(
        "S06",
        "Are messages kept while the table refuses everything?",
        "yes: they are in the table when it is mended",
        _TROUBLE,
        _kept,
        ("delivered",),
    ),
    Check(
        "S07",
        "Is the subscription ACTIVE again when its table is mended?",
        "yes, by itself",
        _TROUBLE,
        _recovers,
        ("delivered",),
        _MENDED,
    ),
)
