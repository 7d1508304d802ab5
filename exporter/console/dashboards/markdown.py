"""Texts of dashboards as HTML that can do no harm: they are anybody's.

No raw HTML (it is shown as the text that it is), no images (the page asks nobody else for anything), no styles, and links to pages only.
"""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_LINK = re.compile(r"https?:|[^:/?#]*(?:[/?#]|\Z)", re.IGNORECASE)
"""How a link may begin: with http or https, or so that nothing of it is a scheme (https://www.rfc-editor.org/rfc/rfc3986#section-4.2)."""
_ALIGNMENT = "text-align:"


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Whether a link, percent-encoded by now, may be one."""
        return _LINK.match(url) is not None


def _tame(state: StateCore) -> None:
    """Links open elsewhere and learn nothing of this page, images are their descriptions, and columns are aligned without a style."""
    for token in state.tokens:
        _align(token)
        for child in token.children or ():
            if child.type == "link_open":
                child.attrs.update({"target": "_blank", "rel": "noopener noreferrer"})
            elif child.type == "image":
                child.type, child.tag, child.children = "text", "", None


def _align(token: Token) -> None:
    style = str(token.attrs.pop("style", ""))
    if style.startswith(_ALIGNMENT):
        token.attrs["align"] = style.removeprefix(_ALIGNMENT)


_MARKDOWN = _Markdown("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.core.ruler.push("tame", _tame)


def render(text: str) -> str:
    """The HTML of a text in Markdown (CommonMark, tables and strikethrough)."""
    return str(_MARKDOWN.render(text))


def plain(text: str) -> str:
    """The HTML of a text that is shown as it is."""
    return "<p>" + html.escape(text).replace("\n", "<br>\n") + "</p>\n" if text else ""
