"""The image, built and run without a container engine: what is in it, and that the exporter lives in it as it will in production."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import stat
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.end_to_end.conftest import running
from tests.packaging.building import Builder, FileSystem, NoIndex
from tests.packaging.confinement import WAIT_S, Confined, complete
from tests.packaging.dockerfile import Stage, stages
from tests.programs import HOME
from tests.sandbox.running import eventually

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-one-test"


@dataclass(frozen=True)
class Image:
    """The last stage, and the file system that its steps made."""

    stage: Stage
    files: FileSystem

    def start(self, arguments: list[str], **environment: str) -> Confined:
        """Start a process in it, with nothing of this machine's environment."""
        command = [self.files.localised(each) if each.startswith("/") else each for each in arguments]
        command[0] = str(self.files.path(f"/usr/local/bin/{command[0]}"))
        variables = {**self.files.variables, **environment}
        return Confined(command, variables, self.files.path("/"), self.stage.last("USER").text)

    def run(self, arguments: list[str], **environment: str) -> tuple[int, str]:
        """Run a process in it to its end; returns its status and what it printed."""
        with self.start(arguments, **environment) as process:
            return process.finish(), process.printed

    def entry(self) -> list[str]:
        """What the image runs by itself."""
        return [*self.stage.last("ENTRYPOINT").words, *self.stage.last("CMD").words]

    def health_check(self) -> list[str]:
        """What the image asks whether it is well."""
        return [str(each) for each in yaml.safe_load(self.stage.last("HEALTHCHECK").text.removeprefix("CMD "))]

    def configure(self, text: str) -> None:
        """Mount a configuration where the image looks for it; everything else stays read-only."""
        place = self.files.path(self.entry()[-1])
        place.parent.chmod(0o755)
        place.unlink(missing_ok=True)
        place.write_text(text, encoding="utf-8")
        for path in (place, place.parent):
            path.chmod(path.stat().st_mode & ~0o222)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    found = stages(ROOT / "Dockerfile")
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        # The image's user must be able to reach it, which pytest's own folders do not let anybody.
        Path(folder).chmod(0o755)
        try:
            files = Builder(ROOT, Path(folder), HOME / "image").build(found)
        except NoIndex as why:
            pytest.skip(f"the image's packages cannot be downloaded here: {str(why).strip().splitlines()[-1]}")
        image = Image(found[-1], files)
        files.path(image.entry()[-1]).parent.mkdir(parents=True)
        change_modes(files.root, lambda mode: mode & ~0o222)
        yield image
        change_modes(files.root, lambda mode: mode | stat.S_IWUSR)


def change_modes(root: Path, change: Callable[[int], int]) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(change(stat.S_IMODE(path.stat().st_mode)))


def listing(root: Path) -> Mapping[str, tuple[int, int]]:
    """Size and time of change of everything below a folder."""
    found = ((path, path.lstat()) for path in root.rglob("*"))
    return {str(path): (each.st_size, each.st_mtime_ns) for path, each in found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(folder: Path) -> set[str]:
    return {normal(each.name) for each in distributions(path=[str(folder)])}


def locked(lock: Path) -> set[str]:
    """What a lock asks for on this machine."""
    lines = (line.split("\\")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line) for line in lines if re.match(r"[a-z0-9]", line)]
    return {normal(each.name) for each in wanted if each.marker is None or each.marker.evaluate()}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WAIT_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def test_it_holds_what_its_lock_names_and_nothing_else(image: Image) -> None:
    opt = image.files.path("/opt/exporter")
    assert installed(opt / "packages") == locked(ROOT / "requirements-image.lock")
    assert installed(opt / "app") == {"pubsub-bigquery-exporter"}
    assert {path.name for path in opt.iterdir()} == {"app", "packages"}
    assert not {"duckdb", "sqlglot", "pyarrow", "pytest", "hatchling", "setuptools", "wheel"} & installed(
        opt / "packages"
    )


