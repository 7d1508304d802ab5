"""Identity-Aware Proxy: every request that came through it bears a signed assertion of who sent it.

Source: https://cloud.google.com/iap/docs/signed-headers-howto
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from exporter.errors import ExporterError
from exporter.web.refusals import Headers, Refusal, only

KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
"""Google's public keys in PEM, by key id."""
HEADER = "x-goog-iap-jwt-assertion"
ISSUER = "https://cloud.google.com/iap"
SKEW_S = 30
LONGEST_LIFE_S = 600
"""An assertion lives 10 minutes at most, and each of its two times may be off by the skew."""
KEYS_FRESH_S = 3600.0
"""Keys that Google withdrew are trusted no longer than this while its address answers."""
KEYS_USABLE_S = 24 * 3600.0
"""And no longer than this while it does not."""
ASK_AGAIN_S = 60.0
"""An unknown key id may be a new key, or made up: Google is asked about such ids once a minute at most."""
RETRY_S = 5.0
"""Without any key nobody can be let in, so that Google is asked again sooner."""
_TIMEOUT_S = 5.0
_MAX_KEYS_BYTES = 1 << 20


class IapGuard:
    """Whoever the proxy let through to this audience may call."""

    scheme: Mapping[str, str] | None = {"type": "apiKey", "in": "header", "name": HEADER}

    def __init__(self, audience: str, keys_url: str = KEYS_URL) -> None:
        self._audience = audience
        self._keys = Keys(keys_url)

    async def refusal(self, headers: Headers) -> Refusal | None:
        """Refuse a request without exactly one good assertion; 503 where Google's keys cannot be had."""
        assertion = only(headers, HEADER)
        if not assertion:
            return Refusal(401, f"the header {HEADER} is needed, once: send the request through Identity-Aware Proxy")
        try:
            # Asking for keys takes a round trip, and other requests go on meanwhile.
            good = await asyncio.to_thread(self._good, assertion)
        except KeysUnavailable as error:
            return Refusal(503, str(error), {"retry-after": str(round(RETRY_S))})
        return None if good else Refusal(401, "the assertion of Identity-Aware Proxy is not valid for this service")

    def _good(self, assertion: str) -> bool:
        try:
            header = jwt.decode_header(assertion)
            # Said here, for the library takes RS256 too.
            if header.get("alg") != "ES256" or not isinstance(header.get("kid"), str):
                return False
            key = self._keys.get(header["kid"])
            if key is None:
                return False
            claims = jwt.decode(assertion, key, audience=self._audience, clock_skew_in_seconds=SKEW_S)
            return bool(claims["iss"] == ISSUER and claims["exp"] - claims["iat"] <= LONGEST_LIFE_S + 2 * SKEW_S)
        except (GoogleAuthError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return False


class KeysUnavailable(ExporterError):
    """Google's keys are not known, so nobody can be let in."""


class Keys:
    """Public keys by id, asked for when they are needed and kept for a while; for any number of threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}
        self._got_at_s = self._asked_at_s = float("-inf")

    def get(self, key_id: str) -> str | None:
        """Find a key in PEM, or None where there is none of this id; raises ``KeysUnavailable``."""
        with self._lock:
            now_s = time.monotonic()
            stale = now_s - self._got_at_s > KEYS_FRESH_S
            patience_s = ASK_AGAIN_S if self._keys else RETRY_S
            if (stale or key_id not in self._keys) and now_s - self._asked_at_s > patience_s:
                self._ask(now_s)
            if now_s - self._got_at_s > KEYS_USABLE_S:
                raise KeysUnavailable("the public keys of Identity-Aware Proxy cannot be fetched: try again later")
            return self._keys.get(key_id)

    def _ask(self, now_s: float) -> None:
        self._asked_at_s = now_s
        try:
            with urllib.request.urlopen(self._url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - Google's, or a test's
                found: Any = json.loads(answer.read(_MAX_KEYS_BYTES))
        except (OSError, HTTPException, ValueError):
            return
        if isinstance(found, dict) and all(isinstance(pem, str) for pem in found.values()):
            self._keys, self._got_at_s = found, now_s
