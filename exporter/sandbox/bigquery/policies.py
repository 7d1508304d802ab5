"""The API's methods for the IAM policies of tables and views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exporter.sandbox.bigquery.catalog import Table, View
from exporter.sandbox.bigquery.errors import ApiError, Json, invalid
from exporter.sandbox.bigquery.methods import Call
from exporter.sandbox.iam import EXPORTER

_VERSION = 1


def _item(call: Call, permission: str) -> Table | View:
    ref = call.table
    call.engine.demand(permission, "Table", str(ref), f"{ref.project}:{ref.dataset}.{ref.table}")
    return call.engine.catalog.item(ref)


def _shown(item: Table | View) -> Json:
    return {"version": _VERSION, "etag": f"policy/{item.policy_version}", "bindings": list(item.bindings)}


def get(call: Call) -> Json:
    """tables.getIamPolicy."""
    return _shown(_item(call, "bigquery.tables.getIamPolicy"))


def set_(call: Call) -> Json:
    """tables.setIamPolicy: with an ``etag`` that is not the present one, nothing is changed."""
    item = _item(call, "bigquery.tables.setIamPolicy")
    policy = call.body.get("policy")
    if not isinstance(policy, Mapping):
        raise invalid("Required parameter is missing: policy", "policy")
    etag = policy.get("etag")
    if etag and etag != _shown(item)["etag"]:
        raise ApiError(
            409, "conflict", "There were concurrent policy changes. Please retry the whole read-modify-write."
        )
    bindings = policy.get("bindings") or []
    pairs = list(_pairs(bindings))
    item.bindings, item.policy_version = bindings, item.policy_version + 1
    call.engine.iam.take_over(str(item.ref), pairs)
    return _shown(item)


def _pairs(bindings: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(bindings, list):
        raise invalid("policy.bindings is a list", "policy.bindings")
    for binding in bindings:
        members = binding.get("members") if isinstance(binding, Mapping) else None
        if not isinstance(members, list) or not isinstance(binding.get("role"), str):
            raise invalid("A binding has a role and a list of members", "policy.bindings")
        for member in members:
            if not isinstance(member, str) or not (":" in member or member in ("allUsers", "allAuthenticatedUsers")):
                raise invalid(f"Invalid member: {member}", "policy.bindings")
            yield binding["role"], member


def test(call: Call) -> Json:
    """tables.testIamPermissions."""
    ref = call.table
    call.engine.catalog.item(ref)
    asked = call.body.get("permissions") or []
    granted = [each for each in asked if call.engine.iam.allowed(EXPORTER, each, str(ref))]
    return {"permissions": granted} if granted else {}
