"""What the command ``verify`` does: consent, a run that can be stopped at any moment, and nothing left behind."""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from exporter.config.types import Endpoints
from exporter.errors import ExporterError, SourceError, UsageError
from exporter.verify import areas, cleanup, heartbeat, leaving, permissions, pipeline, report, runner
from exporter.verify.book import Book
from exporter.verify.cleanup import Left
from exporter.verify.clock import clock_at
from exporter.verify.failures import FAILURES, PASSING, is_off
from exporter.verify.lab import Clock, Lab, Place, words
from exporter.verify.plan import plan
from exporter.verify.questions import Check, Result, Step
from exporter.verify.runner import Progress
from exporter.verify.scrubbing import Scrub
from exporter.verify.services import Services, services

LOCATION = "us-central1"
_REGIONS = {"US": "us-central1", "EU": "europe-west1"}
"""Regions for the series of runs whose dataset lies in a multi-region: Cloud Monitoring knows no ``US``."""

_PLACE, _BEGAN, _CONSENT = "place", "began", "consent"

Found = TypeVar("Found")


class Screen(Protocol):
    """Where a run tells what it does."""

    def tell(self, text: str) -> None:
        """Tell something."""

    def ask(self, question: str) -> bool:
        """Ask for consent."""
        ...

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""

    def stop(self) -> None:
        """Show no progress any more."""

    def results(self, checks: Sequence[Check], results: Mapping[str, Result], out: Path) -> None:
        """Show what came of it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; ``ask`` is whether somebody can be asked for consent, ``yes`` whether they need not be."""

    project: str
    location: str = LOCATION
    region: str | None = None
    only: tuple[str, ...] = ()
    keep: bool = False
    yes: bool = False
    interactive: bool = False
    resume: Path | None = None
    out: Path = Path("verify-report.json")
    endpoints: Endpoints = field(default_factory=Endpoints)
    steps: Sequence[Step] = areas.STEPS
    checks: Sequence[Check] = areas.CHECKS

    def at(self, endpoints: Endpoints) -> Options:
        """The same, asked of a sandbox."""
        return replace(self, endpoints=endpoints)


class Stopped(ExporterError):
    """Somebody stopped the run; all is said about what is left and how to go on."""


def verify(options: Options, screen: Screen) -> bool:
    """Ask everything that was chosen, show and write what came of it; returns whether all is as expected.

    What was made is removed. Raises ``UsageError`` where it cannot begin, ``Stopped`` where somebody stopped it, other
    ``ExporterError`` where it could not go on or something is left.
    """
    checks = chosen(options.checks, options.only)
    report.check_writable(options.out)
    _check_consent(options)
    with _interruptible(), _services(options) as (found, clock), _directory(options, screen) as directory:
        lab = _lab(options, found, clock, Book(directory))
        _check_not_over(lab, checks)
        try:
            _begin(options, screen, lab, checks)
            runner.run(lab, options.steps, checks, screen.progress)
        except KeyboardInterrupt:
            raise Stopped(_stopped(options, screen, lab)) from None
        except BaseException:
            screen.stop()
            if left := _end(options, screen, lab):
                screen.tell(leaving.left_behind(left, options.project))
            raise
        screen.stop()
        left = [] if options.keep else leaving.remove(lab, screen.tell)
        _write_report(options, lab, checks)
        screen.results(checks, lab.book.results, options.out)
        if left:
            raise ExporterError(leaving.left_behind(left, options.project))
        return report.succeeded([lab.book.results[check.id] for check in checks])


def _check_not_over(lab: Lab, checks: Sequence[Check]) -> None:
    if lab.book.get(leaving.OVER) and any(check.id not in lab.book.results for check in checks):
        raise UsageError(
            f"--resume: the run in {lab.book.directory} is over, and its pipelines are gone: name another directory"
        )


def chosen(checks: Sequence[Check], only: Sequence[str]) -> list[Check]:
    """The checks with these ids, or all; raises ``UsageError`` that names ids which do not exist."""
    known = {check.id for check in checks}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise UsageError(f"--only: no such check: {', '.join(unknown)}; known: {_grouped(sorted(known))}")
    return [check for check in checks if not only or check.id in only]


