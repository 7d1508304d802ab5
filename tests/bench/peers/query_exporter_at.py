"""Runs query-exporter without Google credentials; with query-exporter's own Python. Its address of BigQuery is BIGQUERY_EMULATOR_HOST."""

from __future__ import annotations

import os

import google.auth
from google.auth.credentials import AnonymousCredentials


def default(*_: object, **__: object) -> tuple[AnonymousCredentials, str]:
    """What ``google.auth.default`` answers where there are credentials."""
    return AnonymousCredentials(), os.environ["GOOGLE_CLOUD_PROJECT"]


google.auth.default = default

if __name__ == "__main__":
    from query_exporter.main import script  # type: ignore[import-not-found]

    script()
