"""One request to an OTLP/HTTP receiver: bounded in time, counted, sent again only where the protocol says so.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response: 429, 502, 503 and 504, and a connection that is lost, may be tried again;
an answer of partial success must not be. A time-out is not tried again at once, for the request may have been taken.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from itertools import islice
from urllib.parse import urlsplit

import google.auth
import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from exporter.calls import OnCall, pause
from exporter.errors import Permanent
from exporter.sinks.otlp_headers import Redactor

_PATH = "/v1/metrics"
_GOOGLE = re.compile(r"telemetry(?:\.[a-z0-9-]+\.rep)?\.googleapis\.com")
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LOGIN = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"

_REFRESH_TIMEOUT_S = 10

_ATTEMPTS = 3
"""How often a request is sent in all where the protocol wants it to be tried again, and names no time for it."""

_AFTER_TIMEOUT = timedelta(seconds=30)
"""A receiver that hangs is left alone for so long: each try costs the cycle a whole time-out."""

_LONGEST_WAIT = timedelta(minutes=15)
"""A ``Retry-After`` beyond this is not believed: it would cost points for somebody's typing error."""

_ANSWER_CHUNKS, _CHUNK_BYTES = 16, 65_536

_INVALID = (400, 413, 422)
_PASSING = (429, 502, 503, 504)
_CODES: Mapping[int, str] = {
    **dict.fromkeys(_INVALID, "INVALID_ARGUMENT"),
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Heard(Enum):
    """What became of a request as a whole."""

    TAKEN = "taken"
    INVALID = "nothing was taken, and never will be"
    FAILED = "nothing may have been taken; another time"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request; of one that was taken, ``refused`` points were not."""

    heard: Heard
    code: str = "OK"
    message: str = ""
    refused: int = 0
    passing: bool = False


ReadAnswer = Callable[[bytes, str], tuple[int, str]]
"""From the body and the type of an answer to refused points and their reason; raises ``ValueError``."""


def is_google(endpoint: str) -> bool:
    """Whether an address is that of Google's receiver, or of one of its regions."""
    return _GOOGLE.fullmatch(urlsplit(endpoint).hostname or "") is not None


def google_session(credentials: Credentials | None = None) -> requests.Session:
    """A session with application default credentials; names their quota project in ``x-goog-user-project`` where they have one.

    Raises ``Permanent`` where there are none.
    """
    if credentials is None:
        try:
            credentials, _ = google.auth.default(scopes=[_SCOPE])
        except GoogleAuthError as error:
            raise Permanent("unauthenticated", f"no Google credentials: {error}", remedy=_LOGIN) from error
    return AuthorizedSession(credentials, refresh_timeout=_REFRESH_TIMEOUT_S)


def plain_session(headers: Mapping[str, str]) -> requests.Session:
    """A session with the headers that a collector wants."""
    session = requests.Session()
    session.headers.update(headers)
    session.auth = _as_it_is
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Else a ``.netrc`` would have the last word about the header ``authorization``."""
    return request


class Transport:
    """Sends to ``endpoint``; ``timeout_s`` bounds every attempt, and ``clock`` counts seconds from anywhere."""

    def __init__(
        self,
        endpoint: str,
        session: requests.Session,
        read_answer: ReadAnswer,
        *,
        redact: Redactor,
        on_call: OnCall,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = endpoint.rstrip("/").removesuffix(_PATH) + _PATH
        self._google = is_google(endpoint)
        self._session = session
        self._read_answer = read_answer
        self._redact = redact
        self._on_call = on_call
        self._timeout_s = timeout_s
        self._clock = clock
        self._resume_s = clock()
        self._waiting_for = Reply(Heard.FAILED)

    @property
    def wait(self) -> timedelta:
        """How long nothing is sent from now on, because the receiver asked for it or did not answer in time."""
        return max(timedelta(0), timedelta(seconds=self._resume_s - self._clock()))

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def send(self, body: bytes) -> Reply:
        """Send a request, and again where that may be; while the receiver is to be left alone, nothing is sent."""
        if self.wait:
            waiting = self._waiting_for
            return replace(
                waiting, message=f"not sent for another {self.wait.total_seconds():.0f} s: {waiting.message}"
            )
        compressed, attempt = gzip.compress(body), 0
        while True:
            attempt += 1
            reply = self._attempt(compressed)
            self._on_call("otlp", "Export", reply.code)
            if not reply.passing or attempt >= _ATTEMPTS:
                return reply
            pause(attempt)

    def _attempt(self, compressed: bytes) -> Reply:
        headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
        begun = False
        try:
            with self._session.post(
                self._url,
                data=compressed,
                headers=headers,
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                begun = True
                answer = b"".join(islice(response.iter_content(_CHUNK_BYTES), _ANSWER_CHUNKS))
        except requests.Timeout:
            return self._leave(_AFTER_TIMEOUT, self._failed("DEADLINE_EXCEEDED", f"no answer in {self._timeout_s:g} s"))
        except requests.ConnectionError as error:
            reply = self._failed("UNAVAILABLE", f"no connection to {self._url}: {_cause(error)}")
            return self._leave(_AFTER_TIMEOUT, reply) if begun else replace(reply, passing=True)
        except GoogleAuthError as error:
            return self._failed("UNAUTHENTICATED", f"no Google credentials: {error}; {_LOGIN}")
        except requests.RequestException as error:
            return self._failed("UNKNOWN", f"{type(error).__name__}: {_cause(error)}")
        return self._understood(response, answer)

    def _understood(self, response: requests.Response, answer: bytes) -> Reply:
        status = response.status_code
        if 200 <= status < 300:
            try:
                refused, reason = self._read_answer(answer, response.headers.get("content-type", ""))
            except ValueError as error:
                remedy = "check that exporter.otlp.endpoint is an OTLP receiver"
                return self._failed("UNKNOWN", f"HTTP {status}, but {error}: {remedy}")
            return Reply(Heard.TAKEN, message=self._text(reason), refused=refused)
        message = f"HTTP {status}: {_detail(answer) or response.reason}{self._remedy(status)}"
        reply = self._failed(_CODES.get(status, "UNKNOWN"), message)
        if status in _INVALID:
            return replace(reply, heard=Heard.INVALID)
        if status in _PASSING:
            wait = _retry_after(response.headers.get("retry-after"))
            return replace(reply, passing=True) if wait is None else self._leave(wait, reply)
        return reply

    def _failed(self, code: str, message: str) -> Reply:
        return Reply(Heard.FAILED, code, self._text(message))

    def _leave(self, wait: timedelta, reply: Reply) -> Reply:
        self._resume_s = self._clock() + min(wait, _LONGEST_WAIT).total_seconds()
        self._waiting_for = reply
        return reply

    def _text(self, message: str) -> str:
        """A message of elsewhere as it may be printed: on one line, of bounded length, without secrets."""
        text = " ".join(self._redact(message).split())
        text = text if len(text) <= 400 else f"{text[:399]}…"
        return text if text.isprintable() else repr(text)[1:-1]

    def _remedy(self, status: int) -> str:
        if status == 401:
            known = "OTEL_EXPORTER_OTLP_HEADERS or exporter.otlp.headers_file"
            return f"; {_LOGIN}" if self._google else f"; check the credentials in {known}"
        if status == 403 and self._google:
            return "; enable telemetry.googleapis.com, and grant roles/monitoring.metricWriter on the project"
        if status == 403:
            return "; let these credentials write metrics"
        if 300 <= status < 400 or status in (404, 405):
            return f"; check exporter.otlp.endpoint: metrics are not taken at {self._url}"
        return ""


def _cause(error: BaseException) -> BaseException:
    """What an error of a library began with: what is said on the way names objects and their addresses."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _detail(answer: bytes) -> str:
    """What an error says: a ``google.rpc.Status`` as protobuf or JSON, or else its own words."""
    try:
        message = Status.FromString(answer).message
        if message:
            return str(message)
    except DecodeError:
        pass
    text = answer.decode(errors="replace")
    try:
        found = json.loads(text)
        found = found.get("error", found)
        return str(found["message"])
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return text


def _retry_after(value: str | None) -> timedelta | None:
    """How long a header asks to wait, in seconds or until a date; None where it says nothing that can be understood."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return timedelta(seconds=int(value))
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return max(timedelta(0), until - datetime.now(UTC))
