"""Texts of dashboards are anybody's: what becomes of them can do nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.console.dashboards import markdown

_INLINE = {"br", "strong", "em", "s", "code", "a"}
_BLOCKS = {"p", "hr", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"}
TAGS = _INLINE | _BLOCKS | {"table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = frozenset({"href", "title", "target", "rel", "align", "start", "class"})


class Seen(HTMLParser):
    """The tags and attributes of a piece of HTML, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag


def assert_harmless(html: str) -> None:
    for tag, attributes in Seen(html).tags:
        assert tag in TAGS
        assert attributes.keys() <= ATTRIBUTES
        if tag == "a":
            link = (attributes["href"] or "").strip().lower()
            assert link.startswith(("http://", "https://")) or ":" not in link.split("/")[0].split("?")[0].split("#")[0]
            assert attributes["rel"] == "noopener noreferrer"
            assert attributes["target"] == "_blank"


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](mailto:a@b.c)",
    "<javascript:alert(1)>",
    "![x](http://tracker.example/pixel.png)",
    "![x](javascript:alert(1))",
    '[x](http://a "><script>alert(1)</script>")',
    '[x](http://a" onmouseover="alert(1))',
    "[x]: javascript:alert(1)\n\n[x]",
    "```<script>\nx\n```",
    '``` "><script>\nx\n```',
    "<!-- --><svg/onload=alert(1)>",
    "<style>*{background:url(http://x)}</style>",
    "| a |\n|:-:|\n| <b onclick=x> |",
    "`</code><script>alert(1)</script>`",
    "&lt;script&gt;",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(attack: str) -> None:
    assert_harmless(markdown.render(attack))
    assert_harmless(markdown.plain(attack))


@given(text=st.text(st.sampled_from("<>[]()!\"'`&;:#/\\|-_*\n\tjavascriptonload=x 1")) | st.text())
@example("![![](javascript:x)](data:x)")
def test_anything(text: str) -> None:
    assert_harmless(markdown.render(text))
    assert not {tag for tag, _ in Seen(markdown.plain(text)).tags} - {"p", "br"}


@pytest.mark.parametrize(
    "link", ["http://a.example/b?c=d#e", "HTTPS://a.example", "/systems/a", "b?x=1:2", "#c:d", "../e"]
)
def test_links_to_pages_stay(link: str) -> None:
    found = Seen(markdown.render(f"[x]({link})")).tags
    assert found[1] == ("a", {"href": link, "target": "_blank", "rel": "noopener noreferrer"})


def test_what_is_written() -> None:
    assert (
        markdown.render("# A\n\n~~b~~ *c*\n\n- d\n")
        == "<h1>A</h1>\n<p><s>b</s> <em>c</em></p>\n<ul>\n<li>d</li>\n</ul>\n"
    )
    assert '<th align="right">a</th>' in markdown.render("| a |\n|--:|\n| b |\n")
    assert markdown.render("![a *b*](http://c)") == "<p>a *b*</p>\n"
    assert markdown.plain("") == ""


@pytest.mark.parametrize("piece", [">", "[", "*", "`", "- ", "![](", "|\n", "<a", "\\", "~~a ", "[a](", "&"])
def test_nothing_takes_long(piece: str) -> None:
    """Within the length that a widget may have; the whole suite would time out else."""
    text = (piece * 20_000)[:20_000]
    assert len(markdown.render(text)) < 2_000_000