def _grouped(ids: Sequence[str]) -> str:
    """Sorted ids such as ``A01-A12, B01``: what follows each other without a gap is put together."""
    groups: list[list[str]] = []
    for name in ids:
        last = groups[-1][-1] if groups else ""
        follows = last[:1] == name[0] and int(name[1:]) == int(last[1:]) + 1
        groups = [*groups[:-1], [*groups[-1], name]] if follows else [*groups, [name]]
    return ", ".join(each[0] if len(each) == 1 else f"{each[0]}-{each[-1]}" for each in groups)


def clean_up(options: Options, screen: Screen) -> None:
    """Remove what any run left in the project, after asking; raises ``ExporterError`` where something is left."""
    if not options.yes and not options.interactive:
        raise UsageError("--cleanup removes what all runs left: say --yes where nobody can be asked")
    with _interruptible(), _services(options) as (found, clock):
        things = _in_one_line(lambda: _found(found, options.project))
        if not things:
            screen.tell(f"No run has left anything in {options.project}.")
            return
        screen.tell(leaving.runs(things, clock.now()))
        if not options.yes and not screen.ask("Remove it all?"):
            raise UsageError("nothing was removed")
        left = leaving.taken_away(found, clock, things, screen.tell)
    if left:
        raise ExporterError(leaving.left_behind(left, options.project))


def _found(found: Services, project: str) -> list[cleanup.Thing]:
    """Everything that runs have made; raises ``UsageError`` with the command for APIs that are off."""
    try:
        return cleanup.find(found, project)
    except (*PASSING, *FAILURES) as error:
        if is_off(error):
            permissions.demand_apis(found, project)
        raise


@contextmanager
def _services(options: Options) -> Iterator[tuple[Services, Clock]]:
    endpoints = options.endpoints
    sandbox = None if endpoints.clock is None else endpoints.clock.removesuffix("/clock")
    try:
        with services(options.project, endpoints, sandbox) as found:
            clock = clock_at(endpoints.clock)
            _in_one_line(clock.now)
            yield found, clock
    except SourceError as error:
        if error.reason == "unauthenticated":
            raise UsageError(f"{error}: {error.remedy}") from error
        raise


def _in_one_line(attempt: Callable[[], Found]) -> Found:
    """Try what must work before a run can begin; raises ``UsageError`` with one line."""
    try:
        return attempt()
    except (*PASSING, *FAILURES) as error:
        raise UsageError(f"it cannot begin: {words(error)}") from error


@contextmanager
def _directory(options: Options, screen: Screen) -> Iterator[Path]:
    """Where the run remembers: the directory that was named, or one that is gone when nothing is left to remember."""
    if options.resume is not None:
        yield options.resume
        return
    path = Path(tempfile.mkdtemp(prefix="exporter-verify-"))
    try:
        yield path
    finally:
        if options.keep and (path / "verify-run.json").exists():
            screen.tell(f"Kept. To go on: exporter verify --project {options.project} --resume {path}")
        else:
            shutil.rmtree(path, ignore_errors=True)


def _lab(options: Options, found: Services, clock: Clock, book: Book) -> Lab:
    """The run of a directory, or a new one."""
    known: dict[str, str] | None = book.get(_PLACE)
    region = options.region or _REGIONS.get(options.location.upper(), options.location)
    if known is None:
        run_id = f"{int(clock.now().timestamp()):08x}{secrets.token_hex(2)}"
        place = Place(options.project, options.location, region, run_id)
        book.note(_PLACE, {"project": place.project, "location": place.location, "region": region, "run": run_id})
        book.note(_BEGAN, clock.now().isoformat())
        return Lab(place, found, clock, book)
    place = Place(known["project"], known["location"], known["region"], known["run"])
    if (place.project, place.location, place.region) != (options.project, options.location, region):
        raise UsageError(
            f"--resume: the run in {book.directory} is in project {place.project}, location {place.location}, "
            f"region {place.region}: name these, or another directory"
        )
    return Lab(place, found, clock, book)


def _check_consent(options: Options) -> None:
    if not options.yes and not options.interactive:
        raise UsageError("verify makes things that cost: say --yes where nobody can be asked")


