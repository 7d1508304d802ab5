"""Rules of the genuine provider that its schema does not tell, for the types that our modules use.

Checked when a configuration is validated: values of enumerations; values for what only the provider computes; JSON
where text must be JSON; the forms of ids; members of IAM; destinations of a subscription that exclude each other; a
role without permissions. Checked on apply: two resources with one name in the same run (the API's answer, 409), and the
deletion of what is protected. All of them are in the provider's source or documentation; there are many more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.terraform.standin.values import UNKNOWN


@dataclass(frozen=True)
class Refusal:
    """What is wrong, and the argument that it is about."""

    argument: str
    message: str


FORMS: Mapping[tuple[str, str], str] = {
    ("google_bigquery_dataset", "dataset_id"): r"[0-9A-Za-z_]{1,1024}",
    ("google_project_iam_custom_role", "role_id"): r"[a-zA-Z0-9_.]{3,64}",
    ("google_service_account", "account_id"): r"[a-z][-a-z0-9]{4,28}[a-z0-9]",
}
"""Forms of arguments, as regular expressions that match the whole."""

JSON_TEXTS = frozenset({("google_monitoring_dashboard", "dashboard_json"), ("google_bigquery_table", "schema")})
DESTINATIONS = ("push_config", "bigquery_config", "cloud_storage_config")
_MEMBER = re.compile(r".+:.+|projectOwners|projectReaders|projectWriters|allUsers|allAuthenticatedUsers")
_PROTECTED = frozenset({"google_bigquery_table", "google_cloud_run_v2_service"})


def refusals(kind: str, block: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[Refusal]:
    """Everything that is wrong with a configuration; values that are not known yet are not judged."""
    yield from _attributes(block, value, ())
    for name, text in value.items():
        if isinstance(text, str):
            yield from _texts(kind, name, text)
    given = [name for name in DESTINATIONS if value.get(name)] if kind == "google_pubsub_subscription" else []
    if len(given) > 1:
        yield Refusal(given[0], f'"{given[0]}": conflicts with {given[1]}')
    if kind == "google_project_iam_custom_role" and value.get("permissions") == []:
        yield Refusal(
            "permissions",
            "Not enough list items: attribute permissions requires 1 item minimum, but config has only 0 declared",
        )


def protected(kind: str, prior: Mapping[str, Any]) -> Refusal | None:
    """Why a resource may not be deleted, if so."""
    if kind in _PROTECTED and prior.get("deletion_protection") is not False:
        return Refusal(
            "deletion_protection",
            f"cannot destroy {prior['id']} without setting deletion_protection=false and running apply",
        )
    if prior.get("deletion_policy") == "PREVENT":
        return Refusal("deletion_policy", f'cannot destroy {prior["id"]}: deletion_policy is "PREVENT"')
    return None


def _attributes(block: Mapping[str, Any], value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Refusal]:
    """What is wrong with single arguments, in blocks too."""
    for name, attribute in block["attributes"].items():
        given = value.get(name)
        if given is not None and not (attribute.get("optional") or attribute.get("required")):
            yield Refusal(_first(path, name), f'Can\'t configure a value for "{".".join((*path, name))}"')
        for each in given if isinstance(given, list) else [given]:
            # An empty text is the same as none, as everywhere in this provider.
            if "values" in attribute and each not in (None, "", UNKNOWN) and each not in attribute["values"]:
                yield Refusal(_first(path, name), _one_of((*path, name), attribute["values"], each))
    for name, nested in block["blocks"].items():
        inner = value.get(name)
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict):
                yield from _attributes(nested["block"], each, (*path, name))


def _first(path: Sequence[str], name: str) -> str:
    return path[0] if path else name


def _one_of(path: Sequence[str], values: Sequence[str], given: str) -> str:
    return f"expected {'.'.join(path)} to be one of {json.dumps(values)}, got {given}"


def _texts(kind: str, name: str, text: str) -> Iterator[Refusal]:
    form = FORMS.get((kind, name))
    if form is not None and not re.fullmatch(form, text):
        yield Refusal(name, f'"{name}" ("{text}") doesn\'t match regexp "^{form}$"')
    if (kind, name) in JSON_TEXTS:
        try:
            json.loads(text)
        except ValueError as error:
            yield Refusal(name, f'"{name}" contains an invalid JSON: {error}')
    if kind.endswith("_iam_member") and name == "member":
        if text.startswith("deleted:"):
            yield Refusal(
                name, f"invalid value for {name} (Terraform does not support IAM members for deleted principals)"
            )
        elif not _MEMBER.search(text):
            yield Refusal(name, f'invalid value "{text}" for {name}: a member is written TYPE:NAME')
