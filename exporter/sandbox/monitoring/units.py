"""The units of measure that metric descriptors may have.

Grammar: comment of ``google.api.MetricDescriptor.unit``, a subset of UCUM; its examples also have numbers before a unit
(``MiBy/10ms``, ``1000/d``) and a prefix before an annotation or the unit 1 (``k{page_views}/d``).
"""

from __future__ import annotations

import re

_NUMBER = r"(?:10\^\d+|\d+)"
_PREFIX = r"(?:[KMGTP]i|[kMGTPEZYmunpfazy])"
_UNIT = r"(?:bit|By|min|s|h|d|1|%)"
_ANNOTATION = r"\{[!-z|~]+\}"
_COMPONENT = f"(?:{_NUMBER}?(?:{_PREFIX}?{_UNIT}(?:{_ANNOTATION})?|{_PREFIX}?{_ANNOTATION})|{_NUMBER})"
_EXPRESSION = re.compile(rf"{_COMPONENT}(?:\.{_COMPONENT})*(?:/{_COMPONENT})*")


def is_unit(text: str) -> bool:
    """Whether a text is a unit of measure; the empty text is none and allowed."""
    return not text or _EXPRESSION.fullmatch(text) is not None
