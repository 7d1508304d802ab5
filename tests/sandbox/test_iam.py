"""Permissions: everything is allowed but what was revoked, on a resource and below it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.iam import EXPORTER, PUBSUB, Iam

READ, WRITE = "bigquery.tables.getData", "bigquery.tables.updateData"
names = st.text("abc_-1", min_size=1, max_size=4)
paths = st.lists(names, min_size=1, max_size=3).map(".".join)


@given(paths)
def test_everything_is_allowed_at_first(resource: str) -> None:
    assert Iam().allowed(EXPORTER, READ, resource)


@given(paths, paths)
def test_a_permission_is_revoked_on_a_resource_and_on_all_below_it(revoked: str, asked: str) -> None:
    iam = Iam()
    iam.revoke(EXPORTER, READ, revoked)
    covered = asked == revoked or asked.startswith(f"{revoked}.")
    assert iam.allowed(EXPORTER, READ, asked) is not covered


@given(paths)
def test_nobody_else_and_nothing_else_is_concerned(resource: str) -> None:
    iam = Iam()
    iam.revoke(EXPORTER, READ, resource)
    assert iam.allowed(PUBSUB, READ, resource)
    assert iam.allowed(EXPORTER, WRITE, resource)


def test_what_was_revoked_can_be_restored_and_twice_is_once() -> None:
    iam = Iam()
    iam.revoke(PUBSUB, WRITE, "p.d.t")
    iam.revoke(PUBSUB, WRITE, "p.d.t")
    iam.restore(PUBSUB, WRITE, "p.d.t")
    iam.restore(PUBSUB, WRITE, "p.d.t")
    assert iam.allowed(PUBSUB, WRITE, "p.d.t")


def test_restoring_a_table_does_not_give_back_its_dataset() -> None:
    iam = Iam()
    iam.revoke(PUBSUB, WRITE, "p.d")
    iam.restore(PUBSUB, WRITE, "p.d.t")
    assert not iam.allowed(PUBSUB, WRITE, "p.d.t")


def test_names_are_compared_whole() -> None:
    iam = Iam()
    iam.revoke(PUBSUB, WRITE, "p.d.flights")
    assert iam.allowed(PUBSUB, WRITE, "p.d.flights2")
    assert iam.allowed(PUBSUB, WRITE, "p.d.flight")
