"""Errors as problem details (RFC 9457), and the headers that every answer carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
SECURITY_HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Nothing is cached, framed, sniffed or embedded elsewhere; a page that needs scripts of its own brings its own policy."""
_MAX_DETAIL = 500


def document(status: int, detail: str, **members: Any) -> dict[str, Any]:
    """The members of a problem of no type of its own; the detail is cut to one line of 500 characters."""
    line = " ".join(detail.split())
    cut = line if len(line) <= _MAX_DETAIL else line[: _MAX_DETAIL - 3] + "..."
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": cut, **members}


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """An answer that says what is wrong, and what to do about it."""
    body = json.dumps(document(status, detail, **members), ensure_ascii=False)
    return Response(body.encode(), status, headers, media_type=MEDIA_TYPE)


def problem_of(description: str, schema: str = "Problem") -> dict[str, Any]:
    """Describe an error in the OpenAPI document; ``schema`` is a shape of ``exporter/web/schemas.py``."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": reference}}}
