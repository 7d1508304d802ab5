"""D: how messages arrive: batches, duplicates, and what becomes of those that the table refuses."""

# ruff: noqa: S608 - the SQL is made of names of the run; values go in as parameters

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions

from exporter.verify import pipeline
from exporter.verify.areas import delivery_extra as extra
from exporter.verify.areas import delivery_letters as letters
from exporter.verify.areas import jobs_queries as queries
from exporter.verify.areas.pubsub_metrics_series import points, total
from exporter.verify.lab import Lab
from exporter.verify.pipeline import BY_NAME, MAX_DELIVERY_ATTEMPTS, MIN_BACKOFF_S, TIMEOUT_S
from exporter.verify.questions import Check, CouldNotAsk, Seen
from exporter.verify.steps import BAD_MESSAGES

_BIGQUERY = "https://docs.cloud.google.com/pubsub/docs/bigquery"
_DEAD_LETTERS = "https://docs.cloud.google.com/pubsub/docs/handling-failures"
_POLICY = "https://docs.cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions"

_FEW = 0.02
"""More rows beyond the messages than this share would be more than now and then."""

_FORWARDED_S = 180.0
_LOST_S = 420.0
"""Forwarding takes so long at most as a rule; a letter for a topic that had no subscription is given so long to come after all."""

_HELD_S = 1200.0
"""A message that has not been forwarded after so long is held back."""

_MOST_ATTEMPTS = MAX_DELIVERY_ATTEMPTS + 2
"""Counting attempts is best effort: a few more are no surprise."""


def _arrival(lab: Lab) -> dict[str, Any]:
    text = (
        "SELECT COUNT(*) AS n, COUNT(DISTINCT message_id) AS ids, COUNT(DISTINCT _CHANGE_TIMESTAMP) AS commits "
        f"FROM APPENDS(TABLE {queries.table(lab, 'main')}, NULL, NULL)"
    )
    return queries.row(lab, text)


def _duplicates(lab: Lab) -> Seen | None:
    """Count the rows when late duplicates have had time to come."""
    if lab.waited_s("late duplicates") < _FORWARDED_S:
        return None
    found = _arrival(lab)
    ratio = found["n"] / found["ids"] - 1
    text = f"{found['n']} rows of {found['ids']} messages"
    return Seen(text, ratio <= _FEW, {"duplicate_ratio": round(min(1.0, ratio), 3)})


def _batches(lab: Lab) -> Seen:
    found = _arrival(lab)
    batched = found["commits"] * 2 <= found["ids"]
    text = f"{found['commits']} commits for {found['ids']} messages, published in {_requests(lab)} requests"
    return Seen(text, batched, {"batches_messages": batched})


def _requests(lab: Lab) -> int:
    return len({each["batch"] for each in lab.book.get("messages main")})


def _alone(lab: Lab) -> Seen | None:
    found = extra.landed(lab, extra.MIXED)
    if found < extra.GOOD_MESSAGES and lab.waited_s("mixed messages") < _FORWARDED_S:
        return None
    text = f"{found} of {extra.GOOD_MESSAGES} good messages of the request are in the table"
    alone = found == extra.GOOD_MESSAGES
    return Seen(text, alone, {"row_refused_alone": alone})


def _forwarded(lab: Lab) -> Seen:
    found = len(letters.letters(lab))
    return Seen(f"{found} of {BAD_MESSAGES} in the dead-letter subscription", found == BAD_MESSAGES)


def _attributes(lab: Lab) -> Seen:
    found = _letters(lab)
    names = set.intersection(*(set(each["added"]) for each in found))
    missing = [name for name in letters.ATTRIBUTES if name not in names]
    others = sorted(names - set(letters.ATTRIBUTES))
    text = (
        f"missing: {', '.join(missing)}" if missing else "all of them" + (f", and {', '.join(others)}" * bool(others))
    )
    return Seen(text, not missing, {"dead_letter_attributes": len(missing) < len(letters.ATTRIBUTES)})


def _attempts(lab: Lab) -> Seen:
    counts = [int(each["added"][letters.COUNT]) for each in _letters(lab) if letters.COUNT in each["added"]]
    if not counts:
        raise CouldNotAsk("no dead letter says how often it was tried")
    exact = set(counts) == {MAX_DELIVERY_ATTEMPTS}
    near = min(counts) >= MAX_DELIVERY_ATTEMPTS and max(counts) <= _MOST_ATTEMPTS
    text = f"after {min(counts)} to {max(counts)} attempts, of {MAX_DELIVERY_ATTEMPTS} configured"
    return Seen(text, near, {"dead_letter_attempts_exact": exact})


def _backoff(lab: Lab) -> Seen:
    published_at = min(datetime.fromisoformat(each["before"]) for each in lab.book.get("poison main"))
    waits = [(datetime.fromisoformat(each["forwarded_at"]) - published_at).total_seconds() for each in _letters(lab)]
    least_s = MIN_BACKOFF_S * (MAX_DELIVERY_ATTEMPTS - 1)
    at_once = max(waits) < least_s
    text = f"forwarded {max(waits):.0f} s after they were published, at most; with back-off {least_s} s at least"
    return Seen(text, at_once, {"dead_letter_backoff": not at_once})


