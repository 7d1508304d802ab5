"""The BigQuery v2 REST API over HTTP: routes, bodies, faults, and the server that a test or a demo starts.

The API's fixed delay applies to the calls that start a query or a load: jobs.query and jobs.insert. Injected faults apply to all.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import unquote

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.sandbox.bigquery import job_methods, methods, policies
from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.errors import STATUS_NAMES, ApiError, injected, invalid, switched_off
from exporter.sandbox.bigquery.methods import Call, Method
from exporter.sandbox.http import HttpServer
from exporter.sandbox.ports import World

log = logging.getLogger(__name__)

THREADS = 256
"""Calls that are handled at the same time: those that wait for a job hold a thread each."""

DELAYED = ("jobs.query", "jobs.insert")
"""Methods to which the API's fixed delay applies."""

GARBAGE = b"<html><body>upstream connect error or disconnect/reset before headers</body></html>"


@dataclass(frozen=True, slots=True)
class _Endpoint:
    verb: str
    pattern: re.Pattern[str]
    name: str
    method: Method


def _endpoint(verb: str, path: str, name: str, method: Method) -> _Endpoint:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return _Endpoint(verb, re.compile(f"/?(?:bigquery/v2/)?{pattern}/?"), name, method)


_DATASETS = "projects/{project}/datasets"
_DATASET = f"{_DATASETS}/{{dataset}}"
_TABLE = f"{_DATASET}/tables/{{table}}"

