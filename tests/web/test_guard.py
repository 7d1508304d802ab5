"""Who may call: ways around the guard, over the wire."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.web.guard import BearerGuard, CloudRunGuard, Guard, LoopbackGuard, guard
from exporter.web.listening import Listen
from tests.web.conftest import FakeWorker, HeaderList, ask, serving

TOKEN = "correct-horse-battery-staple"
GOOD = ("Authorization", f"Bearer {TOKEN}")
CLOSED = [("POST", "/cycle"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/nothing"), ("POST", "/healthz")]


def anywhere(auth: str) -> Listen:
    return Listen("0.0.0.0", 8080, auth)


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_the_token_nothing_but_health_is_answered(method: str, path: str, worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        answer = ask(address, method, path)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert ask(address, "GET", "/healthz").status == 200
        assert ask(address, "GET", "/readyz").status == 200
        assert worker.cycles == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_with_the_token_everything_is(scheme: str, worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        assert ask(address, "POST", "/cycle", [("authorization", f"{scheme} {TOKEN}")]).status == 200
        assert worker.cycles == 1


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", f"Bearer {TOKEN[:-1]}")],
        [("Authorization", f"Bearer {TOKEN}x")],
        [("Authorization", f"Bearer {TOKEN.upper()}")],
        [("Authorization", f"Bearer  {TOKEN}")],
        [("Authorization", f"Bearer {TOKEN} {TOKEN}")],
        [("Authorization", f"Bearer {TOKEN}, Bearer {TOKEN}")],
        [("Authorization", f"Bearer caf\xe9{TOKEN}")],
        [("Authorization", TOKEN)],
        [("Authorization", f"Basic {TOKEN}")],
        [("Authorization", f"Token {TOKEN}")],
        [GOOD, GOOD],
        [GOOD, ("Authorization", "Bearer wrong")],
        [("Authorization", "Bearer wrong"), GOOD],
        [("Proxy-Authorization", f"Bearer {TOKEN}")],
        [("X-Authorization", f"Bearer {TOKEN}")],
        [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("Host", "localhost")],
        [("X-Goog-Authenticated-User-Email", "accounts.google.com:admin@example.com")],
        [("Cookie", f"token={TOKEN}; Authorization=Bearer {TOKEN}")],
    ],
    ids=lambda headers: "; ".join(f"{name}: {value}" for name, value in headers).encode("ascii", "replace").decode(),
)
def test_a_token_shown_in_another_way_does_not_count(headers: HeaderList, worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        answer = ask(address, "POST", "/cycle", headers)
        assert answer.status == 401
        assert TOKEN.encode() not in answer.body
        assert worker.cycles == 0


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT"])
@pytest.mark.parametrize(
    "path",
    [
        "//healthz/../cycle",
        "/healthz/../cycle",
        "/healthz/..%2fcycle",
        "/healthz%2f..%2fcycle",
        "/./cycle",
        "//cycle",
        "/cycle/",
        "/%63ycle",
        "/cycle?path=/healthz",
        "/cycle;/healthz",
        "/cycle%00/healthz",
        "/cycle#/healthz",
        "/healthz/",
        "/healthz;x",
        "/HEALTHZ",
        "/healthz%20",
        "http://127.0.0.1/healthz",
        f"/cycle?access_token={TOKEN}",
    ],
)
def test_no_path_leads_around_the_guard(method: str, path: str, worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        assert ask(address, method, path).status == 401
        assert worker.cycles == 0


@pytest.mark.parametrize(
    "headers",
    [[("X-HTTP-Method-Override", "POST")], [("X-Original-URL", "/cycle")], [("X-Rewrite-URL", "/cycle")]],
    ids=lambda headers: headers[0][0],
)
def test_no_header_makes_another_request_of_an_open_one(headers: HeaderList, worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        answer = ask(address, "GET", "/healthz?_method=POST", headers)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
        assert worker.cycles == 0


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "LocalHost", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080", "127.1.2.3"]
)
def test_without_auth_this_machine_may_call_by_its_own_names(host: str) -> None:
    with serving(guard=LoopbackGuard()) as address:
        assert ask(address, "POST", "/cycle", [("Host", host)]).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1.nip.io",
        "127.0.0.1@evil.example",
        "localhost:80:80",
        "[::1",
        "[::1]x",
        "::1",
        "",
        "0.0.0.0",
        "192.168.0.1",
    ],
)
def test_without_auth_a_name_bound_to_loopback_is_refused(host: str, worker: FakeWorker) -> None:
    with serving(worker, LoopbackGuard()) as address:
        for method, path in CLOSED:
            answer = ask(address, method, path, [("Host", host)])
            assert answer.status in (400, 403)
            assert answer.headers["content-type"] == "application/problem+json"
        assert worker.cycles == 0


@pytest.mark.parametrize(
    "guarded", [LoopbackGuard(), BearerGuard(TOKEN), CloudRunGuard()], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Origin", "https://evil.example")], 403),
        ([("Origin", "null")], 403),
        ([("Origin", "http://localhost:9999")], 403),
        ([("Origin", "http://localhost:8080"), ("Origin", "https://evil.example")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "same-site")], 403),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")], 403),
        ([("Origin", "http://localhost:8080"), ("Sec-Fetch-Site", "cross-site")], 403),
        ([("Origin", "http://localhost:8080")], 200),
        ([("Origin", "https://LOCALHOST:8080"), ("Sec-Fetch-Site", "same-origin")], 200),
        ([("Sec-Fetch-Site", "none")], 200),
    ],
    ids=str,
)
def test_another_site_cannot_make_a_browser_call(
    guarded: Guard, headers: list[tuple[str, str]], status: int, worker: FakeWorker
) -> None:
    with serving(worker, guarded) as address:
        assert ask(address, "POST", "/cycle", [("Host", "localhost:8080"), GOOD, *headers]).status == status
        assert worker.cycles == (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")], 403),
        ([("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Mode", "cors")], 403),
        ([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")], 403),
        ([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")], 403),
        ([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")], 200),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "cors")], 200),
        ([("Origin", "https://grafana.example")], 200),
    ],
    ids=str,
)
def test_another_site_may_link_here_and_not_read(headers: list[tuple[str, str]], status: int) -> None:
    with serving(guard=BearerGuard(TOKEN)) as address:
        assert ask(address, "GET", "/openapi.json", [GOOD, *headers]).status == status


def test_another_site_may_link_to_pages_only() -> None:
    link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    with serving(guard=BearerGuard(TOKEN)) as address:
        for path in ("/api/systems/a/messages", "/api/nothing"):
            assert ask(address, "GET", path, [GOOD, *link]).status == 403
        assert ask(address, "GET", "/nothing", [GOOD, *link]).status == 404


def basic(user: str, password: str) -> tuple[str, str]:
    return ("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")


def test_a_browser_asks_its_user_for_the_token_as_a_password(worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        for headers in ([("Accept", "text/html,*/*;q=0.8")], [("Sec-Fetch-Mode", "navigate")]):
            answer = ask(address, "GET", "/openapi.json", headers)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == 'Basic realm="exporter", charset="UTF-8"'
            wrong = ask(address, "GET", "/openapi.json", [*headers, basic("", "not-the-token-at-all")])
            assert (wrong.status, wrong.headers["www-authenticate"][:5]) == (401, "Basic")
        for user in ("", "anybody", "caf\xe9"):
            assert ask(address, "GET", "/openapi.json", [basic(user, TOKEN)]).status == 200


@pytest.mark.parametrize(
    "credentials",
    [
        basic(TOKEN, ""),
        basic(TOKEN, "x"),
        basic("", f"{TOKEN}:"),
        basic("", f":{TOKEN}"),
        basic("", TOKEN[1:]),
        ("Authorization", f"Basic {TOKEN}"),
        ("Authorization", "Basic"),
        ("Authorization", "Basic !!!!"),
        ("Authorization", f"Basic {base64.b64encode(TOKEN.encode()).decode()}"),
        ("Authorization", "Basic " + base64.b64encode(b"\xff\xfe:" + TOKEN.encode()).decode()),
        ("Authorization", f"Bearer {basic('', TOKEN)[1][6:]}"),
    ],
    ids=lambda each: each[1],
)
def test_a_password_that_is_not_the_token_does_not_count(credentials: tuple[str, str], worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        assert ask(address, "POST", "/cycle", [credentials]).status == 401
        assert worker.cycles == 0


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    for environ in ({"EXPORTER_TOKEN": TOKEN}, {"EXPORTER_TOKEN_FILE": str(file)}):
        assert guard(anywhere("bearer"), environ) == BearerGuard(TOKEN)
    assert TOKEN not in repr(guard(anywhere("bearer"), {"EXPORTER_TOKEN": TOKEN}))


@pytest.mark.parametrize(
    "token", ["", "fifteen-letters", "with a space in it", "two\nlines-of-a-token", "caf\xe9-caf\xe9-caf\xe9-caf\xe9"]
)
def test_a_token_that_is_none_is_refused_and_not_shown(token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(token.encode("latin-1"))
    for environ in ({"EXPORTER_TOKEN": token}, {"EXPORTER_TOKEN_FILE": str(file)}):
        with pytest.raises(UsageError) as raised:
            guard(anywhere("bearer"), environ)
        assert not token or token not in str(raised.value)
        assert raised.value.__cause__ is None
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "neither is set"),
        ({"EXPORTER_TOKEN": TOKEN, "EXPORTER_TOKEN_FILE": "/x"}, "both are set"),
        ({"EXPORTER_TOKEN_FILE": "/nowhere/token"}, "/nowhere/token cannot be read: No such file or directory"),
        ({"EXPORTER_TOKEN_FILE": "/"}, "/ cannot be read: Is a directory"),
    ],
)
def test_where_the_token_is_must_be_clear(environ: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        guard(anywhere("bearer"), environ)


def test_cloud_run_is_trusted_on_cloud_run_only(worker: FakeWorker) -> None:
    with pytest.raises(UsageError, match="K_SERVICE is not set"):
        guard(anywhere("cloud_run"), {})
    with pytest.raises(UsageError, match="K_SERVICE is not set"):
        guard(anywhere("cloud_run"), {"K_SERVICE": ""})
    with serving(worker, guard(anywhere("cloud_run"), {"K_SERVICE": "exporter"})) as address:
        assert ask(address, "POST", "/cycle", [("Host", "exporter-abc.a.run.app")]).status == 200


@pytest.mark.parametrize("audience", [None, "", "example.com"])
def test_iap_needs_an_audience(audience: str | None) -> None:
    environ = {} if audience is None else {"EXPORTER_IAP_AUDIENCE": audience}
    with pytest.raises(UsageError, match="EXPORTER_IAP_AUDIENCE"):
        guard(anywhere("iap"), environ)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(UsageError, match="none of bearer, iap, cloud_run"):
        guard(anywhere("basic"), {})


def test_without_auth_the_guard_is_that_of_loopback() -> None:
    assert guard(Listen("127.0.0.1", 0), {}) == LoopbackGuard()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_prober_may_ask_with_head(path: str, worker: FakeWorker) -> None:
    with serving(worker, BearerGuard(TOKEN)) as address:
        answer, whole = (ask(address, method, path) for method in ("HEAD", "GET"))
    assert (answer.status, answer.body) == (whole.status, b"")
    assert answer.headers["content-length"] == whole.headers["content-length"]
