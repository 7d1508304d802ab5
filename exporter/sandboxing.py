"""The command ``sandbox``: options, progress bar and signals around the local Google Cloud."""

from __future__ import annotations
