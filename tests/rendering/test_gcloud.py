"""The commands of docs/deploying.md that apply what is rendered, run by the real ``gcloud`` against a server in Google's place."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from exporter import config
from exporter.rendering import alerts, dashboards, writing
from exporter.rendering.backends import Backend
from tests.rendering.test_command import EXAMPLE, ROOT

PAGE = ROOT / "docs" / "deploying.md"
PROJECT = "acme-observability"
CHANNEL = f"projects/{PROJECT}/notificationChannels/123"


class Monitoring(ThreadingHTTPServer):
    """Cloud Monitoring's dashboards and policies, as far as they are made, replaced, listed and deleted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, dict[str, Any]] = {}
        self.done: list[tuple[str, str]] = []

    def add(self, kind: str, title: str, **more: Any) -> str:
        """Keep something that was there before; its name."""
        name = f"projects/{PROJECT}/{kind}/{len(self.kept) + len(self.done) + 1}"
        self.kept[name] = {"name": name, "displayName": title, **more}
        return name


class _Handler(BaseHTTPRequestHandler):
    server: Monitoring

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def _name(self) -> str:
        return re.sub(r"^/v[13]/", "", self.path.partition("?")[0])

    def _body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def do_GET(self) -> None:
        """List."""
        kind = self._name.rsplit("/", 1)[1]
        self._answer(200, {kind: [each for name, each in self.server.kept.items() if f"/{kind}/" in name]})

    def do_POST(self) -> None:
        """Make."""
        body = self._body()
        kind = self._name.rsplit("/", 1)[1]
        name = self.server.add(kind, body.pop("displayName"), **body)
        self.server.done.append(("create", self.server.kept[name]["displayName"]))
        self._answer(200, self.server.kept[name])

    def do_PATCH(self) -> None:
        """Replace."""
        body = self._body()
        if "/dashboards/" in self._name and not body.get("etag"):
            self._answer(400, {"error": {"code": 400, "message": "Update Dashboard should specify a non empty etag."}})
            return
        self.server.kept[self._name] = {**body, "name": self._name}
        self.server.done.append(("update", body["displayName"]))
        self._answer(200, self.server.kept[self._name])

    def do_DELETE(self) -> None:
        """Delete."""
        self.server.done.append(("delete", self.server.kept.pop(self._name)["displayName"]))
        self._answer(200, {})


@contextmanager
def monitoring() -> Iterator[Monitoring]:
    server = Monitoring()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def commands() -> tuple[list[str], str]:
    """What the page says: how to render, and what applies that."""
    text = PAGE.read_text("utf-8").split("## Dashboards and alerts without Terraform")[1]
    lines = text.split("```bash\n")[1].split("```")[0].splitlines()
    rendering = [line for line in lines if line.startswith("exporter render ")]
    return rendering, "\n".join(line for line in lines if line not in rendering)


def words() -> str:
    """What this ``gcloud`` calls the commands: policies were in alpha for long. Skips the test where it knows neither."""
    for found in ("gcloud monitoring", "gcloud alpha monitoring"):
        asked = [*found.split(), "policies", "list", "--help"]
        if (
            subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False).returncode
            == 0
        ):
            return found
    pytest.skip("this gcloud knows no monitoring policies: gcloud components install alpha")


def run(script: str, folder: Path, server: Monitoring) -> None:
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING": f"http://127.0.0.1:{server.server_address[1]}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "MONITORING": words(),
    }
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr


def rendered(folder: Path) -> dict[str, dict[str, Any]]:
    """Files of two dashboards and two policies of the example, where the page has them; their content by title."""
    fleet = config.load(EXAMPLE)
    found = {}
    for what, renderer in (("dashboards", dashboards.render), ("alerts", alerts.render)):
        documents = dict(list(renderer(fleet, Backend.CLOUD_MONITORING).items())[-2:])
        writing.write(documents, folder / "out" / what, what)
        found.update({each["displayName"]: each for each in map(json.loads, documents.values())})
    return found


@pytest.mark.skipif(shutil.which("gcloud") is None or shutil.which("jq") is None, reason="needs gcloud and jq")
def test_what_the_page_says_makes_updates_and_removes(tmp_path: Path) -> None:
    wanted = rendered(tmp_path)
    dashboard, new_dashboard, policy, new_policy = wanted
    with monitoring() as server:
        server.add("dashboards", dashboard, etag="7")
        server.add("dashboards", "Pipeline gone (flights)", etag="7")
        others = [
            server.add("dashboards", title, etag="7") for title in ("Pipeline gone (trains)", "My own of flights")
        ]
        server.add("alertPolicies", policy, userLabels={"fleet": "flights"})
        server.add("alertPolicies", "flights: gone", userLabels={"fleet": "flights"})
        others += [server.add("alertPolicies", "trains: gone", userLabels={"fleet": "trains"})]
        run(commands()[1], tmp_path, server)
    assert sorted(server.done) == sorted(
        [
            *(("create", title) for title in (new_dashboard, new_policy)),
            *(("update", title) for title in (dashboard, policy)),
            *(("delete", title) for title in ("Pipeline gone (flights)", "flights: gone")),
        ]
    )
    assert {server.kept.pop(name)["displayName"] for name in others}
    for each in server.kept.values():
        kept = {key: value for key, value in each.items() if key not in ("name", "etag", "notificationChannels")}
        assert kept == wanted.pop(each["displayName"])
        assert each.get("notificationChannels", [CHANNEL]) == [CHANNEL]
        assert "/dashboards/" in each["name"] or "notificationChannels" in each
    assert wanted == {}


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_where_nothing_is_rendered_nothing_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out" / "dashboards").mkdir(parents=True)
    called = tmp_path / "called"
    script = f"MONITORING='touch {called}'\n{commands()[1]}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert not called.exists()


def test_the_page_renders_into_what_it_applies() -> None:
    rendering, applying = commands()
    for line in rendering:
        what, directory = line.split()[2], line.split()[-1]
        assert directory == f"out/{what}"
        assert directory in applying
