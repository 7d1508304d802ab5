"""Takes out of a text what opens doors: credentials in headers, addresses and messages."""

from __future__ import annotations

import re

_HIDDEN = "[hidden]"
_SECRETS = (
    re.compile(
        r"(?i)(?P<kept>\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic|token)\s+)?)[^\s'\",;}\])]+"
    ),
    re.compile(r"(?i)(?P<kept>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}"),
    re.compile(
        r"(?i)(?P<kept>(?<![a-z0-9])(?:access_token|id_token|refresh_token|api_?key|password|client_secret|private_key"
        r"|x-goog-signature|x-goog-credential)['\"]?\s*[=:]\s*['\"]?)[^\s&'\",;}\])]+"
    ),
    # Shorter names are words of other texts too: only as parameters of an address, or as assignments.
    re.compile(r"(?i)(?P<kept>(?:[?&]|(?<![a-z0-9_]))(?:token|key|secret|assertion|signature|sig)=)[^\s&'\",;}\])]+"),
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),
    re.compile(r"(?P<kept>)\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"),
    re.compile(r"(?P<kept>)\bya29\.[A-Za-z0-9._-]+"),
    re.compile(r"(?P<kept>-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?=-----END|\Z)"),
)


def redacted(text: str) -> str:
    """The text with ``[hidden]`` in the place of every secret."""
    for secret in _SECRETS:
        text = secret.sub(rf"\g<kept>{_HIDDEN}", text)
    return text
