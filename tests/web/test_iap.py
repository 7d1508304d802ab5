"""Assertions of Identity-Aware Proxy, signed here and checked over the wire."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import crypt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exporter.web.iap import HEADER, ISSUER, IapGuard
from exporter.web.listening import Listen
from exporter.web.server import Server
from tests.web.conftest import FakeWorker, ask, serving

AUDIENCE = "/projects/123456/global/backendServices/42"


@dataclass
class Signer:
    """A private key and its id."""

    key: Any
    key_id: str

    @property
    def public(self) -> str:
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return str(self.key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode())

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A good assertion, but for the changes; what is changed to None is left out."""
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kind = crypt.RSASigner if isinstance(self.key, rsa.RSAPrivateKey) else crypt.EsSigner
        algorithm = "RS256" if kind is crypt.RSASigner else "ES256"
        stated = {"alg": algorithm, "kid": self.key_id, "typ": "JWT"} | (header or {})
        signed = ".".join(encoded(_without_none(part)) for part in (stated, claims() | changes))
        return f"{signed}.{encoded(kind.from_string(private).sign(signed.encode()))}"


def _without_none(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value is not None}


def claims() -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 600,
        "sub": "accounts.google.com:1",
        "email": "a@b.c",
    }


GOOGLE = Signer(ec.generate_private_key(ec.SECP256R1()), "google-1")
NEXT = Signer(ec.generate_private_key(ec.SECP256R1()), "google-2")
STRANGER = Signer(ec.generate_private_key(ec.SECP256R1()), "google-1")
OLD_KIND = Signer(rsa.generate_private_key(65537, 2048), "google-rsa")


@dataclass
class KeyServer:
    """What Google's address serves, and how often it was asked."""

    keys: dict[str, str] = field(default_factory=lambda: {each.key_id: each.public for each in (GOOGLE, OLD_KIND)})
    answer: Callable[[], Response] | None = None
    asked: int = 0
    url: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert Request(scope).method == "GET"
        self.asked += 1
        await (JSONResponse(self.keys) if self.answer is None else self.answer())(scope, receive, send)


@pytest.fixture
def google() -> Iterator[KeyServer]:
    served = KeyServer()
    server = Server(served, Listen("127.0.0.1", 0))
    server.start()
    served.url = f"{server.address}/iap/verify/public_key"
    yield served
    server.stop()


def status(address: str, *assertions: str) -> int:
    return ask(address, "POST", "/cycle", [(HEADER, each) for each in assertions]).status


def test_good_assertions_are_let_in_and_keys_are_asked_for_once(google: KeyServer, worker: FakeWorker) -> None:
    with serving(worker, IapGuard(AUDIENCE, google.url)) as address:
        assert [status(address, GOOGLE.token()) for _ in range(3)] == [200, 200, 200]
        assert worker.cycles == 3
        assert google.asked == 1


def test_clocks_may_differ_by_half_a_minute(google: KeyServer) -> None:
    now = int(time.time())
    with serving(guard=IapGuard(AUDIENCE, google.url)) as address:
        assert status(address, GOOGLE.token(iat=now + 20, exp=now + 620)) == 200
        assert status(address, GOOGLE.token(iat=now - 590, exp=now - 10)) == 200


def encoded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unsigned(algorithm: str) -> str:
    return f"{encoded({'alg': algorithm, 'kid': GOOGLE.key_id, 'typ': 'JWT'})}.{encoded(claims())}."


def signed_with_the_public_key() -> str:
    signed = f"{encoded({'alg': 'HS256', 'kid': GOOGLE.key_id})}.{encoded(claims())}"
    return f"{signed}.{encoded(hmac.digest(GOOGLE.public.encode(), signed.encode(), hashlib.sha256))}"


def tampered() -> str:
    header, _, signature = GOOGLE.token().split(".")
    return f"{header}.{encoded(claims() | {'email': 'admin@b.c'})}.{signature}"


def at(iat: int, exp: int) -> str:
    now = int(time.time())
    return GOOGLE.token(iat=now + iat, exp=now + exp)


