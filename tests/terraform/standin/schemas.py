"""The provider's argument schemas: taken out of the packages that hold them, and kept as JSON beside the virtual
environment's own files.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.programs import HOME, Missing
from tests.terraform.packages import Package, fetch
from tests.terraform.standin.bindings import Bindings, Unreadable
from tests.terraform.standin.resources import DATA_SOURCES, RESOURCES

PACKAGES: Mapping[str, Package] = {
    "7.46.1": Package(
        "cdktn-provider-google", "20.3.1", ("562d1a5f4d9850be9f43f53b9c1cbb1899f0ce7c8daaf1e7b51181287e82a380",)
    ),
    "8.7.0": Package(
        "cdktn-provider-google", "21.1.0", ("157dead5025d5db5abe48e40cc49f0b6a4d8088fd0498eb17ad5a36bca811b2a",)
    ),
}
"""Version of the google provider -> the package that holds its schemas, under the Mozilla Public License 2.0."""

VERSIONS = tuple(PACKAGES)
"""The oldest and the newest provider that our modules are tested with."""

_FORMAT = 1
"""Rises when ``bindings.py`` reads more or otherwise, so that what was kept is made again."""

_PROVIDER = re.compile(r"providerVersion: '([\d.]+)'")


def path(version: str) -> Path:
    """Where a version's schemas are kept."""
    return HOME / "google-provider" / f"{version}.json"


def need(version: str) -> Path:
    """The schemas of a version; skips the test where they were not fetched, or are not of the types that are asked for
    now.
    """
    if not _current(version):
        pytest.skip(
            f"the schemas of google {version} ({PACKAGES[version].name}, PyPI) are not here: make programs fetches them"
        )
    return path(version)


def provide() -> list[str]:
    """Fetch and extract what is missing; says of each version that cannot be had why."""
    complaints = []
    for version, package in PACKAGES.items():
        if _current(version):
            continue
        print(f"fetching the schemas of google {version} (once, 65 MB)", file=sys.stderr)
        path(version).parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=path(version).parent, prefix=".new-") as folder:
                schema = extract(fetch(package, Path(folder)), version)
                new = Path(folder) / "schema.json"
                new.write_text(json.dumps(schema), encoding="utf-8")
                new.replace(path(version))
        except (Missing, Unreadable, OSError) as why:
            complaints.append(f"google provider {version} ({package.name} {package.version}, PyPI): {why}")
    return complaints


def extract(wheel: Path, version: str) -> dict[str, Any]:
    """Read the schemas of our types out of a package."""
    found = {
        name: (Bindings(javascript, declarations), javascript) for name, javascript, declarations in _sources(wheel)
    }
    missing = _folders().keys() - found.keys()
    if missing:
        raise Unreadable(f"not in {wheel.name}: {', '.join(sorted(missing))}")
    other = {said for _, javascript in found.values() for said in _PROVIDER.findall(javascript)} - {version}
    if other:
        raise Unreadable(f"{wheel.name} holds google {', '.join(sorted(other))}, not {version}")
    schema: dict[str, Any] = {"stamp": _stamp(), "provider": {}, "resources": {}, "data_sources": {}}
    for folder, (part, kind) in _folders().items():
        block = found[folder][0].schema()
        if part == "provider":
            schema["provider"] = block
        else:
            schema[part][kind] = block
    return schema


def _current(version: str) -> bool:
    if not path(version).exists():
        return False
    return bool(json.loads(path(version).read_text(encoding="utf-8"))["stamp"] == _stamp())


def _stamp() -> list[Any]:
    return [_FORMAT, *RESOURCES, *DATA_SOURCES]


def _folders() -> dict[str, tuple[str, str]]:
    """Folder of the package -> part of the schema, and the name of the type in it."""
    resources = {kind.removeprefix("google_").replace("_", "-"): ("resources", kind) for kind in RESOURCES}
    data_sources = {f"data-{kind}".replace("_", "-"): ("data_sources", kind) for kind in DATA_SOURCES}
    return {"provider": ("provider", ""), **resources, **data_sources}


def _sources(wheel: Path) -> Iterator[tuple[str, str, str]]:
    """Folder, JavaScript and declarations of each of our types, out of the archive inside the wheel."""
    wanted = {f"package/lib/{folder}/index.{suffix}" for folder in _folders() for suffix in ("js", "d.ts")}
    texts: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as package:
        (inner,) = (name for name in package.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read(inner)), mode="r:gz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name in wanted else None
                if content is not None:
                    texts[member.name] = content.read().decode()
    for name in sorted(texts):
        declarations = texts.get(name.removesuffix(".js") + ".d.ts")
        if name.endswith(".js") and declarations is not None:
            yield name.split("/")[2], texts[name], declarations