def _letters(lab: Lab) -> list[dict[str, Any]]:
    found = letters.letters(lab)
    if not found:
        raise CouldNotAsk("no message was forwarded")
    return found


def _stays_active(lab: Lab) -> Seen:
    states = {name: pipeline.is_active(lab, BY_NAME[name]) for name in ("main", "plain")}
    broken = [name for name, active in states.items() if not active]
    return Seen(f"not active: {', '.join(broken)}" if broken else "both subscriptions are ACTIVE", not broken)


def _not_written(lab: Lab) -> Seen:
    ids = [each["id"] for name in ("main", "plain") for each in lab.book.get(f"poison {name}")]
    tables = " UNION ALL ".join(f"SELECT message_id FROM {queries.table(lab, name)}" for name in ("main", "plain"))
    found = queries.row(lab, f"SELECT COUNT(*) AS n FROM ({tables}) WHERE message_id IN UNNEST(@ids)", ids=ids)
    return Seen(f"{found['n']} of {len(ids)} are in a table", found["n"] == 0)


def _without_subscription(lab: Lab) -> Seen | None:
    """Give the dead-letter topic a subscription when it is certain what became of the message, and see whether it comes."""
    if not lab.book.get("settled for nobody", False):
        if lab.waited_s("forwarding to nobody") < _FORWARDED_S or not _is_settled(lab):
            return None
        lab.book.note("settled for nobody", True)
    lab.once("dead letters of extra subscribed", lambda: _subscribed(lab))
    found = len(letters.pulled(lab, extra.EXTRA.dead_letter_subscription(lab.place)))
    if not found and lab.waited_s("dead letter of nobody") < _LOST_S:
        return None
    text = f"{found} messages came when there was a subscription" if found else "gone: in no table, in no subscription"
    return Seen(text, not found, {"dead_letter_topic_without_subscription": "kept" if found else "lost"})


def _is_settled(lab: Lab) -> bool:
    """Whether metrics prove that it was forwarded (a dead letter is counted, or nothing waits any more), or still waits long after."""
    if total(points(lab, "subscription/dead_letter_message_count", extra.EXTRA.name)):
        return True
    waiting = points(lab, "subscription/num_undelivered_messages", extra.EXTRA.name)
    if not waiting:
        return False
    late_s = (waiting[-1].end - lab.done_at("mixed")).total_seconds()
    return late_s >= (_HELD_S if waiting[-1].number else _FORWARDED_S)


def _subscribed(lab: Lab) -> str:
    resource = pipeline.dead_letter_subscription_resource(lab.place, extra.EXTRA)
    lab.making("subscription", resource.name)
    with suppress(exceptions.AlreadyExists):
        lab.services.subscriber.create_subscription(resource, timeout=TIMEOUT_S, retry=None)
    return lab.now().isoformat()


STEPS = (*letters.STEPS, extra.STEPS[2])

CHECKS = (
    Check(
        "D01",
        "How many rows are there beyond the messages that were published?",
        f"few: at most {_FEW:.0%}; delivery is at least once, and duplicates are taken out by message_id",
        _BIGQUERY,
        _duplicates,
        ("landed",),
        timedelta(minutes=10),
    ),
    Check(
        "D02",
        "Are several messages committed together?",
        "yes: at most half as many commits as messages",
        _BIGQUERY,
        _batches,
        ("landed",),
    ),
    Check(
        "D03",
        "Does a message that the table refuses keep others of its request out?",
        "no: the others are written",
        _BIGQUERY,
        _alone,
        ("mixed",),
        timedelta(minutes=10),
    ),
    Check("D04", "Are refused messages written?", "no", _BIGQUERY, _not_written, ("dead letters",)),
    Check(
        "D05",
        "Do refused messages go to the dead-letter topic, where there is a policy?",
        "all of them",
        _BIGQUERY,
        _forwarded,
        ("dead letters",),
    ),
    Check(
        "D06",
        "Which attributes does Pub/Sub add to dead letters?",
        ", ".join(letters.ATTRIBUTES),
        _DEAD_LETTERS,
        _attributes,
        ("dead letters",),
    ),
    Check(
        "D07",
        "After how many attempts is a message dead-lettered?",
        f"after max_delivery_attempts, {MAX_DELIVERY_ATTEMPTS}, or a few more, {_MOST_ATTEMPTS} at most: it is best effort",
        _POLICY,
        _attempts,
        ("dead letters",),
    ),
    Check(
        "D08",
        "Does the retry policy hold refused messages back where there is a dead-letter policy?",
        "no: they are tried again at once",
        _BIGQUERY,
        _backoff,
        ("dead letters",),
    ),
    Check(
        "D09",
        "Do refused messages change the state of the subscription?",
        "no: it stays ACTIVE",
        _BIGQUERY,
        _stays_active,
        ("dead letters",),
    ),
    Check(
        "D10",
        "What becomes of a dead letter when nobody subscribes to the dead-letter topic?",
        "it is lost",
        _POLICY,
        _without_subscription,
        ("mixed",),
        timedelta(minutes=40),
    ),
)
