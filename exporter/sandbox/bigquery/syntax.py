"""GoogleSQL text to syntax trees: SQLGlot's BigQuery parser, with function calls kept as they are written."""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.bigquery import BigQueryParser
from sqlglot.tokenizer_core import TokenType

from exporter.sandbox.bigquery.errors import ApiError, invalid_query

log = logging.getLogger(__name__)

_KEPT_PARSERS = ("ARRAY", "CAST", "EXTRACT", "SAFE_CAST", "STRING_AGG")
_TABLE_FUNCTIONS = ("APPENDS", "CHANGES")


class GoogleParser(BigQueryParser):
    """The BigQuery parser, except that functions stay ``Anonymous`` calls by the name that was written."""

    FUNCTIONS: ClassVar = {}
    FUNCTION_PARSERS: ClassVar = {
        **{name: BigQueryParser.FUNCTION_PARSERS[name] for name in _KEPT_PARSERS},
        **{name: (lambda self, name=name: self.table_function(name)) for name in _TABLE_FUNCTIONS},
    }

    def table_function(self, name: str) -> exp.Expr:
        """The arguments of a table-valued function, of which the first is ``TABLE`` and a table's name."""
        if not self._match(TokenType.TABLE):
            self.raise_error(f"Expected TABLE in the arguments of {name}")
        arguments: list[exp.Expr | None] = [self._parse_table_parts()]
        if self._match(TokenType.COMMA):
            arguments += self._parse_csv(self._parse_lambda)
        return self.expression(exp.Anonymous(this=name, expressions=arguments))


class GoogleSQL(BigQuery):
    """The dialect that the sandbox's BigQuery understands."""

    Parser = GoogleParser


class Source:
    """A statement's text and its place in the text that it was cut from, to name lines and columns in errors."""

    def __init__(self, text: str, whole: str | None = None, offset: int = 0) -> None:
        self.text = text
        self._whole = whole if whole is not None else text
        self._offset = offset
        self._lines: list[int] | None = None

    def position(self, node: exp.Expr | None) -> str:
        """`` at [line:column]`` of a node, or nothing where it is not known."""
        for inner in node.walk() if node is not None else ():
            start = inner.meta.get("start") if inner._meta else None
            if start is not None:
                return self.at(int(start))
        return ""

    def at(self, start: int) -> str:
        """`` at [line:column]`` of an offset into the text."""
        if self._lines is None:
            self._lines = [0, *(match.end() for match in re.finditer("\n", self._whole))]
        place = self._offset + start
        line = bisect_right(self._lines, place)
        return f" at [{line}:{place - self._lines[line - 1] + 1}]"

    def fail(self, message: str, node: exp.Expr | None) -> ApiError:
        """The invalidQuery error that names a node's place."""
        return invalid_query(message + self.position(node))


@contextmanager
def understood(source: Source) -> Iterator[None]:
    """Turn what a statement of an unforeseen shape does to the translation into an ``ApiError`` (invalidQuery)."""
    try:
        yield
    except (AttributeError, AssertionError, LookupError, RecursionError, TypeError, ValueError) as error:
        log.exception("no translation for %s", source.text)
        raise invalid_query(f"Statement not supported by this BigQuery: {error}") from error


def parse(source: Source) -> list[exp.Expr]:
    """The statements of a text; raises ``ApiError`` (invalidQuery) in the words of a syntax error."""
    try:
        with understood(source):
            statements = sqlglot.parse(source.text, dialect=GoogleSQL)
    except TokenError as error:
        raise _token_error(source, error) from error
    except ParseError as error:
        raise _syntax_error(source, error) from error
    found = [statement for statement in statements if statement is not None]
    if not found:
        raise invalid_query(f"Syntax error: Unexpected end of statement{source.at(len(source.text))}")
    return found


def _token_error(source: Source, error: TokenError) -> ApiError:
    text = source.text
    start = error.start or 0
    for match in re.finditer(r"'|\"|`|/\*", text):
        if match.start() >= start or text.count(match.group(), match.start()) % 2:
            start = match.start()
            break
    what = {"`": "identifier", "/": "comment"}.get(text[start : start + 1], "string literal")
    return invalid_query(f"Syntax error: Unclosed {what}{source.at(start)}")


