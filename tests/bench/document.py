"""The tables of ``docs/benchmarks.md``, which can be read on a terminal as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from string import Template

from tests.bench import comparison, usage
from tests.bench.candidates import Sample
from tests.bench.comparison import COLD, FLOOR, QUERIES_COLD, QUERIES_WARM, SLO, WARM
from tests.bench.results import Results, calls, cpu_s, peak_rss_mib, wall_s
from tests.bench.spread import ratio, spread
from tests.bench.targets import targets

_TEXT = Path(__file__).with_name("benchmarks.md")

_AGAINST = {FLOOR: WARM, SLO: COLD, QUERIES_COLD: COLD, QUERIES_WARM: WARM}
"""With which of ours each of the others is compared: a process that starts with one that starts."""

_CADENCES_S = (300, 900)
"""How often peers run: as often as the windows of a standard system are long, and as often as it is collected."""

_REACHED = {True: "yes", False: "NO", None: "not measured"}


def text(results: Results) -> str:
    """The whole document."""
    machine, day = results.machine, results.day
    skipped = "".join(f"\nNot measured: {each}.\n" for each in results.skipped)
    return Template(_TEXT.read_text(encoding="utf-8")).substitute(
        command=results.command,
        date=machine.date,
        cores=machine.cores,
        system=machine.system,
        python=machine.python,
        systems=comparison.SYSTEMS,
        skipped=skipped,
        hours=len(day.hours),
        before_hours=day.before_hours,
        targets=table(("target", "wanted", "measured", "reached"), _targets(results)),
        rounds=table(_ROUND_HEADS, _rounds(results)),
        ratios=table(_RATIO_HEADS, _ratios(results)),
        months=table(("", "queries", "points", "reads", "together"), _months(results)),
        growth=table(_GROWTH_HEADS, _growth(results)),
        day=table(("", ""), _day(results)),
    )


def table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A Markdown table with columns as wide as their widest cell; all but the first are set to the right."""
    lines = [tuple(heads), *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    rule = "|".join("-" * (width + 1) + ("-" if place == 0 else ":") for place, width in enumerate(widths))
    drawn = [
        " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([f"| {drawn[0]} |", f"|{rule}|", *(f"| {line} |" for line in drawn[1:])])


def _targets(results: Results) -> Iterator[Sequence[str]]:
    for each in targets(results):
        yield each.name, each.wanted.strip(), each.measured.strip(), _REACHED[each.reached]


_ROUND_HEADS = ("", "wall, s", "CPU, s", "memory, MiB", "BigQuery", "reads", "writes", "points", "MiB billed")

_USED: Sequence[Callable[[Sample], float]] = (
    lambda sample: sample.used.bigquery_calls,
    lambda sample: sample.used.monitoring_reads,
    lambda sample: sample.used.monitoring_writes,
    lambda sample: sample.used.points,
    lambda sample: sample.used.bytes_billed / usage.MIB,
)


def _rounds(results: Results) -> Iterator[Sequence[str]]:
    for name in results.comparison.samples:
        taken = (results.of(name, value).text(digits) for value, digits in ((wall_s, 2), (cpu_s, 2), (peak_rss_mib, 0)))
        yield name, *taken, *(f"{results.of(name, value).median:,.0f}" for value in _USED)


_RATIO_HEADS = ("", "multiple of", "wall", "CPU", "memory", "calls", "wall / floor", "CPU / floor")


def _ratios(results: Results) -> Iterator[Sequence[str]]:
    def times(name: str, base: str, value: Callable[[Sample], float]) -> str:
        found = ratio(results.of(name, value).median, results.of(base, value).median)
        return "-" if found is None else f"{found:.2f}"

    for name in results.comparison.samples:
        base = _AGAINST.get(name)
        values = (wall_s, cpu_s, peak_rss_mib, calls)
        ours = ["-"] * len(values) if base is None else [times(name, base, value) for value in values]
        yield name, base or "-", *ours, times(name, FLOOR, wall_s), times(name, FLOOR, cpu_s)


def _months(results: Results) -> Iterator[Sequence[str]]:
    day = results.day
    lines = [("exporter, all families, windows of 300 s", usage.monthly(day.used, len(day.hours), results.prices))]
    for name in (SLO, QUERIES_WARM):
        for sample in results.comparison.samples.get(name, [])[:1]:
            for every_s in _CADENCES_S:
                bill = usage.monthly(sample.used, every_s / 3600, results.prices)
                lines.append((f"{name.removesuffix(', warm')}, every {every_s} s", bill))
    for name, bill in lines:
        parts = (bill.queries_usd, bill.points_usd, bill.reads_usd, bill.total_usd)
        yield name, *(f"{part:.2f}" for part in parts)


_GROWTH_HEADS = (
    "systems",
    "wall, s",
    "CPU, s",
    "CPU a system, ms",
    "memory, MiB",
    "calls",
    "idle cycle, s",
    "USD a system and month",
)


def _growth(results: Results) -> Iterator[Sequence[str]]:
    for each in results.growth:
        heavy, idle = each.all_families, [minute.taken.wall_s for minute in each.idle]
        monthly = usage.monthly(each.used, 1, results.prices).total_usd / each.systems
        yield (
            f"{each.systems:,}",
            f"{heavy.taken.wall_s:.2f}",
            f"{heavy.taken.cpu_s:.2f}",
            f"{1000 * heavy.taken.cpu_s / each.systems:.2f}",
            f"{heavy.taken.peak_rss_mib:.0f}",
            f"{heavy.used.calls:,.0f}",
            spread(idle).text(2),
            f"{monthly:.3f}",
        )


def _day(results: Results) -> Iterator[Sequence[str]]:
    day, first = results.day, results.day.catch_up
    an_hour = day.used * (1 / len(day.hours))
    yield "first cycle: wall", f"{first.taken.wall_s:.1f} s"
    yield "first cycle: CPU", f"{first.taken.cpu_s:.1f} s"
    yield "first cycle: points", f"{first.used.points:,.0f}"
    yield "first cycle: most memory", f"{first.taken.peak_rss_mib:.0f} MiB"
    yield "memory after each hour", f"{spread([hour.rss_mib for hour in day.hours]).text(0)} MiB"
    yield "CPU an hour", f"{spread([hour.cpu_s for hour in day.hours]).text(1)} s"
    yield "points an hour", f"{an_hour.points:,.0f}"
    yield "of them distributions", f"{an_hour.distribution_points:,.0f}"
    yield "time series read an hour", f"{an_hour.series_read:,.0f}"
    yield "MiB billed an hour", f"{an_hour.bytes_billed / usage.MIB:,.0f}"
    yield "calls an hour", f"{an_hour.calls:,.0f}"
