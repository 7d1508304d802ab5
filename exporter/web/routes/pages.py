"""The pages of the console: one HTML shell for all of them, and the files that it is made of.

The shell names its files under an address that changes with their content, so that a browser keeps them for good; under ``/static/``
alone they are there, too, and asked for again each time.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from exporter.web.problems import problem

PAGES = (
    "/",
    "/systems/{name}",
    "/compare",
    "/correlate",
    "/trends",
    "/cost",
    "/incidents",
    "/exporter",
    "/open",
    "/dashboards/{name}",
)
"""Every path that shows the shell; its scripts decide what is on the page."""
_PAGE: Final = re.compile("|".join(re.escape(path).replace(r"\{name\}", "[^/]+") for path in PAGES))
_NO_PAGES: Final = ("api", "static", "metrics", "healthz", "readyz", "cycle", "openapi.json")
"""First parts of paths that programs ask for: there, errors stay problem details."""

_EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
_MAPS = "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        f"style-src-elem 'self' {_EMPTY} {_MAPS}",
        "style-src-attr 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of the shell. Plotly inserts an empty style element, which it fills by script, and one with the styles of maps:
these two, by their hashes. Whoever upgrades Plotly finds new ones by the tests in a browser."""

_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SHELL = "index.html"
_PLOTLY = "plotly.min.js"
_FOR_GOOD = "private, max-age=31536000, immutable"
_EACH_TIME = "private, no-cache"
_VERSION_LENGTH = 16
_SMALL_BYTES = 1024


@dataclass(frozen=True, slots=True)
class File:
    """A file in memory; ``packed`` is the same with gzip, None where that is not worth it."""

    content: bytes
    packed: bytes | None
    type: str
    etag: str


class Files:
    """What is served under ``/static/``; Plotly, which is large, is read when somebody wants it."""

    def __init__(self) -> None:
        self._files = {name: _file(name, content) for name, content in _own().items() if name != _SHELL}
        self._plotly_path = _plotly()
        self._plotly: File | None = None
        self._lock = threading.Lock()
        self.version = self._version()
        self.shell = self._shell()

    def find(self, name: str) -> File | None:
        """A file by its path below ``/static/``; None where there is none."""
        return self._files.get(name) or (self._large() if name == _PLOTLY else None)

    def _large(self) -> File | None:
        with self._lock:
            if self._plotly is None and self._plotly_path is not None:
                self._plotly = _file(_PLOTLY, self._plotly_path.read_bytes())
            return self._plotly

    def _version(self) -> str:
        digest = hashlib.sha256()
        for name, file in sorted(self._files.items()):
            digest.update(f"{name} {file.etag}\n".encode())
        if self._plotly_path is not None:
            # Its folder is that of one release: what it holds does not change, and 5 MB need not be read at each start.
            found = self._plotly_path.stat()
            digest.update(f"{_PLOTLY} {found.st_size} {found.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:_VERSION_LENGTH]

    def _shell(self) -> File:
        """The shell, which also says early which modules will be wanted: a browser would find them one after the other."""
        modules = sorted(name for name in self._files if name.endswith(".js"))
        hints = "".join(f'  <link rel="modulepreload" href="/static/{name}">\n' for name in modules)
        text = _own()[_SHELL].decode().replace("</head>", f"{hints}</head>")
        return _file(_SHELL, text.replace('"/static/', f'"/static/{self.version}/').encode())


class _Elsewhere(APIRoute):
    """Any other path, but only for somebody who navigates with a browser; it takes nothing away from other routes."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a GET that accepts HTML outside of the API."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _navigates(scope):
            return Match.NONE, {}
        return super().matches(scope)


def _navigates(scope: Scope) -> bool:
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    first: str = scope["path"].lstrip("/").split("/", 1)[0]
    return b"text/html" in accepted and first not in _NO_PAGES


def router() -> APIRouter:
    """The routes of the pages and of their files."""
    files = Files()
    routes = APIRouter(include_in_schema=False)

    def page(request: Request) -> Response:
        return _answer(request, files.shell, _EACH_TIME, {"content-security-policy": POLICY})

    for path in PAGES:
        routes.add_api_route(path, page, methods=["GET"], name=f"page_{path}")

    @routes.get("/static/{version}/{name:path}")
    def versioned(request: Request, version: str, name: str) -> Response:
        if version == files.version:
            return _static(request, files.find(name), _FOR_GOOD)
        return _static(request, files.find(f"{version}/{name}"), _EACH_TIME)

    @routes.get("/static/{name}")
    def static(request: Request, name: str) -> Response:
        return _static(request, files.find(name), _EACH_TIME)

    def elsewhere(request: Request, path: str) -> Response:
        bare = f"/{path.rstrip('/')}"
        if path.endswith("/") and _PAGE.fullmatch(bare):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{quote(bare)}{query}", 308)
        return _answer(request, files.shell, _EACH_TIME, {"content-security-policy": POLICY}, 404)

    routes.add_api_route("/{path:path}", elsewhere, methods=["GET"], name="elsewhere", route_class_override=_Elsewhere)
    return routes


def _static(request: Request, file: File | None, cache: str) -> Response:
    if file is None:
        return problem(404, "there is no such file; charts need plotly, which comes with the extra `console`")
    return _answer(request, file, cache, {})


def _answer(request: Request, file: File, cache: str, more: Mapping[str, str], status: int = 200) -> Response:
    headers = {"etag": file.etag, "cache-control": cache, "vary": "accept-encoding", **more}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if status == HTTPStatus.OK and file.etag.removeprefix("W/") in known:
        return Response(status_code=304, headers=headers)
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, status, headers={**headers, "content-encoding": "gzip"}, media_type=file.type)
    return Response(file.content, status, headers=headers, media_type=file.type)


def _file(name: str, content: bytes) -> File:
    packed = gzip.compress(content, mtime=0) if len(content) > _SMALL_BYTES else None
    # Weak: with gzip and without it, the bytes differ under the same tag.
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    return File(content, packed, _TYPES[Path(name).suffix], etag)


def _own() -> dict[str, bytes]:
    """The files beside this package, by their path in it."""
    root = resources.files("exporter.web") / "static"
    with resources.as_file(root) as folder:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }


def _plotly() -> Path | None:
    """Plotly.js in the wheel of plotly; nothing of that package is imported."""
    found = find_spec("plotly")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        path = Path(folder) / "package_data" / _PLOTLY
        if path.is_file():
            return path
    return None