ENDPOINTS = (
    _endpoint("POST", "projects/{project}/queries", "jobs.query", job_methods.jobs_query),
    _endpoint("GET", "projects/{project}/queries/{job}", "jobs.getQueryResults", job_methods.jobs_get_query_results),
    _endpoint("POST", "projects/{project}/jobs", "jobs.insert", job_methods.jobs_insert),
    _endpoint("GET", "projects/{project}/jobs", "jobs.list", job_methods.jobs_list),
    _endpoint("GET", "projects/{project}/jobs/{job}", "jobs.get", job_methods.jobs_get),
    _endpoint("POST", "projects/{project}/jobs/{job}/cancel", "jobs.cancel", job_methods.jobs_cancel),
    _endpoint("GET", "projects", "projects.list", methods.projects_list),
    _endpoint("GET", _DATASETS, "datasets.list", methods.datasets_list),
    _endpoint("POST", _DATASETS, "datasets.insert", methods.datasets_insert),
    _endpoint("GET", _DATASET, "datasets.get", methods.datasets_get),
    _endpoint("PATCH", _DATASET, "datasets.patch", methods.datasets_patch),
    _endpoint("PUT", _DATASET, "datasets.update", methods.datasets_patch),
    _endpoint("DELETE", _DATASET, "datasets.delete", methods.datasets_delete),
    _endpoint("GET", f"{_DATASET}/tables", "tables.list", methods.tables_list),
    _endpoint("POST", f"{_DATASET}/tables", "tables.insert", methods.tables_insert),
    _endpoint("GET", _TABLE, "tables.get", methods.tables_get),
    _endpoint("PATCH", _TABLE, "tables.patch", methods.tables_patch),
    _endpoint("PUT", _TABLE, "tables.update", methods.tables_patch),
    _endpoint("DELETE", _TABLE, "tables.delete", methods.tables_delete),
    _endpoint("GET", f"{_TABLE}/data", "tabledata.list", methods.tabledata_list),
    _endpoint("POST", f"{_TABLE}:getIamPolicy", "tables.getIamPolicy", policies.get),
    _endpoint("POST", f"{_TABLE}:setIamPolicy", "tables.setIamPolicy", policies.set_),
    _endpoint("POST", f"{_TABLE}:testIamPermissions", "tables.testIamPermissions", policies.test),
    _endpoint("POST", f"{_TABLE}/insertAll", "tabledata.insertAll", methods.tabledata_insert_all),
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


class Face:
    """Answers HTTP requests from an engine; ``world`` brings the sandbox up to date before each."""

    def __init__(self, engine: BigQuery, world: World) -> None:
        self._engine = engine
        self._world = world
        self._uploads: dict[str, dict[str, Any]] = {}

    def answer(
        self, verb: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> _Answer:
        """The answer to one request."""
        verb = headers.get("x-http-method-override", verb).upper()
        plain, upload = re.subn(r"^/?(?:resumable/)?upload/", "", path)
        found = next(
            (
                (item, match)
                for item in ENDPOINTS
                if item.verb in (verb, "POST" if upload else "") and (match := item.pattern.fullmatch(plain))
            ),
            None,
        )
        if found is None:
            known = any(item.pattern.fullmatch(plain) for item in ENDPOINTS)
            error = ApiError(501, "notImplemented", f"{verb} {path} is not supported by this BigQuery")
            return _failure(
                error if known or "/projects/" in f"/{plain}" else ApiError(404, "notFound", f"Not Found: {path}")
            )
        endpoint, match = found
        parts = {name: unquote(value) for name, value in match.groupdict().items()}
        fault = self._engine.faults.strike("bigquery", endpoint.name, fixed=endpoint.name in DELAYED)
        if fault is not None and fault.garbage:
            self._engine.faults.record("bigquery", endpoint.name, "UNKNOWN")
            return _Answer(200, GARBAGE, {"content-type": "text/html"})
        try:
            if fault is not None and fault.status is not None:
                answer = _failure(injected(fault.status))
                self._engine.faults.record("bigquery", endpoint.name, STATUS_NAMES.get(answer.status, "UNKNOWN"))
                return answer
            self._check_on(parts.get("project", ""))
            self._world.settle()
            done = self._upload(verb, endpoint, parts, query, headers, body) if upload else None
            answer = done or self._call(endpoint, Call(self._engine, parts, query, _json(headers, body)))
        except ApiError as error:
            self._engine.faults.record("bigquery", endpoint.name, STATUS_NAMES.get(error.http, "UNKNOWN"))
            return _failure(error)
        except Exception:
            log.exception("%s failed", endpoint.name)
            self._engine.faults.record("bigquery", endpoint.name, "INTERNAL")
            return _failure(
                ApiError(500, "internalError", "An internal error occurred and the request could not be completed.")
            )
        self._engine.faults.record("bigquery", endpoint.name, "OK")
        return answer

    def _check_on(self, project: str) -> None:
        if "bigquery" in self._engine.conduct.now.apis_off:
            raise switched_off(project)

    @staticmethod
    def _call(endpoint: _Endpoint, call: Call) -> _Answer:
        result = endpoint.method(call)
        if result is None:
            return _Answer(204, b"", {})
        return _Answer(200, json.dumps(result).encode(), {"content-type": "application/json; charset=UTF-8"})

    def _upload(
        self,
        verb: str,
        endpoint: _Endpoint,
        parts: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> _Answer:
        """A load job with its data: in one multipart request, or in a resumable session."""
        kind = query.get("uploadType")
        if kind == "multipart":
            metadata, data = _multipart(headers, body)
            return self._call(endpoint, Call(self._engine, parts, query, metadata, data))
        if kind != "resumable":
            raise invalid(f"Invalid upload type: {kind}", "uploadType")
        if "upload_id" not in query:
            identity = uuid.uuid4().hex
            self._uploads[identity] = {"metadata": _json(headers, body), "data": b""}
            host = headers.get("host", "")
            place = f"http://{host}/upload/bigquery/v2/projects/{parts['project']}/jobs?uploadType=resumable&upload_id={identity}"
            return _Answer(200, b"", {"location": place, "x-guploader-uploadid": identity})
        session = self._uploads.get(query["upload_id"])
        if session is None or verb != "PUT":
            raise ApiError(404, "notFound", "Not found: Upload")
        session["data"] += body
        total = headers.get("content-range", "").rpartition("/")[2]
        if total in ("", "*") or len(session["data"]) < int(total):
            return _Answer(
                308, b"", {"range": f"bytes=0-{len(session['data']) - 1}", "x-http-status-code-override": "308"}
            )
        del self._uploads[query["upload_id"]]
        return self._call(endpoint, Call(self._engine, parts, query, session["metadata"], session["data"]))


def _failure(error: ApiError) -> _Answer:
    return _Answer(error.http, json.dumps(error.body()).encode(), {"content-type": "application/json; charset=UTF-8"})


def _json(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if headers.get("content-encoding", "").lower() == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise ApiError(400, "badRequest", "The request body is not valid gzip") from error
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:
        raise ApiError(400, "parseError", "Parse Error: the request body is not valid JSON") from error
    if not isinstance(value, dict):
        raise ApiError(400, "parseError", "Parse Error: the request body is not an object")
    return value


def _multipart(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], bytes]:
    head = f"Content-Type: {headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    payloads = [part.get_payload(decode=True) for part in message.iter_parts()] if message.is_multipart() else []
    if len(payloads) != 2 or not all(isinstance(part, bytes) for part in payloads):
        raise ApiError(400, "badRequest", "Malformed multipart body.")
    return _json({}, bytes(payloads[0])), bytes(payloads[1])


class Server(HttpServer):
    """The REST face on a socket of its own; ``with Server(engine, world) as server`` starts and stops it.

    As the real one, it tells its time in the header ``Date`` of every answer.
    """

    def __init__(self, engine: BigQuery, world: World, host: str = "127.0.0.1", port: int = 0) -> None:
        self._face = Face(engine, world)
        self._limiter: anyio.CapacityLimiter | None = None
        verbs = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        application = Starlette(routes=[Route("/{path:path}", self._handle, methods=verbs)])
        super().__init__(application, port, host, "bigquery-rest", now=engine.clock.now)

    async def _handle(self, request: Request) -> Response:
        body = await request.body()
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        path = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
        query = dict(request.query_params)
        answer = await anyio.to_thread.run_sync(
            self._face.answer, request.method, path, query, request.headers, body, limiter=self._limiter
        )
        return Response(answer.body, answer.status, dict(answer.headers))

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
