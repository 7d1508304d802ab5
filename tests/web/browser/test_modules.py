"""The modules of the console alone, in a browser but without data: they load, and say values in words of people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

import exporter.web
from exporter.web.app import application
from exporter.web.guard import LoopbackGuard
from exporter.web.routes import pages
from exporter.web.server import Server
from tests.web.browser.looking import Look, looking
from tests.web.conftest import LOOPBACK, ask

STATIC = Path(exporter.web.__file__).parent / "static"
UNITS = [
    (0.25, "s", "250 ms"),
    (1.5, "s", "1.5 s"),
    (90, "s", "1 min 30 s"),
    (7200, "s", "2 h"),
    (200_000, "s", "2 d 8 h"),
    (3599.6, "s", "1 h"),
    (71.3, "s", "1 min 11 s"),
    (0.0000042, "s", "4.2 µs"),
    (0, "s", "0 s"),
    (1967.9, "ms", "1.97 s"),
    (0, "By", "0 B"),
    (1536, "By", "1.5 KiB"),
    (3 * 1024**3, "By", "3 GiB"),
    (2048, "By/{query}", "2 KiB/query"),
    (0.0000021, "{USD}", "$0.0000021"),
    (0.0000000003604, "{USD}/{message}", "$0.36 per billion messages"),
    (0.0000021, "{USD}/{message}", "$2.10 per million messages"),
    (0.0021, "{USD}/{message}", "$0.0021/message"),
    (0, "{USD}/{message}", "$0/message"),
    (0.5, "{USD}", "$0.50"),
    (12.3, "{USD}", "$12.30"),
    (1234.5, "{USD}", "$1,235"),
    (0.012, "{USD}/h", "$0.012/h"),
    (0.1234, "10^2.%", "12.3%"),
    (0.99953, "10^2.%", "99.953%"),
    (0.9999997, "10^2.%", "99.99997%"),
    (1, "10^2.%", "100%"),
    (0, "10^2.%", "0%"),
    (42, "%", "42%"),
    (1, "{message}", "1 message"),
    (1234, "{message}", "1,234 messages"),
    (163.8, "{message}", "164 messages"),
    (9.5, "{message}", "9.5 messages"),
    (2, "{query}", "2 queries"),
    (2_500_000, "{message}", "2.5 M messages"),
    (12.34, "{message}/s", "12.3 messages/s"),
    (3, "1/s", "3/s"),
    (7, "1", "7"),
    (-3, "1", "\N{MINUS SIGN}3"),
    (123456, "1", "123 k"),
    (0.00012, "1", "0.00012"),
    (None, "s", "\N{EN DASH}"),
    ("ACTIVE", "1", "ACTIVE"),
    (True, "1", "yes"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = Server(application(None, LoopbackGuard(), None, [pages.router()]), LOOPBACK)
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
def look(context: BrowserContext, address: str) -> Iterator[Look]:
    """A page without an API: it says so, and that is all that it may complain of."""
    with looking(context, address) as found:
        found.open("/open")
        assert all("404" in each for each in found.wrong)
        found.wrong.clear()
        yield found


def test_every_module_loads(look: Look) -> None:
    names = [path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js") if path.name != "main.js"]
    assert len(names) > 30
    script = "async (names) => (await Promise.all(names.map((name) => import(`/static/${name}`)))).map((m) => Object.keys(m).length)"
    assert all(count > 0 for count in look.page.evaluate(script, names))


def test_values_are_said_in_units_of_people(look: Look) -> None:
    cases = [(value, unit) for value, unit, _ in UNITS]
    said = look.module("units.js", "a.map(([value, unit]) => m.format(value, unit))", cases)
    assert said == [text for _, _, text in UNITS]


def test_ticks_are_round_in_the_unit_that_is_read(look: Look) -> None:
    cases = [(0, 200, "s"), (0, 7000, "s"), (0, 3 * 1024**2, "By"), (0, 0.9, "1"), (0.98, 1, "10^2.%")]
    script = "a.map(([low, high, unit]) => m.valueTicks(low, high, unit).map((tick) => m.format(tick, unit, { words: false })))"
    assert look.module("units.js", script, cases) == [
        ["0 s", "1 min", "2 min", "3 min"],
        ["0 s", "30 min", "1 h", "1.5 h"],
        ["0 B", "1 MiB", "2 MiB", "3 MiB"],
        ["0", "0.2", "0.4", "0.6", "0.8"],
        ["98%", "98.5%", "99%", "99.5%", "100%"],
    ]


def test_ticks_of_counts_are_whole_as_their_texts_are(look: Look) -> None:
    assert look.module("units.js", "m.valueTicks(0, 12, '{message}', 5)") == [0, 3, 6, 9, 12]


def test_fifty_lines_differ_in_colour_or_dashes(look: Look) -> None:
    script = "Array.from({ length: 50 }, (_, at) => [m.seriesColour('x', at), m.seriesDash('x', at)].join())"
    assert len(set(look.module("palette.js", script))) == 50


def test_a_legend_of_thousands_says_how_many_it_leaves_out(look: Look) -> None:
    script = """(() => { const legend = new m.Legend(() => {}, () => {});
      legend.update(Array.from({ length: 2000 }, (_, at) => ({ key: `${at}`, colour: '--bad',
        series: { name: `${at}`, metric_type: 'x/y', unit: '1', values: [1], value_type: 'double' } })));
      return [legend.list.querySelectorAll('button').length, legend.list.lastChild.textContent]; })()"""
    assert look.module("legends.js", script) == [60, "and 1940 more: see the table"]


def test_cards_say_how_long_a_point_is_and_which_range_is_theirs(look: Look) -> None:
    script = (
        "m.notesOf([{ query: 'a' }, { query: 'b' }], { a: { stretched: true, step_s: 10800 }, b: { step_s: 60 } }, a)"
    )
    assert look.module("frames.js", script, {"last_s": 2_592_000}) == ["each point: 3 h", "last 30 days"]
    assert look.module("frames.js", script) == ["each point: 3 h"]


def test_long_attributes_of_dead_letters_stay_beside_their_values(look: Look) -> None:
    script = """(() => { document.querySelector('main').append(m.letter({ message_id: '1', text: 'x',
        publish_time: '2026-10-01T00:00:00Z',
        attributes: { CloudPubSubDeadLetterSourceSubscriptionProject: 'a-project-of-flights-far-away' } }));
      const [name, value] = ['dt', 'dd'].map((tag) => [...document.querySelectorAll(`.letter ${tag}`)].at(-1));
      const words = document.createRange();
      words.selectNodeContents(name);
      return [words.getBoundingClientRect().right <= value.getBoundingClientRect().left,
        value.getBoundingClientRect().height < 40]; })()"""
    assert look.module("dead_letters.js", script) == [True, True]


def test_times_of_records_always_have_seconds(look: Look) -> None:
    assert look.module("times.js", "m.exactMoment(a)", 1_893_456_000_000) == "1 Jan 2030 00:00:00"


def test_addresses_that_are_no_pages_show_the_shell_to_browsers_only(look: Look, address: str) -> None:
    look.page.goto(f"{address}/nowhere/at/all")
    look.settle()
    assert look.page.title() == "Not found · Pipelines"
    look.wrong.clear()
    html = [("Accept", "text/html,*/*;q=0.8")]
    shown = ask(address, "GET", "/nowhere", html)
    assert shown.status == 404
    assert b"<!doctype html>" in shown.body
    for path, headers in {"/nowhere": [], "/api/nowhere": html, "/static/nowhere.js": html}.items():
        refused = ask(address, "GET", path, headers)
        assert (refused.status, json.loads(refused.body)["status"]) == (404, 404)
    look.page.goto(f"{address}/compare/?last=1h")
    assert look.page.url == f"{address}/compare?last=1h"
    look.settle()
    look.wrong.clear()


def test_one_range_is_left_in_an_address_with_two(look: Look) -> None:
    look.page.goto(f"{look.address}/open?last=3h&start=2026-10-01T00:00:00Z&end=2026-10-01T06:00:00Z")
    look.settle()
    assert look.page.url.endswith("/open?start=2026-10-01T00:00:00Z&end=2026-10-01T06:00:00Z")
    look.wrong.clear()


def test_cells_that_would_be_formulas_are_text(look: Look) -> None:
    rows = [["=1+1", "+1", "@x", -1.5, None], ['say "a,b"', "two\nlines", "plain", 0, "-2"]]
    assert look.module("csv.js", "m.csv(['a', '-b'], a)", rows) == (
        'a,\'-b\r\n\'=1+1,\'+1,\'@x,-1.5,\r\n"say ""a,b""","two\nlines",plain,0,\'-2\r\n'
    )


