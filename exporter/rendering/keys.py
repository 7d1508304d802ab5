"""The keys of systems.yaml as Terraform reads them: one flat table, made from the parser's own (``exporter/config/fields.py``).

``python -m exporter.rendering.keys > terraform/modules/config/keys.json`` writes it anew; a test holds the file to the parser. HCL cannot
recurse, so a key stands under its whole path, ``systems[].objectives.data_age``; and its patterns know no looking ahead
(https://github.com/google/re2/wiki/Syntax), so what may not be is a pattern of its own.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from exporter.config import fields
from exporter.config.parser import MAX_SYSTEMS
from exporter.config.values import Choice, Duration, Kind, ListOf, Number, Parsed, Text

Rule = Mapping[str, Any]
"""What one key takes; what is empty, nought or false is left out.

``least`` and ``most`` are limits of a number, of a duration in seconds, or of how many a list holds.
"""

_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DAYS = "(?i:mon|tue|wed|thu|fri|sat|sun)(?:-(?i:mon|tue|wed|thu|fri|sat|sun))?"
_HOURS = rf"{_DAYS}(?:,{_DAYS})* {_TIME}-(?:{_TIME}|24:00) [A-Za-z0-9_+/-]+"
"""The form of active hours; which time zones there are only the parser knows."""

_MOST_REPEATED = 1000
"""Go's regular expressions repeat nothing more often than this."""

_FILE = fields.Section(
    {
        "fleet": fields.FLEET,
        "defaults": fields.DEFAULTS,
        "systems": ListOf(fields.SYSTEM, least=1),
        "exporter": fields.EXPORTER,
        "endpoints": fields.ENDPOINTS,
    },
    required=("fleet", "systems"),
)


def rules() -> dict[str, Rule]:
    """The rule of every key by its path; the path of the whole file is empty."""
    return dict(_of("", _FILE))


def written() -> str:
    """The table as JSON, a key a line, so that a change is a line of its difference."""
    lines = (f"  {json.dumps(path)}: {json.dumps(rule)}" for path, rule in rules().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _of(path: str, kind: Kind) -> Iterator[tuple[str, Rule]]:
    match kind:
        case fields.Section(known, required):
            yield path, _rule("mapping", "a mapping of keys to values", keys=list(known), required=list(required))
            for name, each in known.items():
                yield from _of(f"{path}.{name}" if path else name, each)
        case ListOf(each, least):
            limits = {"least": least, "most": MAX_SYSTEMS} if path == "systems" else {"least": least}
            yield (
                path,
                _rule("list", f"a list of at least {least}, each once" if least else "a list, each once", **limits),
            )
            yield from _of(f"{path}[]", each)
        case Number(least, most, open_ends, whole):
            yield path, _rule("number", _limits(kind), least=least, most=most, open=open_ends, whole=whole)
        case Duration(least, most, whole):
            schema = kind.schema()
            found = forms(schema["pattern"].removeprefix("^").removesuffix("$"))
            yield path, _rule("duration", schema["description"], forms=found, least=least, most=most, whole=whole)
        case Text(pattern, remedy):
            yield path, _rule("text", remedy, forms=forms(pattern))
        case Choice(words):
            yield path, _rule("text", f"one of {', '.join(words)}", forms=forms("|".join(map(re.escape, words))))
        case Parsed(_, remedy):
            yield path, _rule("text", remedy, forms=forms(_HOURS))
        case _:
            raise TypeError(f"{path}: Terraform knows no {type(kind).__name__}")


def _rule(kind: str, says: str, **more: Any) -> Rule:
    return {"kind": kind, "says": says, **{name: value for name, value in more.items() if value}}


def _limits(number: Number) -> str:
    name = "a whole number" if number.whole else "a number"
    if number.open_ends:
        return f"{name} greater than {number.least:.9g} and less than {number.most:.9g}"
    return f"{name} from {number.least:.9g} to {number.most:.9g}"


def forms(pattern: str) -> list[dict[str, str]]:
    """A pattern for a whole text, without looking ahead: one of the forms must be met, each by ``is`` and not by ``not``."""
    return [_form(alternative) for alternative in _alternatives(pattern)]


def _form(pattern: str) -> dict[str, str]:
    never = [f"{_plain(pattern[: found.start()])}(?:{found[1]})" for found in _NOT_AHEAD.finditer(pattern)]
    if _SOMETHING in pattern:
        never.append("$")
    return {"is": f"^(?:{_plain(pattern)})$", "not": f"^(?:{'|'.join(never)})" if never else ""}


_NOT_AHEAD = re.compile(r"\(\?!([^()]*)\)")
_SOMETHING = "(?=.)"


def _plain(pattern: str) -> str:
    """A pattern without what it looks ahead for, and with long repetitions in two parts."""
    return _LONG.sub(_in_parts, _NOT_AHEAD.sub("", pattern).replace(_SOMETHING, ""))


_LONG = re.compile(r"(\[[^\]]*\])\{(\d+),(\d{4,})\}")


def _in_parts(found: re.Match[str]) -> str:
    each, least, most = found[1], int(found[2]), int(found[3])
    if most <= _MOST_REPEATED:
        return found[0]
    return f"{each}{{{least},{_MOST_REPEATED}}}{each}{{0,{most - _MOST_REPEATED}}}"


def _alternatives(pattern: str) -> Iterator[str]:
    """The parts of a pattern between those ``|`` that lie in no group and in no set."""
    part, depth = "", 0
    for each in re.findall(r"\\.|\[(?:\\.|[^\]])*\]|.", pattern):
        depth += (each == "(") - (each == ")")
        if each == "|" and depth == 0:
            yield part
            part = ""
        else:
            part += each
    yield part


if __name__ == "__main__":
    sys.stdout.write(written())
