"""Everything the exporter raises on purpose.

    ExporterError
    |- ConfigError          the configuration is wrong: every mistake at once, exit status 2
    |- UsageError           the command line is wrong, exit status 2
    `- SourceError          a question to an API went unanswered: a value in the cycle's report
       |- Transient         asking again later can help (time-out, 429, 5xx)
       `- Permanent         asking again cannot help until somebody acts (denied, missing, invalid)

An error says what happened; ``remedy`` says what the operator should do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ExporterError(Exception):
    """Base of every error that the exporter raises on purpose."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration file: where it is and how to put it right."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ConfigError(ExporterError):
    """A configuration that cannot be used; holds every mistake that was found, in file order."""

    exit_status = 2

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class UsageError(ExporterError):
    """A command line that cannot be carried out."""

    exit_status = 2


class SourceError(ExporterError):
    """A source that did not answer; ``reason`` is a short stable word for metrics and tests."""

    def __init__(self, reason: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.remedy = remedy


class Transient(SourceError):
    """Asking again later can help."""


class Permanent(SourceError):
    """Asking again cannot help until somebody acts."""
