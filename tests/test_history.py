from __future__ import annotations

from datetime import timedelta

from exporter.history import KEPT, History
from exporter.snapshots import Landing
from tests.builders import T0, window


def test_whole_needs_every_window() -> None:
    track = History().of("s").landings
    track.add(Landing("s", window(at)) for at in (0, 300, 900))
    assert [each.window for each in track.whole(T0, T0 + timedelta(minutes=10))] == [window(0), window(300)]
    assert track.whole(T0, T0 + timedelta(minutes=20)) == []
    assert track.whole(T0 + timedelta(minutes=15), T0 + timedelta(minutes=20)) == [Landing("s", window(900))]


def test_windows_of_another_length_replace_what_they_overlap() -> None:
    track = History().of("s").landings
    track.add(Landing("s", window(at, 60)) for at in range(0, 900, 60))
    track.add([Landing("s", window(0)), Landing("s", window(300))])
    lengths = [each.window.length.total_seconds() for each in track.whole(T0, T0 + timedelta(minutes=15))]
    assert lengths == [300, 300, *[60] * 5]
    track.add([Landing("s", window(240, 60))])
    assert track.whole(T0, T0 + timedelta(minutes=15)) == []


def test_the_newest_publish_time_outlives_its_window() -> None:
    history = History()
    kept = history.of("s")
    published = T0 + timedelta(minutes=1)
    kept.landings.add([Landing("s", window(0), landed_rows=1, newest_publish=published)])
    assert kept.newest_publish_at(T0) is None
    assert kept.newest_publish_at(T0 + timedelta(minutes=5)) == published
    history.prune(T0 + 3 * KEPT, ["s"])
    assert kept.landings.newest() is None
    assert history.of("s").newest_publish_at(T0 + 3 * KEPT) == published


def test_systems_that_are_gone_are_forgotten() -> None:
    history = History()
    history.of("old").landings.add([Landing("old", window(0))])
    history.prune(T0, ["new"])
    assert history.of("old").landings.newest() is None
