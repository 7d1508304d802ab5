"""The template files, and filling them in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from exporter.rendering.encoding import decode

_PACKAGED = Path(__file__).parent / "files"
_CHECKOUT = Path(__file__).parents[2]


def read(kind: str) -> Mapping[str, str]:
    """All templates of ``dashboards`` or ``alerts`` by name: from the installed package, or from the checkout that this runs in."""
    directory = next(each / kind for each in (_PACKAGED, _CHECKOUT) if (each / kind).is_dir())
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.json"))}


def fill(template: str, variables: Mapping[str, object]) -> Any:
    """The JSON that a template is for these variables; each that it names must be there.

    ``${name}`` is all that a template may hold of what Terraform's ``templatefile`` understands; ``$${`` is ``${``.
    """
    return decode(Template(template).substitute(variables))
