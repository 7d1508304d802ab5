"""The Dockerfile as a text: a linter's rules, and those that no linter knows."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging import linters
from tests.packaging.dockerfile import Stage, stages

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def complaints(path: Path) -> Iterator[str]:
    """What breaks this project's own rules."""
    found = stages(path)
    names = {stage.name for stage in found}
    for stage in found:
        if stage.base not in names and not re.fullmatch(
            r"python:3\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", stage.base
        ):
            yield f"{stage.base} is not pinned by tag and digest"
        yield from _of_stage(stage)
    yield from _of_the_last(found[-1])


def _of_stage(stage: Stage) -> Iterator[str]:
    for step in stage.all("RUN"):
        for install in re.findall(r"pip install [^&;]*", step.text):
            if not {"--require-hashes", "--no-index"} & set(install.split()):
                yield f"what this installs is not locked: {install}"
        if re.search(r"\b(apt|apt-get|curl|wget)\b", step.text):
            yield f"this fetches what no lock pins: {step.text}"
    for step in stage.all("COPY"):
        if "." in step.words[:-1]:
            yield "all of the context is copied"
    for step in stage.all("ADD"):
        yield f"ADD fetches and unpacks: {step.text}"


def _of_the_last(stage: Stage) -> Iterator[str]:
    user = re.fullmatch(r"(\d+):(\d+)", stage.last("USER").text) if stage.all("USER") else None
    if user is None or "0" in user.groups():
        yield "the user is root, or a name"
    for name in ("ENTRYPOINT", "CMD"):
        if not stage.all(name) or not stage.last(name).text.startswith("["):
            yield f"{name} is no list: a shell would be process 1"
    if not stage.all("HEALTHCHECK") or "/healthz" not in stage.last("HEALTHCHECK").text:
        yield "no health check asks /healthz"
    if [each.text for each in stage.all("EXPOSE")] != [stage.environment.get("PORT")]:
        yield "what is exposed is not $PORT"
    if [each.text for each in stage.all("STOPSIGNAL")] != ["SIGTERM"]:
        yield "it is not stopped with SIGTERM"
    if any(step.flags.get("from") is None for step in stage.all("COPY")):
        yield "the last stage copies from the context"


def test_hadolint_has_nothing_to_say() -> None:
    done = linters.dockerfile(DOCKERFILE)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_keeps_our_rules() -> None:
    assert list(complaints(DOCKERFILE)) == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("--only-binary :all: --require-hashes -r requirements-build.lock", "hatchling", "DL3013"),
        ("ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1", "ENV PIP_DISABLE_PIP_VERSION_CHECK=1", "DL3042"),
        ("WORKDIR /src", "WORKDIR src", "DL3000"),
        ("--from=wheel", "--from=wheels", "DL3022"),
    ],
)
def test_hadolint_names_a_mistake(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert named in linters.dockerfile(planted(tmp_path, old, new)).stdout


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("@sha256:", "@sha256:0", "is not pinned"),
        ("python:3.13.16-slim-trixie@sha256", "python@sha256", "is not pinned"),
        ("--no-index ", "", "is not locked"),
        ("--require-hashes ", "", "is not locked"),
        ("RUN python -m pip uninstall", "RUN apt-get update && python -m pip uninstall", "no lock pins"),
        ("COPY exporter ./exporter", "COPY . .", "all of the context"),
        ("USER 65532:65532", "USER exporter", "the user is root"),
        ("USER 65532:65532", "USER 0:0", "the user is root"),
        ('ENTRYPOINT ["python", "-m", "exporter"]', "ENTRYPOINT python -m exporter", "a shell would be process 1"),
        ("/healthz", "/", "no health check"),
        ("EXPOSE 8080", "EXPOSE 80", "not $PORT"),
        ("STOPSIGNAL SIGTERM\n", "", "not stopped with SIGTERM"),
        ("WORKDIR /\n", "WORKDIR /\nCOPY systems.yaml /etc/exporter/\n", "from the context"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert any(named in each for each in complaints(planted(tmp_path, old, new)))


def planted(folder: Path, old: str, new: str) -> Path:
    """The Dockerfile with a mistake."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert old in text
    path = folder / "Dockerfile"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def sent(path: str, patterns: list[str]) -> bool:
    """Whether a path of the checkout goes to the builder: the last pattern that matches it or a folder above it decides."""
    above = ["/".join(path.split("/")[: count + 1]) for count in range(path.count("/") + 1)]
    excluded = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(
            fnmatch.fnmatch(each, wanted) or fnmatch.fnmatch(f"/{each}", wanted.replace("**", "*")) for each in above
        ):
            excluded = not pattern.startswith("!")
    return not excluded


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    copied = {
        source
        for stage in stages(DOCKERFILE)
        for step in stage.all("COPY")
        if "from" not in step.flags
        for source in step.words[:-1]
    }
    assert {path.name for path in ROOT.iterdir() if sent(path.name, patterns)} == copied
    assert sent("exporter/cli.py", patterns)
    for kept in (
        ".git/config",
        ".venv/bin/python",
        "tests/conftest.py",
        "systems.yaml",
        "exporter/__pycache__/cli.pyc",
    ):
        assert not sent(kept, patterns)