def test_coefficients_are_said_in_words(look: Look) -> None:
    cases = [(0.95, 50), (-0.75, 50), (0.5, 50), (-0.3, 50), (0.1, 50), (1, 9), (None, 0)]
    assert look.module("correlation.js", "a.map(([value, n]) => m.strength(value, n))", cases) == [
        "very strong, rising together",
        "strong, one falls as the other rises",
        "moderate, rising together",
        "weak, one falls as the other rises",
        "none to speak of",
        "too few points to say",
        "undefined",
    ]


def test_rows_of_a_table_are_merged_by_the_labels_that_all_its_columns_have(look: Look) -> None:
    def one(query: str, value: float, **labels: str) -> dict[str, object]:
        return {
            "query": query,
            "series": {"name": "-", "labels": labels, "ends_s": [1], "values": [value], "value_type": "double"},
        }

    drawn = [one("q1", 1, job="a", p="x"), one("q1", 2, job="b", p="x"), one("q2", 3, job="b", p="x", quantile="0.95")]
    found = look.module("series_tables.js", "m.merged([{ query: 'q1' }, { query: 'q2' }], a)", drawn)
    assert found == {"labels": ["job"], "rows": [["a", 1, None], ["b", 2, 3]]}


def test_the_shell_names_files_that_may_be_kept_and_asks_for_itself_each_time(address: str) -> None:
    shell = ask(address, "GET", "/systems/any")
    assert shell.headers["content-security-policy"] == pages.POLICY
    assert "unsafe-inline" not in pages.POLICY
    assert "unsafe-eval" not in pages.POLICY
    named = {part.split('"')[0] for part in shell.body.decode().split('"/static/')[1:]}
    assert len(named) > 30
    (version,) = {name.partition("/")[0] for name in named}
    for name in named:
        kept = ask(address, "GET", f"/static/{name}")
        plain = ask(address, "GET", f"/static/{name.partition('/')[2]}")
        assert (kept.status, plain.status, kept.body) == (200, 200, plain.body)
        assert "immutable" in kept.headers["cache-control"]
        assert "no-cache" in plain.headers["cache-control"]
    again = ask(address, "GET", "/", [("if-none-match", shell.headers["etag"])])
    assert (again.status, again.body) == (304, b"")
    assert ask(address, "GET", f"/static/{version}/../app.py").status == 404
    assert ask(address, "GET", "/static/nothing.js").status == 404


def test_plotly_is_packed_once_and_the_same_unpacked(address: str) -> None:
    plain = ask(address, "GET", "/static/plotly.min.js")
    packed = ask(address, "GET", "/static/plotly.min.js", [("accept-encoding", "gzip")])
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 3
    assert b"plotly.js v" in plain.body[:200]
