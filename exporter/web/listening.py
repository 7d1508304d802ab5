"""Where the server listens, and who may call it there: decided from the configuration and the environment alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from exporter.config.types import ExporterSettings
from exporter.errors import UsageError

_ANY_HOST = "0.0.0.0"  # noqa: S104 - what a container that is given $PORT has to listen on
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on, port 0 being any free one; ``auth`` is bearer, iap, cloud_run, or None on loopback."""

    host: str
    port: int
    auth: str | None = None


def listen(settings: ExporterSettings, environ: Mapping[str, str]) -> Listen:
    """Take $PORT on every interface where it is set (Cloud Run sets it), else ``exporter.listen``.

    Raises ``UsageError`` for a $PORT that is none, and for an address beyond loopback without ``exporter.auth``.
    """
    where = Listen(settings.listen_host, settings.listen_port, settings.auth)
    origin = "exporter.listen"
    if "PORT" in environ:
        where = Listen(_ANY_HOST, _port(environ["PORT"]), settings.auth)
        origin = "$PORT"
    if where.auth is None and not is_loopback(where.host):
        remedy = "exporter.auth: is missing: an address beyond loopback needs bearer, iap or cloud_run"
        raise UsageError(f"{remedy} ({origin} means {where.host}:{where.port})")
    return where


def is_loopback(host: str) -> bool:
    """Whether a host, without port and brackets, is this machine itself and nothing else."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= _LAST_PORT:
        raise UsageError(f"$PORT is {text!r}, and must be a number from 1 to {_LAST_PORT}: correct it, or unset it")
    return int(text)
