"""Headers that a collector wants, which are secrets: never in systems.yaml, never in a message.

The form is that of the OpenTelemetry specification, ``name=value,name=value`` with URL-encoded values
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/). The SDK's own reader is not used: it logs what it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from exporter.errors import UsageError

VARIABLES = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
"""The one for metrics goes before the one for everything."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[ -~]*")


def read_headers(file: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Headers of the file where there is one, else of the environment; raises ``UsageError`` that names no value."""
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "is no UTF-8 text").lower()
            raise UsageError(
                f"exporter.otlp.headers_file {file}: {reason}: name a file with NAME=VALUE lines"
            ) from error
        return _parsed(text.replace("\n", ","), f"exporter.otlp.headers_file {file}")
    for variable in VARIABLES:
        if variable in environment:
            return _parsed(environment[variable], variable)
    return {}


def _parsed(text: str, source: str) -> dict[str, str]:
    headers = {}
    for place, entry in enumerate((each for each in text.split(",") if each.strip()), start=1):
        name, equals, value = entry.partition("=")
        name, value = unquote(name.strip()), unquote(value.strip())
        if not equals or _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            remedy = (
                "write NAME=VALUE, with what is special in the value URL-encoded (%20 for a space, %2C for a comma)"
            )
            raise UsageError(f"{source}: header {place} cannot be read: {remedy}")
        headers[name.lower()] = value
    return headers


class Redactor:
    """Takes the values of headers out of a text, should somebody have sent them back."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        parts = {part for value in headers.values() for part in (value, *value.split()) if len(part) >= 6}
        self._secrets = sorted(parts, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with ``***`` for each of them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
