"""Takes out of a report what names somebody or opens doors: projects, numbers, addresses, tokens, bodies of messages."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.redaction import redacted
from exporter.verify.lab import Place
from exporter.verify.messages import MARK

_EMAIL = re.compile(r"[A-Za-z0-9_.+%-]+@[A-Za-z0-9.-]*[A-Za-z0-9]")
_GOOD = re.compile(rf"""\{{\s*\\*["']?{MARK}\\*["']?\s*:[^{{}}]*\}}?""")
_BAD = re.compile(rf"{MARK} [0-9a-f]{{12}}(?: \S+(?: \d+(?:: this is no JSON \{{)?)?)?")
"""Bodies as they are published, and what is left of them where an error quotes the beginning only."""

_ENCODED = tuple(
    re.compile(re.escape(base64.b64encode(start.encode()).decode().rstrip("=")[:-1]) + r"[A-Za-z0-9+/_=-]*")
    for start in (f'{{"{MARK}"', f"{MARK} ")
)
"""Bodies as JSON of BigQuery and Pub/Sub has them: base64 that begins as every body does."""

_PAYLOADS = ("data", "payload", "body")
"""Keys whose text is a payload, whatever it is."""


class Scrub:
    """Replaces what must not be told, in strings, keys and numbers of any JSON."""

    def __init__(self, place: Place, project_number: str | None) -> None:
        self._number = project_number
        names = [(place.project, "PROJECT"), (place.run, "RUN"), (str(Path.home()), "HOME")]
        if project_number is not None:
            names.append((project_number, "PROJECT_NUMBER"))
        # The longest first: one name may be part of another.
        self._names = sorted(names, key=lambda pair: -len(pair[0]))

    def text(self, text: str) -> str:
        """A text without them."""
        for encoded in _ENCODED:
            text = encoded.sub("BODY", text)
        text = redacted(_EMAIL.sub("EMAIL", _BAD.sub("BODY", _GOOD.sub("BODY", text))))
        for name, instead in self._names:
            text = re.sub(re.escape(name), instead, text, flags=re.IGNORECASE)
        return text

    def json(self, value: Any) -> Any:
        """JSON without them; what is no JSON is written as text."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._entry(str(key), each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.json(each) for each in value]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return "PROJECT_NUMBER" if self._number is not None and self._number in str(value) else value
        return self.text(value if isinstance(value, str) else repr(value))

    def _entry(self, key: str, value: Any) -> Any:
        return "BODY" if key.lower() in _PAYLOADS and isinstance(value, str | bytes) else self.json(value)
