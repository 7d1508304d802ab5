"""How arguments fit parameters: common types, coercion, and the errors for what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from exporter.sandbox.bigquery.binder import Binder
from exporter.sandbox.bigquery.casts import coerce
from exporter.sandbox.bigquery.errors import ApiError
from exporter.sandbox.bigquery.scope import Value, merge
from exporter.sandbox.bigquery.types import (
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    JSON,
    NUMBERS,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    supertype,
)


def signature_error(binder: Binder, what: str, parts: Sequence[Value], node: exp.Expr) -> ApiError:
    """The error for argument types that no signature takes."""
    kinds = ", ".join(str(part.type) for part in parts)
    return binder.fail(f"No matching signature for {what} for argument types: {kinds}", node)


def together(parts: Sequence[Value]) -> list[Value] | None:
    """Values coerced to their common type, or None; constants follow the others."""
    common: Type | None = parts[0].type
    for part in parts[1:]:
        common = supertype(common, part.type) if common is not None else None
    if common is None:
        common = next((part.type for part in parts if not part.constant and part.type.kind != "NULL"), parts[0].type)
    if common.kind == "NULL":
        return list(parts)
    done = [value for value in (coerce(part, common) for part in parts) if value is not None]
    return done if len(done) == len(parts) else None


def truth(binder: Binder, value: Value, what: str, node: exp.Expr) -> Value:
    """The value where a BOOL is needed."""
    if value.type.kind == "NULL":
        return Value("CAST(NULL AS BOOLEAN)", BOOL)
    if value.type != BOOL:
        raise signature_error(binder, f"operator {what}", [value], node)
    return value


KINDS = {
    "I": INT64,
    "F": FLOAT64,
    "S": STRING,
    "B": BYTES,
    "L": BOOL,
    "D": DATE,
    "M": DATETIME,
    "H": TIME,
    "T": TIMESTAMP,
    "J": JSON,
}
"""Letters of :class:`Signature` for types; ``N`` is any number, ``A`` any array, ``*`` anything."""

Result = Type | int | Callable[[Sequence[Value]], Type]


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function: letters of its parameters, its result, and its DuckDB SQL.

    A letter with ``?`` may be left out, one with ``+`` repeats. ``result`` is a type, the number of the argument whose type it
    is, or a function of the arguments. ``sql`` is a template over ``{0}``, ``{1}``, ... and ``{all}``, or a function.
    """

    letters: str
    result: Result
    sql: str | Callable[[Sequence[Value]], str]
    constant: bool = False

    def bind(self, parts: Sequence[Value]) -> Value | None:
        """The call with these arguments, or None where they do not fit."""
        fitted = self._fit(parts)
        if fitted is None:
            return None
        if callable(self.sql):
            sql = self.sql(fitted)
        else:
            texts = [part.sql for part in fitted]
            sql = self.sql.format(*texts, *([""] * 6), all=", ".join(texts))
        kind = self.result
        if isinstance(kind, int):
            kind = fitted[kind].type
        elif not isinstance(kind, Type):
            kind = kind(fitted)
        return merge(sql, kind, fitted)

    def _fit(self, parts: Sequence[Value]) -> list[Value] | None:
        letters = self.letters.split()
        if letters and letters[-1].endswith("+"):
            last = letters.pop().rstrip("+")
            letters += [last] * max(1, len(parts) - len(letters))
        required = sum(not letter.endswith("?") for letter in letters)
        if not required <= len(parts) <= len(letters):
            return None
        fitted = [fit(part, letter.rstrip("?")) for part, letter in zip(parts, letters, strict=False)]
        done = [part for part in fitted if part is not None]
        return done if len(done) == len(parts) else None


def fit(value: Value, letter: str) -> Value | None:
    """The value as a parameter of a letter's type, or None."""
    if letter == "*":
        return value
    if letter == "N":
        return coerce(value, INT64) if value.type.kind == "NULL" else value if value.type.kind in NUMBERS else None
    if letter == "A":
        return value if value.type.kind in ("ARRAY", "NULL") else None
    return coerce(value, KINDS[letter])


def bind(binder: Binder, name: str, options: Sequence[Signature], parts: Sequence[Value], node: exp.Expr) -> Value:
    """The first signature that fits; raises ``ApiError`` in the words of BigQuery."""
    for signature in options:
        value = signature.bind(parts)
        if value is not None:
            return value
    raise signature_error(binder, f"function {name}", parts, node)
