"""An address given on the command line in place of ``exporter.listen``."""

from __future__ import annotations

import re
from dataclasses import replace

from exporter.config.fields import ADDRESS
from exporter.config.types import Config
from exporter.errors import UsageError


def listening(config: Config, address: str) -> Config:
    """The configuration with another address; raises ``UsageError`` for what is none."""
    if re.fullmatch(ADDRESS.pattern, address) is None:
        raise UsageError(f"--listen: {address!r} is no address: write HOST:PORT, such as 127.0.0.1:8080")
    host, _, port = address.rpartition(":")
    settings = replace(config.exporter, listen_host=host.strip("[]"), listen_port=int(port))
    return replace(config, exporter=settings)
