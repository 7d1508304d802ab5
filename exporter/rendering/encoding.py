"""JSON as Terraform's ``jsonencode`` writes it, byte for byte: https://developer.hashicorp.com/terraform/language/functions/jsonencode."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_ESCAPES = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"})


def decode(text: str) -> Any:
    """Read JSON; numbers stay what they are, to the last digit."""
    return json.loads(text, parse_float=Decimal)


def encode(value: Any) -> str:
    """Write JSON: keys sorted, no blanks, numbers without exponent, and what HTML would mind escaped."""
    match value:
        case dict():
            return "{" + ",".join(f"{encode(name)}:{encode(value[name])}" for name in sorted(value)) + "}"
        case list():
            return "[" + ",".join(encode(each) for each in value) + "]"
        case Decimal():
            return plain(value)
        case _:
            return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)


def plain(number: Decimal) -> str:
    """A number without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