BAD: dict[str, Callable[[], str]] = {
    "expired": lambda: at(-700, -100),
    "from the future": lambda: at(100, 600),
    "lives too long": lambda: at(0, 7200),
    "no expiry": lambda: GOOGLE.token(exp=None),
    "no time of issue": lambda: GOOGLE.token(iat=None),
    "expiry is no number": lambda: GOOGLE.token(exp="tomorrow"),
    "another audience": lambda: GOOGLE.token(aud="/projects/123456/global/backendServices/43"),
    "several audiences": lambda: GOOGLE.token(aud=[AUDIENCE, "another"]),
    "no audience": lambda: GOOGLE.token(aud=None),
    "another issuer": lambda: GOOGLE.token(iss="https://accounts.google.com"),
    "issuer with a slash": lambda: GOOGLE.token(iss=ISSUER + "/"),
    "no issuer": lambda: GOOGLE.token(iss=None),
    "alg none": lambda: unsigned("none"),
    "alg ES256, no signature": lambda: unsigned("ES256"),
    "alg HS256 with the public key": signed_with_the_public_key,
    "alg RS256 with a listed key": OLD_KIND.token,
    "alg ES256 with a listed key of another kind": lambda: OLD_KIND.token(header={"alg": "ES256"}),
    "alg is a list": lambda: GOOGLE.token(header={"alg": ["ES256"]}),
    "signed by a stranger": STRANGER.token,
    "key not listed": NEXT.token,
    "no key id": lambda: GOOGLE.token(header={"kid": None}),
    "key id is an object": lambda: GOOGLE.token(header={"kid": {}}),
    "tampered": tampered,
    "empty": lambda: "",
    "garbage": lambda: "a.b.c",
    "one part": lambda: "token",
    "no JSON": lambda: f"{encoded(b'[')}.{encoded(b'[')}.{encoded(b'x')}",
    "no object": lambda: f"{encoded([1])}.{encoded([1])}.{encoded(b'x')}",
    "deeply nested": lambda: f"{encoded(b'[' * 9000)}.{encoded({})}.{encoded(b'x')}",
    "not ASCII": lambda: "\xe9.\xe9.\xe9",
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_assertion_is_refused(make: Callable[[], str], google: KeyServer, worker: FakeWorker) -> None:
    with serving(worker, IapGuard(AUDIENCE, google.url)) as address:
        assert status(address, make()) == 401
        assert worker.cycles == 0
        assert status(address, GOOGLE.token()) == 200


def test_an_assertion_is_needed_once(google: KeyServer, worker: FakeWorker) -> None:
    with serving(worker, IapGuard(AUDIENCE, google.url)) as address:
        assert status(address) == 401
        assert status(address, GOOGLE.token(), GOOGLE.token()) == 401
        assert status(address, GOOGLE.token(), "x") == 401
        header = [
            ("X-Goog-Authenticated-User-Email", "accounts.google.com:a@b.c"),
            ("X-Goog-Authenticated-User-Id", "1"),
        ]
        assert ask(address, "POST", "/cycle", header).status == 401
        assert ask(address, "POST", "/cycle", [("Authorization", f"Bearer {GOOGLE.token()}")]).status == 401
        assert worker.cycles == 0


def test_made_up_key_ids_do_not_make_us_ask_again_and_again(google: KeyServer) -> None:
    with serving(guard=IapGuard(AUDIENCE, google.url)) as address:
        for number in range(5):
            assert status(address, GOOGLE.token(header={"kid": f"made-up-{number}"})) == 401
        assert google.asked == 1


def test_new_keys_are_found_and_withdrawn_ones_forgotten(google: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(guard=IapGuard(AUDIENCE, google.url)) as address:
        assert status(address, GOOGLE.token()) == 200
        google.keys = {NEXT.key_id: NEXT.public}
        assert status(address, NEXT.token()) == 401
        monkeypatch.setattr("exporter.web.iap.ASK_AGAIN_S", -1.0)
        assert status(address, GOOGLE.token()) == 200
        assert status(address, NEXT.token()) == 200
        assert status(address, GOOGLE.token()) == 401


FAILING: dict[str, Callable[[], Response]] = {
    "500": lambda: Response(status_code=500),
    "no JSON": lambda: Response(b"<html>"),
    "a list": lambda: JSONResponse([]),
    "no keys of the right kind": lambda: JSONResponse({"keys": [{}]}),
    "not UTF-8": lambda: Response(b"\xff"),
}


@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING)
def test_without_keys_nobody_is_let_in(
    answer: Callable[[], Response], google: KeyServer, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.answer = answer
    with serving(worker, IapGuard(AUDIENCE, google.url)) as address:
        refused = ask(address, "POST", "/cycle", [(HEADER, GOOGLE.token())])
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        assert ask(address, "GET", "/healthz").status == 200
        assert worker.cycles == 0
        google.answer = None
        monkeypatch.setattr("exporter.web.iap.RETRY_S", -1.0)
        assert status(address, GOOGLE.token()) == 200


def test_an_address_that_speaks_no_http_is_an_outage(worker: FakeWorker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def babble() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"what?\r\n\r\n")

        answering = threading.Thread(target=babble)
        answering.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with serving(worker, IapGuard(AUDIENCE, url)) as address:
            assert status(address, GOOGLE.token()) == 503
        answering.join()
    assert worker.cycles == 0


def test_known_keys_outlive_an_outage_of_their_address(google: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(guard=IapGuard(AUDIENCE, google.url)) as address:
        assert status(address, GOOGLE.token()) == 200
        google.answer = FAILING["500"]
        monkeypatch.setattr("exporter.web.iap.ASK_AGAIN_S", -1.0)
        monkeypatch.setattr("exporter.web.iap.KEYS_FRESH_S", -1.0)
        assert status(address, GOOGLE.token()) == 200
        assert google.asked == 2
        monkeypatch.setattr("exporter.web.iap.KEYS_USABLE_S", -1.0)
        assert status(address, GOOGLE.token()) == 503