def test_nothing_in_it_installs_or_builds(image: Image) -> None:
    (site,) = image.files.path("/usr/local/lib").glob("python3.*/site-packages")
    assert installed(site) == set()
    assert not [
        path.name for path in image.files.path("/usr/local/bin").iterdir() if path.name.startswith(("pip", "wheel"))
    ]
    assert {path.name for path in image.files.path("/").iterdir()} <= {"opt", "usr", "tmp", "etc"}
    status, printed = image.run(["python", "-m", "pip", "--version"])
    assert status == 1
    assert "No module named pip" in printed


def test_all_of_it_is_compiled_and_may_be_read_by_everybody(image: Image) -> None:
    files = [path for path in image.files.path("/opt").rglob("*") if not path.is_dir()]
    assert [path for path in files if not path.stat().st_mode & stat.S_IROTH] == []
    sources = {path for path in files if path.suffix == ".py"}
    compiled = {path.parent.parent / f"{path.stem.split('.')[0]}.py" for path in files if path.suffix == ".pyc"}
    assert sources - compiled == set()
    # PEP 552: the flags after the magic number say that the file is valid whatever the times of its source are.
    assert {path.read_bytes()[4:8] for path in files if path.suffix == ".pyc"} == {b"\1\0\0\0"}


@pytest.mark.parametrize("kind", ["dashboards", "alerts"])
def test_it_brings_the_templates(image: Image, kind: str) -> None:
    program = "import sys; from exporter.rendering import templates; print(*sorted(templates.read(sys.argv[1])))"
    status, printed = image.run(["python", "-c", program, kind])
    assert (status, printed.split()) == (0, sorted(path.stem for path in (ROOT / kind).glob("*.json")))


def test_it_lives_as_it_will_in_production(image: Image) -> None:
    port = free_port()
    with running(2, history_s=600) as run:
        fleet = yaml.safe_load(Path(run.sandbox.addresses.config).read_text(encoding="utf-8"))
        fleet["exporter"]["auth"] = "bearer"
        image.configure(yaml.safe_dump(fleet))
        before = listing(image.files.root)
        with image.start(image.entry(), PORT=str(port), EXPORTER_TOKEN=TOKEN) as process:
            eventually(lambda: healthy(port) or process.process.poll() is not None)
            assert process.process.poll() is None, process.printed
            check_identity(process, image.stage.last("USER").text)
            assert image.run(image.health_check(), PORT=str(port)) == (0, "")
            assert cycle(port) == 200
            process.signal(signal.SIGTERM)
            assert process.finish() == 0, process.printed
            assert "Traceback" not in process.printed
        assert listing(image.files.root) == before


def check_identity(process: Confined, user: str) -> None:
    """It has the image's user, and is the first process, wherever that can be arranged."""
    if os.geteuid() == 0:
        number, group = user.split(":")
        assert set(process.status("Uid")) == {number}
        assert set(process.status("Gid")) == {group}
    if complete():
        assert process.status("NSpid")[-1] == "1"


def cycle(port: int) -> int:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/cycle", method="POST", headers=headers)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return int(answer.status)


def test_an_image_that_nobody_can_reach_is_not_healthy(image: Image) -> None:
    status, printed = image.run(image.health_check(), PORT=str(free_port()))
    assert status == 1
    assert "ConnectionRefusedError" in printed


def test_a_port_without_a_guard_is_one_clear_message(image: Image) -> None:
    example = (ROOT / "systems.example.yaml").read_text(encoding="utf-8")
    endpoints = 'endpoints: {bigquery: "http://127.0.0.1:9", pubsub: "127.0.0.1:9", monitoring: "127.0.0.1:9"}\n'
    image.configure(example + endpoints)
    status, printed = image.run(image.entry())
    assert status == 2
    assert printed.startswith("exporter.auth: is missing")
    assert printed.count("\n") == 1


@pytest.mark.parametrize("path", ["/opt/exporter/app/written", "/tmp/written"])
def test_a_write_would_be_noticed(image: Image, path: str) -> None:
    """The confinement itself: what the tests above rely on."""
    status, printed = image.run(["python", "-c", "import sys; open(sys.argv[1], 'w')", path])
    assert status == 1
    assert "Read-only file system" in printed or "Permission denied" in printed
