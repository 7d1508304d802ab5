"""What the stand-in answers: arguments are checked, computed values are unknown in a plan and filled in by apply, and
state is given back as it was.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

from tests.terraform.standin import rules
from tests.terraform.standin.identities import DATA_IDENTITIES, IDENTITIES, named
from tests.terraform.standin.protocol import Handler
from tests.terraform.standin.rules import Refusal
from tests.terraform.standin.values import UNKNOWN, known, mapped, pack, unpack

Fields = Mapping[str, Any]
"""Fields of a response of the protocol."""

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_FROM_PROVIDER = {"project": "project", "region": "region", "location": "region", "zone": "zone"}
"""Arguments that default to one of the provider's."""

_LABELS = ("terraform_labels", "effective_labels")
_ATTRIBUTION = {"goog-terraform-provisioned": "true"}
_SENSITIVE = frozenset({"access_token", "auth_token", "password", "secret_data", "secret_data_wo", "service_key"})
"""Arguments that the genuine provider marks as secrets: the packages do not tell."""

_EMPTY: Mapping[Any, Any] = {"list": [], "set": [], "map": {}, "object": {}}
_SIMPLE: Mapping[Any, Any] = {"number": 0, "bool": False}


class Provider:
    """One configured provider: Terraform starts a process for each."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._resources: Mapping[str, Any] = schema["resources"]
        self._data_sources: Mapping[str, Any] = schema["data_sources"]
        self._configured: dict[str, Any] = {}
        self._created: Counter[str] = Counter()
        self._lock = threading.Lock()

    def handlers(self) -> Mapping[str, Handler]:
        """The calls of the protocol."""
        return {
            "GetProviderSchema": self._describe,
            "ValidateProviderConfig": lambda request: {},
            "ConfigureProvider": self._configure,
            "ValidateResourceConfig": self._validate,
            "ValidateDataResourceConfig": lambda request: {},
            "UpgradeResourceState": lambda request: {"upgraded_state": pack(json.loads(request.raw_state.json))},
            "ReadResource": lambda request: {"new_state": request.current_state},
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read,
            "StopProvider": lambda request: {},
        }

    def _describe(self, request: Any) -> Fields:
        return {
            "provider": _schema(self._schema["provider"]),
            "resource_schemas": [{"key": name, "value": _schema(block)} for name, block in self._resources.items()],
            "data_source_schemas": [
                {"key": name, "value": _schema(block)} for name, block in self._data_sources.items()
            ],
        }

    def _configure(self, request: Any) -> Fields:
        self._configured = unpack(request.config)
        return {}

    def _validate(self, request: Any) -> Fields:
        value = unpack(request.config)
        return _diagnosed(rules.refusals(request.type_name, self._resources[request.type_name], value))

    def _plan(self, request: Any) -> Fields:
        kind, block = request.type_name, self._resources[request.type_name]
        prior, proposed = unpack(request.prior_state), unpack(request.proposed_new_state)
        if proposed is None:
            return {"planned_state": pack(None)}
        value = self._defaulted(block, proposed)
        fixed = sorted(IDENTITIES[kind].arguments)
        unset = [name for name in fixed if name in _FROM_PROVIDER and value.get(name) is None]
        if unset:
            return _diagnosed(Refusal(name, f"{name}: required field is not set") for name in unset)
        planned = mapped(block, value, _unknown_if_computed)
        replaced = [] if prior is None else [name for name in fixed if planned.get(name) != prior.get(name)]
        return {
            "planned_state": pack(planned),
            "requires_replace": [{"steps": [{"attribute_name": name}]} for name in replaced],
            "legacy_type_system": True,
        }

    def _defaulted(self, block: Mapping[str, Any], proposed: Mapping[str, Any]) -> dict[str, Any]:
        """What the provider fills in before anything is created: where things are, labels, and the policy of deletion."""
        attributes = block["attributes"]
        value = dict(proposed)
        for name, source in {**_FROM_PROVIDER, "deletion_policy": "deletion_policy"}.items():
            if name in attributes and attributes[name].get("computed") and value.get(name) is None:
                value[name] = self._configured.get(source)
        if "deletion_policy" in attributes and value["deletion_policy"] is None:
            value["deletion_policy"] = "DELETE"
        if "effective_labels" in attributes:
            value.update(dict.fromkeys(_LABELS, self._labels(value.get("labels"))))
        if "effective_annotations" in attributes:
            value["effective_annotations"] = value.get("annotations") or {}
        return value

    def _labels(self, given: Any) -> Any:
        """A resource's labels with the provider's own."""
        parts = (self._configured.get("default_labels") or {}, _ATTRIBUTION, given or {})
        return {name: label for part in parts for name, label in part.items()} if known(list(parts)) else UNKNOWN

    def _apply(self, request: Any) -> Fields:
        kind, block = request.type_name, self._resources[request.type_name]
        prior, planned = unpack(request.prior_state), unpack(request.planned_state)
        if planned is None:
            refusal = rules.protected(kind, prior)
            return {"new_state": request.prior_state, **_diagnosed([refusal])} if refusal else {"new_state": pack(None)}
        serial = self._serial(kind, planned)
        names = named(IDENTITIES[kind], planned, serial)
        if prior is None and not self._is_new(kind, names["id"]):
            return {"new_state": pack(None), **_diagnosed([Refusal("id", f"Error 409: {names['id']} already exists")])}
        return {"new_state": pack(_filled(block, planned, names, serial)), "legacy_type_system": True}

    def _serial(self, kind: str, planned: Any) -> int:
        """A number that depends on what is created, and on how many of the same there are."""
        with self._lock:
            text = f"{kind} {msgpack.packb(planned, default=lambda unknown: 0)!r}"
            self._created[text] += 1
            return int(hashlib.sha256(f"{text} {self._created[text]}".encode()).hexdigest()[:14], 16)

    def _is_new(self, kind: str, name: str) -> bool:
        with self._lock:
            self._created[f"{kind} {name}"] += 1
            return kind.endswith("_iam_member") or self._created[f"{kind} {name}"] == 1

    def _read(self, request: Any) -> Fields:
        kind, block = request.type_name, self._data_sources[request.type_name]
        value = self._defaulted(block, unpack(request.config))
        if "project_id" in value and value["project_id"] is None:
            value["project_id"] = self._configured.get("project")
        names = named(DATA_IDENTITIES[kind], value, 0)
        return {"state": pack(_filled(block, mapped(block, value, _unknown_if_computed), names, 0))}


def _unknown_if_computed(name: str, attribute: Mapping[str, Any], value: Any) -> Any:
    return UNKNOWN if value is None and attribute.get("computed") else value


def _filled(
    block: Mapping[str, Any], planned: Mapping[str, Any], names: Mapping[str, str], serial: int
) -> dict[str, Any]:
    """A resource with every unknown value filled in: by its names at the top, by something plausible else."""

    def fill(name: str, attribute: Mapping[str, Any], value: Any) -> Any:
        return _plausible(name, attribute, serial) if value is UNKNOWN else value

    at_top = {name: names[name] if value is UNKNOWN and name in names else value for name, value in planned.items()}
    return mapped(block, at_top, fill)


def _plausible(name: str, attribute: Mapping[str, Any], serial: int) -> Any:
    kind = attribute["type"]
    if isinstance(kind, list):
        return _EMPTY[kind[0]]
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if name.endswith("_time"):
        return "2026-01-01T00:00:00Z"
    return attribute["values"][0] if "values" in attribute else f"{name}-{serial:x}"


def _schema(block: Mapping[str, Any]) -> Fields:
    return {"block": _block(block)}


def _block(block: Mapping[str, Any]) -> Fields:
    attributes = [
        {
            "name": name,
            "type": json.dumps(attribute["type"]).encode(),
            "sensitive": name in _SENSITIVE,
            **{flag: True for flag in ("required", "optional", "computed") if attribute.get(flag)},
        }
        for name, attribute in block["attributes"].items()
    ]
    blocks = [
        {
            "type_name": name,
            "block": _block(nested["block"]),
            "nesting": _NESTING[nested["nesting"]],
            "min_items": nested["min"],
            "max_items": nested["max"],
        }
        for name, nested in block["blocks"].items()
    ]
    return {"attributes": attributes, "block_types": blocks}


def _diagnosed(refusals: Iterable[Refusal]) -> dict[str, Any]:
    return {
        "diagnostics": [
            {"severity": 1, "summary": refusal.message, "attribute": {"steps": [{"attribute_name": refusal.argument}]}}
            for refusal in refusals
        ]
    }
