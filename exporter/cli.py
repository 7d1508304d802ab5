"""The commands; only here does the exporter print and exit.

Exit status: 0 done, 1 something failed and is named, 2 bad configuration or usage.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from exporter.errors import ConfigError, ExporterError, SourceError, UsageError
from exporter.rendering.backends import Backend, backend_of

if TYPE_CHECKING:
    from exporter.assembly import Role
    from exporter.checking import Assessment
    from exporter.config import Config
    from exporter.observer.planner import Plan

# Commands import what they need when they run: `exporter check --offline` must not wait for Google's clients.

app = typer.Typer(
    name="exporter",
    help="Measures Pub/Sub to BigQuery pipelines end to end and exports what it finds as custom metrics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="the fleet: systems.yaml", show_default=True)]
ListenAt = Annotated[str | None, typer.Option(help="HOST:PORT of the HTTP server, in place of exporter.listen")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
DEFAULT_CONFIG = Path("systems.yaml")


class Rendered(StrEnum):
    """What `render` makes."""

    DASHBOARDS = "dashboards"
    ALERTS = "alerts"


def main() -> None:
    """Run a command, and turn what it raises into one clear message and an exit status."""
    # gRPC's core writes to standard error by itself, past every logger, whenever a server says goodbye.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        app()
        sys.stdout.flush()
    except ExporterError as error:
        remedy = error.remedy if isinstance(error, SourceError) else ""
        print(f"{error}: {remedy}" if remedy else error, file=sys.stderr)
        sys.exit(error.exit_status)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        print(f"standard output cannot be written: {error.strerror}", file=sys.stderr)
        # What is left in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _load(path: Path) -> Config:
    from exporter import config

    return config.load(path)


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _duration(text: str) -> timedelta:
    from exporter.config import parse_duration

    try:
        return timedelta(seconds=parse_duration(text))
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OverflowError as error:
        raise UsageError(f"{text!r} is too long") from error


def _moment(text: str, now: datetime) -> datetime:
    """Read a time: RFC 3339, or how long ago (``6h``)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _ago(text, now)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _check_moments(*texts: str | None) -> None:
    """Refuse what is no time before anybody is asked for the present one."""
    for text in texts:
        if text is not None:
            _moment(text, datetime.now(UTC))


def _ago(text: str, now: datetime) -> datetime:
    try:
        return now - _duration(text)
    except (UsageError, OverflowError) as error:
        advice = "write a time such as 2026-03-04T12:00:00Z, or how long ago, such as 6h"
        raise UsageError(f"{text!r} is no time: {advice}") from error


def _role(shard: str | None, replica: str | None, *, standby: bool) -> Role:
    from exporter import assembly, shards

    chosen = shards.of_environment(os.environ) if shard is None else shards.parse(shard)
    if replica is not None and re.fullmatch(r"[A-Za-z0-9._-]{1,63}", replica) is None:
        raise UsageError(f"--replica: {replica!r} is no name: write 1 to 63 letters, digits, ., _ or -")
    return assembly.Role(chosen, replica or ("standby" if standby else "0"), standby)


@app.command()
def schema() -> None:
    """Print the JSON Schema of systems.yaml, for editors."""
    from exporter import config

    print(json.dumps(config.schema(), indent=2))


