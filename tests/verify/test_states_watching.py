"""A right that is still used for a while after it was taken away does not hide what a subscription says without it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from exporter.sandbox.server import Sandbox
from exporter.verify import messages, pipeline, runner, steps
from exporter.verify.areas import states, states_watching
from exporter.verify.book import Book
from exporter.verify.clock import clock_at
from exporter.verify.lab import Lab, Place
from exporter.verify.messages import Draft
from exporter.verify.pipeline import BY_NAME
from exporter.verify.questions import Step, Verdict
from exporter.verify.services import services
from tests.verify.places import endpoints

DENIED = BY_NAME["denied"]


def _late(lab: Lab) -> bool:
    """Publish, let the messages be written as with a right that lives on, and take it away only then."""
    body = messages.good(lab.place.run, "denied", 0)
    messages.publish(lab, DENIED, "messages denied", 0, [Draft(body)])
    if lab.waited_s("messages written") < 60:
        return False
    pipeline.forbid_writing(lab, DENIED)
    return True


def test_more_is_published_until_the_state_changes(sandbox: Sandbox, tmp_path: Path) -> None:
    place = Place(sandbox.addresses.project, "us-central1", "us-central1", "6aeb1e409c13")
    with services(place.project, endpoints(sandbox), sandbox.addresses.control) as found:
        lab = Lab(place, found, clock_at(endpoints(sandbox).clock), Book(tmp_path))
        (check,) = (each for each in states.CHECKS if each.id == "S02")
        (created,) = (each for each in steps.STEPS if each.name == "created")
        (stopped,) = (each for each in states_watching.STEPS if each.name == "stopped denied")
        denied = Step("denied", "taking a right away late", _late, ("created",), timedelta(minutes=5))
        (result,) = runner.run(lab, [created, denied, stopped], [check], lambda _: None)
    assert result.verdict is Verdict.OK, result.seen
    assert result.evidence["published_again"] >= 1
    assert [each[1:] for each in result.evidence["sequence"]] == [
        ["ACTIVE", "ACTIVE"],
        ["RESOURCE_ERROR", "PERMISSION_DENIED"],
    ]
    assert len(lab.book.get(states_watching.refused("denied"))) == 8
