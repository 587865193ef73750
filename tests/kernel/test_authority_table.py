"""Who may do what, over the whole registry: it changes only where somebody has read the difference."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest

from cloudhall.api.mutations import MANY
from cloudhall.kernel.roles import ADMINISTRATORS, AUDIT_ADMIN, SECURITY_ADMIN, USERS
from tests.golden import authority

GOLDEN = Path(authority.__file__).parent / "authority.txt"
OF_THEIR_MAKERS = "notices.webhook"  # its maker alone changes it, and everybody makes their own
Table = Mapping[str, Mapping[str, bool | None]]


@pytest.fixture(scope="module")
def table() -> Table:
    return authority.table()


def work_of(table: Table, role: str) -> set[str]:
    return {operation for operation, row in table.items() if row[role] and authority.changes(operation)}


def test_the_table_is_the_golden_one() -> None:
    assert authority.render() == GOLDEN.read_text("utf-8"), "read the difference, then: python -m tests.golden"


@pytest.mark.parametrize(("one", "other"), list(combinations(ADMINISTRATORS, 2)))
def test_no_administrator_can_do_anothers_work(table: Table, one: str, other: str) -> None:
    """GB/T 22239 8.1.5."""
    assert work_of(table, one) & work_of(table, other) == set()


def test_the_audit_administrator_changes_nothing_and_alone_reads_the_log(table: Table) -> None:
    assert work_of(table, AUDIT_ADMIN) == set()
    readers = {role for operation, row in table.items() if operation.endswith(":audit") for role in row if row[role]}
    assert readers == {AUDIT_ADMIN}


def test_each_of_the_other_two_has_work(table: Table) -> None:
    assert all(work_of(table, role) for role in ADMINISTRATORS if role != AUDIT_ADMIN)


def test_only_the_security_administrator_gives_and_takes_roles_and_accounts(table: Table) -> None:
    theirs = {f"identity.grant:{verb}" for verb in ("create", "update", "delete")}
    theirs |= {"identity.person:suspend", "identity.person:resume"}
    assert theirs <= work_of(table, SECURITY_ADMIN)
    for operation in theirs:
        assert {role for role, allowed in table[operation].items() if allowed} == {SECURITY_ADMIN}


def test_no_administrator_reaches_into_what_users_keep(table: Table) -> None:
    """Objects, keys and money move by users' roles; administrators of the platform hold none of them."""
    for operation in table:
        if operation.startswith("storage.") and authority.changes(operation):
            assert not any(table[operation][role] for role in ADMINISTRATORS), operation


def test_without_a_role_nobody_changes_what_is_not_their_own(table: Table) -> None:
    assert work_of(table, "nobody") == set()
    many = {"identity.token:batch_create", "identity.token:bulk_delete"}
    assert work_of(table, "own") == {"identity.token:create", "identity.token:delete"} | many


def test_every_operation_is_somebodys(table: Table) -> None:
    """What stands in the table with nobody behind it is done by controllers, or is a slip."""
    alone = {o for o, row in table.items() if not any(row.values()) and not o.endswith(":batch_create")}
    assert alone == {
        "kernel.finding:create",
        "kernel.operation:create",
        "market.statement:create",
        "identity.join_request:create",
        "identity.linked_account:create",
        "identity.invitation:accept",
        "identity.join_request:accept",
    }


def test_whoever_may_change_may_look(table: Table) -> None:
    for role in (*USERS, *ADMINISTRATORS):
        for operation in work_of(table, role):
            assert table[operation.partition(":")[0] + ":read"][role], f"{role} may {operation} unseen"


def test_a_role_on_one_resource_does_there_what_it_does_on_the_place_but_makes_nothing(table: Table) -> None:
    compared = 0
    for operation, row in table.items():
        for alone, role in authority.ALONE.items():
            if row[alone] is None or operation.startswith(OF_THEIR_MAKERS):
                continue
            makes = operation.endswith((":create", ":batch_create"))
            assert row[alone] is (row["nobody"] if makes else row[role]), f"{alone} {operation}"
            compared += 1
    assert compared > 300


def test_places_are_no_single_resources(table: Table) -> None:
    without = {operation.partition(":")[0] for operation, row in table.items() if row["viewer@1"] is None}
    assert without == {"identity.organisation", "identity.project"}


def test_what_is_asked_for_many_at_once_is_decided_as_for_one(table: Table) -> None:
    many = [(o, f"{o.partition(':')[0]}:{MANY[o.partition(':')[2]]}") for o in table if o.partition(":")[2] in MANY]
    assert len(many) > 30
    for operation, one in many:
        assert operation.startswith(OF_THEIR_MAKERS) or table[operation] == table[one], operation