@app.command()
def check(
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="look at the file only")] = False,
    write_plan: Annotated[bool, typer.Option("--plan", help="write the intervals that fit the budget")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the file; then, system by system, what can be measured, what cannot, and the fix; and what it all costs."""
    from exporter import observer_document, observer_terminal, pricing
    from exporter.observer.review import review

    try:
        loaded = _load(config)
        prices = pricing.load(loaded.exporter.prices, systems=len(loaded.systems), file=str(config))
    except ConfigError as error:
        if not as_json:
            raise
        _print_json({"mistakes": observer_document.mistakes(error.mistakes)})
        sys.exit(error.exit_status)
    if write_plan and loaded.exporter.budget_monthly_usd is None:
        raise UsageError(f"--plan: {config} names no budget: set exporter.budget.monthly_usd")
    assessed = None if offline else _assessed(loaded)
    facts = {} if assessed is None else {each.system.id: each.facts for each in assessed}
    reviewed = review(loaded, prices, facts)
    written = write_plan and _write_plan(config, reviewed.plan)
    if as_json:
        head = {"file": str(config), "systems": len(loaded.systems), "mistakes": []}
        _print_json({**head, **_documented(assessed), "cost": observer_document.costs(reviewed, written=written)})
    else:
        console = Console()
        console.print(f"{config}: {_counted(len(loaded.systems))}, no mistakes", soft_wrap=True, highlight=False)
        if assessed is not None:
            _show_assessed(assessed, console)
        console.print(observer_terminal.costs(reviewed, written=written))
        if reviewed.plan is not None and reviewed.plan.fits and reviewed.plan.changes and not written:
            # On one line, however long: it is there to be copied.
            console.print(f"exporter check --plan -c {config}  # writes them", soft_wrap=True, highlight=False)
    misses_budget = write_plan and reviewed.plan is not None and not reviewed.plan.fits
    if misses_budget or any(each.level == "not" for each in assessed or ()):
        sys.exit(1)


def _assessed(loaded: Config) -> list[Assessment]:
    from exporter import assembly, checking

    with assembly.parts(loaded) as parts:
        return checking.assess(parts, parts.clients.now())


def _documented(assessed: list[Assessment] | None) -> dict[str, Any]:
    if assessed is None:
        return {}
    from exporter import document

    return document.assessments(assessed)


def _show_assessed(assessed: list[Assessment], console: Console) -> None:
    from exporter import terminal

    console.print(terminal.assessments(assessed, console.width))
    console.print()


def _counted(systems: int) -> str:
    return f"{systems} system{'' if systems == 1 else 's'}"


def _write_plan(config: Path, plan: Plan | None) -> bool:
    """Write a plan that keeps the budget into the file; returns whether there was anything to write."""
    from exporter.config import editing

    if plan is None or not plan.fits or not plan.changes:
        return False
    editing.set_intervals(config, {change.system.id: change.interval_s for change in plan.changes})
    return True


@app.command()
def once(
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    since: Annotated[str | None, typer.Option(help="where to start without a watermark: 6h, or a time")] = None,
    as_json: AsJson = False,
) -> None:
    """Do what is due once, and exit; for cron."""
    loaded = _load(config)
    _check_moments(since)
    from exporter import assembly, document, terminal

    with assembly.parts(loaded) as parts:
        now = parts.clients.now()
        start = None if since is None else _moment(since, now)
        report = assembly.exporter(parts, since=start).cycle(now)
    terminal.Screen(as_json=as_json)(report)
    if not document.succeeded(report):
        sys.exit(1)


@app.command()
def run(
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    since: Annotated[str | None, typer.Option(help="where to start without a watermark: 6h, or a time")] = None,
    shard: Annotated[str | None, typer.Option(help="measure one part of the fleet: I/N, such as 2/3")] = None,
    replica: Annotated[str | None, typer.Option(help="name that tells exporters of the same shard apart")] = None,
    standby: Annotated[bool, typer.Option("--standby", help="do only what others leave undone")] = False,
    listen: ListenAt = None,
    as_json: AsJson = False,
) -> None:
    """Run on schedule, as a daemon, until it is stopped."""
    _daemon(config, since, _role(shard, replica, standby=standby), listen, on_schedule=True, as_json=as_json)


@app.command()
def serve(
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    since: Annotated[str | None, typer.Option(help="where to start without a watermark: 6h, or a time")] = None,
    listen: ListenAt = None,
    as_json: AsJson = False,
) -> None:
    """Serve HTTP, and do what is due when `POST /cycle` asks for it; for Cloud Scheduler and Cloud Run."""
    _daemon(config, since, _role(None, None, standby=False), listen, on_schedule=False, as_json=as_json)


def _daemon(
    config: Path, since: str | None, role: Role, listen: str | None, *, on_schedule: bool, as_json: bool
) -> None:
    loaded = _listening(config, listen)
    _check_moments(since)
    from exporter import logs, running, terminal

    on_terminal = sys.stderr.isatty()
    logs.configure(sys.stderr, as_json=not on_terminal)
    if on_terminal:
        # Cycles are shown as lines already.
        logging.getLogger("exporter.cycle").setLevel(logging.WARNING)
    options = running.Options(role, None if since is None else _moment(since, datetime.now(UTC)))
    with terminal.lines(as_json=as_json) as show:
        (running.run if on_schedule else running.serve)(loaded, options, show)
    _leave()


def _listening(config: Path, listen: str | None) -> Config:
    loaded = _load(config)
    if listen is None:
        return loaded
    from exporter.config.listening import listening

    return listening(loaded, listen)


def _leave() -> None:
    """End the process at once: threads that wait for an API that hangs would keep it alive."""
    sys.stdout.flush()
    os._exit(0)


@app.command()
def console(
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    dashboards: Annotated[Path | None, typer.Option(help="show the dashboards (*.json) of this directory, too")] = None,
    listen: ListenAt = None,
) -> None:
    """Show the fleet in a browser: dashboards, comparisons, correlations, incidents; measures nothing itself."""
    loaded = _listening(config, listen)
    from exporter import logs, running

    logs.configure(sys.stderr, as_json=not sys.stderr.isatty())
    running.show(loaded, dashboards, lambda address: print(f"Console: {address}  (Ctrl-C ends)", flush=True))
    _leave()


@app.command()
def report(
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    begin: Annotated[str, typer.Option("--from", help="start: a time, or how long ago (6h)")],
    end: Annotated[
        str | None, typer.Option("--to", help="end: a time, or how long ago; default: what is complete")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="print CSV")] = False,
    parquet: Annotated[Path | None, typer.Option(help="write a Parquet file instead")] = None,
) -> None:
    """Measure a past range afresh, window by window, and write nothing to the sink."""
    loaded = _load(config)
    _check_moments(begin, end)
    from exporter import assembly, document, reporting, terminal

    with assembly.parts(loaded) as parts:
        now = parts.clients.now()
        complete = now - parts.collector.delivery_delay(loaded.systems)
        last = complete if end is None else _moment(end, now)
        first = _moment(begin, now)
        if not first < last <= complete:
            raise UsageError(
                f"--from {document.rfc3339(first)} must lie before --to {document.rfc3339(last)}, "
                f"and --to not after {document.rfc3339(complete)}, up to where the sources are complete"
            )
        measured = reporting.measure(parts, first, last)
    rows = document.report_rows(measured)
    if parquet is not None:
        document.write_parquet(rows, parquet)
    elif as_json:
        _print_json(document.report(measured))
    elif as_csv:
        document.write_csv(rows, sys.stdout)
    else:
        console = Console()
        console.print(terminal.report(measured, console.width))
    for note in () if as_json else measured.notes:
        print(note, file=sys.stderr)
    if measured.failures:
        for failure in measured.failures:
            print(f"{failure.source}: {failure.system or 'all'}: {failure.message}", file=sys.stderr)
        sys.exit(1)


@app.command()
def sandbox(
    *,
    systems: Annotated[int, typer.Option(help="how many systems, 1 to 5000")] = 50,
    history: Annotated[str, typer.Option(help="how much past to lay down")] = "1h",
    scenario: Annotated[str | None, typer.Option(help="faults to inject; see docs/sandbox.md")] = None,
    latency: Annotated[str | None, typer.Option(help="delay of each call: bigquery=300ms,monitoring=30ms")] = None,
    seed: Annotated[int, typer.Option(help="same seed and times, same data")] = 1,
    now: Annotated[str | None, typer.Option(help="start the clock at this time")] = None,
    speed: Annotated[float, typer.Option(help="virtual seconds per second; 0 stands still")] = 1.0,
    like: Annotated[Path | None, typer.Option(help="behave as a verify-report.json says")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve a local Google Cloud with a fleet of pipelines, until it is interrupted."""
    from exporter import sandboxing

    options = sandboxing.options(
        systems=systems,
        history=_duration(history),
        scenario=scenario,
        latency=latency,
        seed=seed,
        now=None if now is None else _moment(now, datetime.now(UTC)),
        speed=speed,
        like=like,
    )
    describe = sandboxing.address_line if as_json else sandboxing.description
    sandboxing.serve(options, lambda addresses: print(describe(addresses), flush=True))


@app.command()
def verify(
    *,
    project: Annotated[str, typer.Option(help="where the throwaway pipelines are made")],
    location: Annotated[str, typer.Option(help="of the dataset: a region, US or EU")] = "us-central1",
    region: Annotated[str | None, typer.Option(help="of the series that are written; default: the location's")] = None,
    only: Annotated[str | None, typer.Option(help="ask these questions only: A01,M03")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="leave everything there in the end")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask for consent")] = False,
    cleanup: Annotated[bool, typer.Option("--cleanup", help="only remove what any run left behind")] = False,
    resume: Annotated[
        Path | None, typer.Option(help="remember in this directory, and go on where a run stopped there")
    ] = None,
    out: Annotated[Path, typer.Option(help="the report")] = Path("verify-report.json"),
    config: Annotated[Path | None, typer.Option("--config", "-c", help="ask the sandbox that this file names")] = None,
) -> None:
    """Ask a real account, on throwaway pipelines, whether everything is as the exporter believes; costs cents."""
    endpoints = None if config is None else _load(config).endpoints
    from exporter import logs, verify_terminal, verifying

    logs.configure(sys.stderr, as_json=False)
    logging.getLogger().setLevel(logging.ERROR)
    chosen = () if only is None else tuple(name.strip().upper() for name in only.split(",") if name.strip())
    options = verifying.Options(
        project, location, region, chosen, keep, yes, sys.stdin.isatty() and sys.stderr.isatty(), resume, out
    )
    options = options if endpoints is None else options.at(endpoints)
    screen = verify_terminal.Screen()
    if cleanup:
        verifying.clean_up(options, screen)
    elif not verifying.verify(options, screen):
        sys.exit(1)


@app.command()
def render(
    what: Annotated[Rendered, typer.Argument(help="dashboards or alert policies")],
    config: ConfigFile = DEFAULT_CONFIG,
    *,
    backend: Annotated[
        Backend | None, typer.Option(help="where metrics are looked for; without it, what exporter.sinks writes to")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="write NAME.json files into this directory")] = None,
) -> None:
    """Print what Terraform applies: dashboards and alert policies as JSON of Cloud Monitoring's API, by name."""
    from exporter.config import load
    from exporter.rendering import alerts, dashboards, writing

    fleet = load(config)
    renderer = dashboards.render if what is Rendered.DASHBOARDS else alerts.render
    documents = renderer(fleet, backend or backend_of(fleet))
    if out is None:
        print(writing.joined(documents))
    else:
        writing.write(documents, out, what.value)


@app.command()
def demo(
    *,
    systems: Annotated[int, typer.Option(min=1, max=5000, help="how many systems")] = 50,
    history: Annotated[str, typer.Option(help="how much past to lay down")] = "1h",
    scenario: Annotated[str | None, typer.Option(help="faults to inject; see docs/sandbox.md")] = None,
    seed: Annotated[int, typer.Option(help="same seed and times, same data")] = 1,
    run_once: Annotated[bool, typer.Option("--once", help="one cycle, then exit")] = False,
    as_json: AsJson = False,
    dump: Annotated[Path | None, typer.Option(help="write everything that happened into this directory")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="of the console; default: 8080, or any that is free")
    ] = None,
) -> None:
    """Watch a fleet: a sandbox with traffic, the exporter that measures it, and the console that shows it."""
    from exporter import demonstration, terminal

    options = demonstration.Options(systems, _duration(history), scenario, seed, run_once, dump, port)
    # Without this a SIGTERM would leave the sandbox behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    screen = terminal.Screen(as_json=as_json)
    if not demonstration.run(options, screen, screen.announce):
        sys.exit(1)