def _begin(options: Options, screen: Screen, lab: Lab, checks: Sequence[Check]) -> None:
    """See whether the run may begin, say what it will do, and ask; makes nothing."""
    if lab.book.get(_CONSENT) and all(check.id in lab.book.results for check in checks):
        return
    permissions.demand(lab.services, lab.place.project)
    there = _in_one_line(lambda: cleanup.find(lab.services, lab.place.project))
    _check_there(lab, there)
    others = [thing for thing in there if thing.run != lab.place.run]
    old = cleanup.leftovers(others, lab.now())
    since = lab.book.get(_BEGAN) if lab.book.get(_CONSENT) else None
    if any(check.id[0] == "O" for check in checks) and not lab.services.rest.is_sandbox:
        for note in permissions.notes(lab.services, lab.place.project):
            screen.tell(note)
    screen.tell(plan(lab, options.steps, checks, keep=options.keep, since=since))
    if old:
        screen.tell("Runs that were not cleaned up; what they left is removed first:")
        screen.tell(leaving.runs(old, lab.now()))
    if len(old) < len(others):
        young = [each for each in others if each not in old]
        screen.tell("Other runs, kept or perhaps still under way; if not: exporter verify --cleanup")
        screen.tell(leaving.runs(young, lab.now()))
    if not options.yes and not screen.ask("Go on?"):
        raise UsageError("nothing was made")
    if options.keep or options.resume is not None:
        lab.book.note(heartbeat.KEEP, True)
    lab.book.note(_CONSENT, lab.now().isoformat())
    if old:
        leaving.taken_away(lab.services, lab.clock, old, screen.tell)


def _check_there(lab: Lab, there: Sequence[cleanup.Thing]) -> None:
    """Raise ``UsageError`` where the pipelines of a run that is taken up were removed meanwhile."""
    gone = pipeline.missing(lab, {thing.name for thing in there})
    if gone:
        raise UsageError(
            f"--resume: what the run in {lab.book.directory} had made was removed meanwhile ({gone[0]}): "
            "name another directory"
        )


def _stopped(options: Options, screen: Screen, lab: Lab) -> str:
    """Clean up after Ctrl-C or SIGTERM, or leave things for later; returns what there is to say."""
    if not lab.book.get(_CONSENT):
        return "stopped: nothing was made"
    answered = len(lab.book.results)
    where = options.resume or (lab.book.directory if options.keep else None)
    try:
        screen.stop()
        left = _end(options, screen, lab)
    except KeyboardInterrupt:
        left = [Left(thing, "stopped") for thing in cleanup.noted(lab.book, lab.place.run)]
    if where is not None:
        again = f"exporter verify --project {options.project} --resume {where}"
        return (
            f"stopped: {answered} questions are answered, and everything is left for later.\n"
            f"To go on: {again}\nTo clean up: exporter verify --project {options.project} --cleanup"
        )
    if left:
        return f"stopped.\n{leaving.left_behind(left, options.project)}"
    return "stopped: everything is removed; with --resume DIR a run can be taken up again"


def _end(options: Options, screen: Screen, lab: Lab) -> list[Left]:
    """What becomes of the pipelines of a run that did not come to its end; returns what is left by mistake."""
    made = lab.book.get(_CONSENT) is not None
    return [] if not made or options.keep or options.resume is not None else leaving.remove(lab, screen.tell)


def _write_report(options: Options, lab: Lab, checks: Sequence[Check]) -> None:
    agent: str | None = lab.book.get(pipeline.AGENT)
    number = None if agent is None else agent.partition("service-")[2].partition("@")[0]
    began = datetime.fromisoformat(lab.book.get(_BEGAN)).astimezone(UTC)
    scrub = Scrub(lab.place, number)
    content: dict[str, Any] = report.document(lab.place, scrub, checks, lab.book.results, (began, lab.now()))
    try:
        report.write(content, options.out)
    except OSError as error:
        raise ExporterError(f"{options.out} cannot be written: {error.strerror or error}") from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM, and the end of the terminal, stop a run as Ctrl-C does."""

    def stop(*_: int | FrameType | None) -> None:
        raise KeyboardInterrupt

    chosen_signals = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, stop) for number in chosen_signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
