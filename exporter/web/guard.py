"""Who may call: decided by the request's headers, before anything else is looked at."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from exporter.errors import UsageError
from exporter.web.iap import IapGuard
from exporter.web.listening import Listen, is_loopback
from exporter.web.refusals import Headers, Refusal, only, values

_MIN_TOKEN = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The syntax of RFC 6750 section 2.1: anything else cannot be sent."""
_SAFE_METHODS = ("GET", "HEAD")
_BASIC = 'Basic realm="exporter", charset="UTF-8"'
"""What makes a browser ask its user."""


class Guard(Protocol):
    """Says who may call; without a ``scheme`` callers have nothing to show."""

    @property
    def scheme(self) -> Mapping[str, str] | None:
        """The security scheme of the OpenAPI document."""
        ...

    async def refusal(self, headers: Headers) -> Refusal | None:
        """Why a request is not to be answered, or None where it is."""
        ...


def guard(listen: Listen, environ: Mapping[str, str]) -> Guard:
    """Make the guard of an address; raises ``UsageError`` where the environment lacks what it needs."""
    if listen.auth is None:
        return LoopbackGuard()
    if listen.auth == "bearer":
        return BearerGuard(_token(environ))
    if listen.auth == "iap":
        return IapGuard(_audience(environ))
    if listen.auth == "cloud_run":
        if not environ.get("K_SERVICE"):
            raise UsageError(
                "exporter.auth: cloud_run leaves the check to Cloud Run, and this is no Cloud Run service (K_SERVICE is not set): "
                "use bearer or iap"
            )
        return CloudRunGuard()
    raise UsageError(f"exporter.auth: {listen.auth!r} is none of bearer, iap, cloud_run")


def foreign(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse what another site makes a browser send; a browser adds the credentials of its user to that.

    Browsers say where a request comes from and what for (Fetch Metadata; older ones name the ``Origin`` of what writes); other clients
    do not. Another site may link to a page, and may not embed, read or send anything.
    """
    sites = values(headers, "sec-fetch-site")
    if sites:
        own = all(site in ("same-origin", "none") for site in sites)
        own = own or (method in _SAFE_METHODS and not path.startswith("/api/") and _is_link(headers))
    else:
        hosts = [host.lower() for host in values(headers, "host")]
        origins = () if method in _SAFE_METHODS else values(headers, "origin")
        own = all(origin.lower().partition("://")[2] in hosts for origin in origins)
    if own:
        return None
    return Refusal(403, "another site sent this request through a browser: send it from the exporter's own pages")


def _is_link(headers: Headers) -> bool:
    """Whether somebody follows a link into a window of its own; a frame navigates, too."""
    wanted = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    return all(values(headers, name) == [value] for name, value in wanted.items())


@dataclass(frozen=True, slots=True)
class LoopbackGuard:
    """Whoever is on this machine may call, by a name of this machine.

    A page that binds its own name to 127.0.0.1 (DNS rebinding) reaches the port too, but its requests bear that name.
    """

    scheme: Mapping[str, str] | None = None

    async def refusal(self, headers: Headers) -> Refusal | None:
        """Refuse a host that is not loopback."""
        host = only(headers, "host")
        if host is None or not is_loopback(_without_port(host)):
            return Refusal(403, "without exporter.auth the exporter answers to localhost and loopback addresses only")
        return None


@dataclass(frozen=True, slots=True)
class BearerGuard:
    """Whoever knows the token may call (RFC 6750); people's browsers send it as a password (RFC 7617), with any user name."""

    token: str = field(repr=False)
    scheme: Mapping[str, str] | None = field(default_factory=lambda: {"type": "http", "scheme": "bearer"}, init=False)

    async def refusal(self, headers: Headers) -> Refusal | None:
        """Refuse anything but one ``Authorization`` header with the token."""
        browser = _is_browser(headers)
        advice = "give it as the password" if browser else "send the header `Authorization: Bearer TOKEN`, once"
        scheme, _, shown = (only(headers, "authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            shown = _password(shown)
        elif scheme.lower() != "bearer":
            return Refusal(401, f"a token is needed: {advice}", {"www-authenticate": _BASIC if browser else "Bearer"})
        if not hmac.compare_digest(shown.encode(), self.token.encode()):
            challenge = _BASIC if browser else 'Bearer error="invalid_token"'
            return Refusal(401, f"this is not the token: {advice}", {"www-authenticate": challenge})
        return None


@dataclass(frozen=True, slots=True)
class CloudRunGuard:
    """Cloud Run has checked the caller's right to invoke the service before the request comes here."""

    scheme: Mapping[str, str] | None = field(
        default_factory=lambda: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}, init=False
    )

    async def refusal(self, headers: Headers) -> Refusal | None:  # noqa: ARG002 - nothing is left to check
        """Refuse nobody."""
        return None


def _is_browser(headers: Headers) -> bool:
    """Whether a request comes from a browser, which can ask its user for a password and knows no tokens."""
    return bool(values(headers, "sec-fetch-mode")) or any("text/html" in each for each in values(headers, "accept"))


def _password(encoded: str) -> str:
    """The password in the credentials of RFC 7617; empty where they are none."""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _token(environ: Mapping[str, str]) -> str:
    """Read the token from the environment or a file; no message ever holds it."""
    named = [name for name in ("EXPORTER_TOKEN", "EXPORTER_TOKEN_FILE") if name in environ]
    if len(named) != 1:
        found = "both are set" if named else "neither is set"
        raise UsageError(f"exporter.auth: bearer needs EXPORTER_TOKEN or EXPORTER_TOKEN_FILE, and {found}: set one")
    (name,) = named
    token = environ[name] if name == "EXPORTER_TOKEN" else _read(environ[name])
    if len(token) < _MIN_TOKEN or not _TOKEN.fullmatch(token):
        raise UsageError(
            f"{name}: a token is at least {_MIN_TOKEN} characters out of A-Z, a-z, 0-9 and ._~+/-: `openssl rand -base64 32` makes one"
        )
    return token


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise UsageError(f"EXPORTER_TOKEN_FILE: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # Without the cause, which quotes the file.
        raise UsageError(f"EXPORTER_TOKEN_FILE: {path} is no text file with a token") from None


def _audience(environ: Mapping[str, str]) -> str:
    audience = environ.get("EXPORTER_IAP_AUDIENCE", "")
    if not audience.startswith("/projects/"):
        raise UsageError(
            "exporter.auth: iap needs EXPORTER_IAP_AUDIENCE, the audience of the service such as "
            "/projects/NUMBER/global/backendServices/ID or /projects/NUMBER/locations/REGION/services/NAME"
        )
    return audience


def _without_port(host: str) -> str:
    if host.startswith("["):
        address, closed, port = host[1:].partition("]")
        return address if closed and re.fullmatch(r"(:[0-9]*)?", port) else ""
    name, _, port = host.partition(":")
    return name if re.fullmatch(r"[0-9]*", port) else ""
