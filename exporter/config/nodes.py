"""YAML as nodes that know their line, and the list of mistakes that grows while they are read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import yaml
from yaml.composer import ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode

from exporter.errors import ConfigError, Mistake

_TAG = "tag:yaml.org,2002:"
_NAMES = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "seq": "a list",
    "map": "a mapping",
}


class Findings:
    """Mistakes of one file; reading goes on after each, so that all are reported at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._mistakes: dict[Mistake, None] = {}

    def add(self, line: int, key: str, message: str) -> None:
        """Note a mistake."""
        self._mistakes.setdefault(Mistake(self._file, line, key, message))

    def at(self, node: Node, key: str, message: str) -> None:
        """Note a mistake where a node begins."""
        self.add(line_of(node), key, message)

    def raise_if_any(self) -> None:
        """Raise ``ConfigError`` with every mistake in file order."""
        if self._mistakes:
            raise ConfigError(sorted(self._mistakes, key=lambda mistake: mistake.line))


def line_of(node: Node) -> int:
    """The line on which a node begins, from 1."""
    return int(node.start_mark.line) + 1


def kind_of(node: Node) -> str:
    """The YAML type of a node: ``str``, ``int``, ``float``, ``bool``, ``null``, ``seq``, ``map``, ``timestamp``, ..."""
    return str(node.tag).removeprefix(_TAG)


def described(node: Node) -> str:
    """What a node is, in words, with its text where it is short."""
    name = _NAMES.get(kind_of(node), printable(kind_of(node)))
    if isinstance(node, ScalarNode) and kind_of(node) != "null" and len(node.value) <= 40:
        return f"{name} ({node.value!r})"
    return name


def compose(text: str, findings: Findings) -> Node | None:
    """Parse one YAML document; what is no YAML is a mistake, and gives None."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except ComposerError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        several = error.problem == "but found another document"
        problem = "a second document begins here" if several else printable(error.problem or "bad alias")
        findings.add(line, "", f"{problem}: keep one document, and define an anchor before it is used")
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        problem = printable(error.problem or error.context or "")
        findings.add(line, "", f"not valid YAML: {problem}; check indentation, quotes and brackets")
        return None
    except yaml.YAMLError as error:
        findings.add(_line_of_reader(text, error), "", f"not valid YAML: {_first_line(error)}; remove the character")
        return None
    except (RecursionError, ValueError, OverflowError) as error:  # nesting; escapes and versions out of range
        problem = "nested too deeply" if isinstance(error, RecursionError) else _first_line(error)
        findings.add(1, "", f"not usable YAML: {problem}; write it as in systems.example.yaml")
        return None
    if node is None:
        findings.add(1, "", "the file is empty: start from systems.example.yaml")
    return node


def _line_of_reader(text: str, error: yaml.YAMLError) -> int:
    position = getattr(error, "position", 0)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _first_line(error: Exception) -> str:
    return printable(str(error).split("\n", 1)[0])


def printable(text: str) -> str:
    """Text of the file as it may be printed: on one line, at most 80 characters, nothing that steers a terminal."""
    text = text if len(text) <= 80 else f"{text[:79]}…"
    return text if text.isprintable() else repr(text)[1:-1]


def entries(node: Node, key: str, known: Iterable[str], findings: Findings) -> dict[str, Node]:
    """Keys and values of a mapping; unknown, repeated and strange keys are mistakes and are left out."""
    if not isinstance(node, MappingNode):
        findings.at(node, key, f"must be a mapping of keys to values, not {described(node)}")
        return {}
    names = list(known)
    found: dict[str, Node] = {}
    for name_node, value in node.value:
        if not isinstance(name_node, ScalarNode):
            findings.at(name_node, key, "a key must be a plain word")
            continue
        name = name_node.value
        path = f"{key}.{printable(name)}" if key else printable(name)
        if kind_of(name_node) == "merge":
            findings.at(name_node, path, "merge keys are not supported: put what systems share under defaults")
        elif name in found:
            findings.at(name_node, path, "the key is given twice: remove one")
        elif name not in names:
            findings.at(name_node, path, f"unknown key{_nearest(name, names)}; known: {', '.join(names)}")
        else:
            found[name] = value
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]}?" if close else ""
