"""How schemas come here: packages by their hashes, and their generated JavaScript read strictly."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.programs import Missing
from tests.terraform.packages import Package, fetch
from tests.terraform.standin import schemas
from tests.terraform.standin.bindings import Bindings, Unreadable
from tests.terraform.standin.schemas import VERSIONS

# Written as the generator writes, with one of each kind of argument.
JAVASCRIPT = """
function thingPartToHclTerraform(struct) {
    const attrs = {
        size: {
            value: cdktn.numberToHclTerraform(struct.size),
            isBlock: false,
            type: "simple",
        },
    };
}
class ThingPartOutputReference extends cdktn.ComplexObject {
    // size - computed: false, optional: false, required: true
    _size;
}
class ThingReportOutputReference extends cdktn.ComplexObject {
    // at - computed: true, optional: false, required: false
    get at() {
        return this.getStringAttribute('at');
    }
}
function thingReportToHclTerraform(struct) {
    const attrs = {
    };
}
class Thing extends cdktn.TerraformResource {
    // colour - computed: false, optional: true, required: false
    _colour;
    // members - computed: false, optional: true, required: false
    _members;
    // labels - computed: true, optional: true, required: false
    _labels;
    // count - computed: true, optional: false, required: false
    get count() {
        return this.getNumberAttribute('count');
    }
    // zones - computed: true, optional: false, required: false
    get zones() {
        return cdktn.Fn.tolist(this.getListAttribute('zones'));
    }
    // facts - computed: true, optional: false, required: false
    _facts = new cdktn.StringMap(this, "facts");
    // reports - computed: true, optional: false, required: false
    _reports = new ThingReportList(this, "reports", false);
    // one - computed: false, optional: false, required: true
    _one;
    // many - computed: false, optional: true, required: false
    _many;
    synthesizeHclAttributes() {
        const attrs = {
            colour: {
                value: cdktn.stringToHclTerraform(this._colour),
                isBlock: false,
                type: "simple",
            },
            members: {
                value: cdktn.listMapperHcl(cdktn.stringToHclTerraform, false)(this._members),
                isBlock: false,
                type: "set",
            },
            labels: {
                value: cdktn.hashMapperHcl(cdktn.stringToHclTerraform)(this._labels),
                isBlock: false,
                type: "map",
            },
            one: {
                value: thingPartToHclTerraform(this._one.internalValue),
                isBlock: true,
                type: "list",
            },
            many: {
                value: cdktn.listMapperHcl(thingPartToHclTerraform, true)(this._many.internalValue),
                isBlock: true,
                type: "list",
            },
        };
    }
}
"""

DECLARATIONS = """
export interface ThingConfig extends cdktn.TerraformMetaArguments {
    /**
    * What it looks like. Possible values: ["RED",
    * "BLUE"]
    */
    readonly colour?: string;
}
"""

PART = {"attributes": {"size": {"type": "number", "required": True}}, "blocks": {}}


def test_one_of_each_kind_is_read() -> None:
    assert Bindings(JAVASCRIPT, DECLARATIONS).schema() == {
        "attributes": {
            "colour": {"type": "string", "optional": True, "values": ["RED", "BLUE"]},
            "members": {"type": ["set", "string"], "optional": True},
            "labels": {"type": ["map", "string"], "computed": True, "optional": True},
            "count": {"type": "number", "computed": True},
            "zones": {"type": ["set", "string"], "computed": True},
            "facts": {"type": ["map", "string"], "computed": True},
            "reports": {"type": ["list", ["object", {"at": "string"}]], "computed": True},
        },
        "blocks": {
            "one": {"nesting": "list", "min": 1, "max": 1, "block": PART},
            "many": {"nesting": "list", "min": 0, "max": 0, "block": PART},
        },
    }


def test_what_is_not_understood_is_not_guessed() -> None:
    with pytest.raises(Unreadable, match=r"Thing\.count"):
        Bindings(JAVASCRIPT.replace("getNumberAttribute", "getOtherAttribute"), DECLARATIONS).schema()


@pytest.mark.parametrize("version", VERSIONS)
def test_known_facts_of_the_genuine_provider(version: str) -> None:
    resources = json.loads(schemas.need(version).read_text(encoding="utf-8"))["resources"]
    policy = resources["google_monitoring_alert_policy"]
    assert policy["attributes"]["combiner"]["values"] == ["AND", "OR", "AND_WITH_MATCHING_RESOURCE"]
    assert (policy["blocks"]["conditions"]["min"], policy["blocks"]["conditions"]["max"]) == (1, 0)
    subscription = resources["google_pubsub_subscription"]
    assert subscription["attributes"]["topic"] == {"type": "string", "required": True}
    assert subscription["blocks"]["bigquery_config"]["max"] == 1
    assert resources["google_project_iam_custom_role"]["attributes"]["permissions"]["type"] == ["set", "string"]
    assert resources["google_service_account"]["attributes"]["email"] == {"type": "string", "computed": True}


def test_a_package_without_our_types_is_refused_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"not in other-1-py3-none-any\.whl: .*pubsub-topic"):
        schemas.extract(_wheel(tmp_path, {"package/lib/provider/index.js": JAVASCRIPT}), VERSIONS[0])


def test_a_package_comes_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "registry").mkdir()
    wheel = _wheel(tmp_path / "registry", {})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert fetch(Package("other", "1", (digest,)), _folder(tmp_path, "good")).read_bytes() == wheel.read_bytes()
    with pytest.raises(Missing, match=r"(?i)hash"):
        fetch(Package("other", "1", ("0" * 64,)), _folder(tmp_path, "changed"))
    with pytest.raises(Missing, match=r"No matching distribution found for absent==1"):
        fetch(Package("absent", "1", (digest,)), _folder(tmp_path, "absent"))


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def _wheel(folder: Path, sources: dict[str, str]) -> Path:
    """A wheel with an archive of generated sources in it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in sources.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    wheel = folder / "other-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr("other/sources.jsii.tgz", archive.getvalue())
        package.writestr("other-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: other\nVersion: 1\n")
        package.writestr("other-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        package.writestr("other-1.dist-info/RECORD", "")
    return wheel