def _syntax_error(source: Source, error: ParseError) -> ApiError:
    first = error.errors[0] if error.errors else {}
    description = str(first.get("description") or "")
    token = str(first.get("highlight") or "")
    lines = source.text.split("\n")
    line = int(first.get("line") or 1)
    end = sum(len(text) + 1 for text in lines[: line - 1]) + int(first.get("col") or 0)
    trailing = "Invalid expression" in description
    if not trailing and not source.text[end:].strip():
        return invalid_query(f"Syntax error: Unexpected end of script{source.at(len(source.text.rstrip()))}")
    found = f"{_token_kind(token)} {token!r}".replace("'", '"') if token.isidentifier() else _token_kind(token)
    place = source.at(max(0, end - len(token)))
    if expected := re.fullmatch(r"Expecting (\S+)", description):
        return invalid_query(f'Syntax error: Expected "{expected.group(1)}" but got {found}{place}')
    if trailing:
        return invalid_query(f"Syntax error: Expected end of input but got {found}{place}")
    return invalid_query(f"Syntax error: Unexpected {found}{place}")


def _token_kind(token: str) -> str:
    if token.upper() in RESERVED:
        return f"keyword {token.upper()}"
    if token.isidentifier():
        return "identifier"
    if token[:1].isdigit():
        return f'integer literal "{token}"' if token.isdigit() else f'floating point literal "{token}"'
    if token[:1] in "'\"":
        return "string literal"
    return f'"{token}"'


_RESERVED = """
ALL AND ANY ARRAY AS ASC AT BETWEEN BY CASE CAST CREATE CROSS CURRENT DEFAULT DESC DISTINCT ELSE END EXCEPT EXISTS EXTRACT
FALSE FOR FROM FULL GROUP GROUPING HAVING IF IN INNER INTERSECT INTERVAL INTO IS JOIN LEFT LIKE LIMIT MERGE NATURAL NOT NULL
NULLS ON OR ORDER OUTER OVER PARTITION QUALIFY RANGE RIGHT ROWS SELECT SET SOME STRUCT THEN TO TRUE UNION UNNEST USING WHEN
WHERE WINDOW WITH
"""
RESERVED = frozenset(_RESERVED.split())

_LEXEME = re.compile(
    r"""
    --[^\n]*|\#[^\n]*|/\*.*?\*/                               # comments
    |'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`   # what is quoted
    |[()\[\];]
    |\b(?:UNION|INTERSECT|EXCEPT|ORDER|LIMIT|WITH)\b
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_UNION_ALL = re.compile(r"UNION\s+ALL\b", re.IGNORECASE)
_COLUMN_LIST = re.compile(r"EXCEPT\s*\(", re.IGNORECASE)
_SELECT = re.compile(r"\s*SELECT\b", re.IGNORECASE)


def branches(text: str) -> list[Source]:
    """The SELECTs of a text that is nothing but ``SELECT ... UNION ALL SELECT ...``, else the text whole.

    Monitoring statements are long unions over tables of which the members change: each branch is translated and cached by itself.
    """
    cuts: list[tuple[int, int]] = []
    depth = 0
    for lexeme in _LEXEME.finditer(text):
        word = lexeme.group().upper()
        if word in "([":
            depth += 1
        elif word in ")]":
            depth -= 1
        elif depth or not (word.isalpha() or word == ";"):
            continue
        elif union := _UNION_ALL.match(text, lexeme.start()):
            cuts.append(union.span())
        elif not (word == "EXCEPT" and _COLUMN_LIST.match(text, lexeme.start())):
            return [Source(text)]
    edges = [0, *(edge for cut in cuts for edge in cut), len(text)]
    parts = [(edges[place], edges[place + 1]) for place in range(0, len(edges), 2)]
    if not cuts or not all(_SELECT.match(text, start, end) for start, end in parts):
        return [Source(text)]
    return [Source(text[start:end], text, start) for start, end in parts]
