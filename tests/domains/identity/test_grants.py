"""Roles: given by one, held by another, and the three administrators are three different people."""

from itertools import permutations
from typing import Any

import pytest

from cloudhall.domains.identity.grant import Grant
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Forbidden, Invalid, NotFound
from cloudhall.kernel.roles import ADMINISTRATORS, ROLES
from tests.domains.identity.conftest import Town


def grant(town: Town, by: Caller | None = None, place: str = "economy", **spec: Any) -> dict[str, Any]:
    return town.hall.do(by or town.hall.staff["security_admin"], Grant, "create", place=place, spec=spec)


def codes(town: Town, **what: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        grant(town, **what)
    return [(p.code, p.pointer) for p in refused.value.problems]


@pytest.mark.parametrize(("first", "second"), list(permutations(ADMINISTRATORS, 2)))
def test_nobody_is_two_administrators_anywhere(town: Town, first: str, second: str) -> None:
    person = town.person(password="").id
    grant(town, subject=person, role=first, place=town.project)
    assert codes(town, subject=person, role=second) == [("SEPARATION", "/spec/role")]
    assert codes(town, subject=person, role=second, place=town.project) == [("SEPARATION", "/spec/role")]


def test_an_administrator_may_be_a_user_and_administrator_in_two_places(town: Town) -> None:
    person = town.person(password="").id
    for role, place in (("system_admin", "economy"), ("system_admin", town.project), ("developer", "economy")):
        assert grant(town, subject=person, role=role, place=place)["spec"]["role"] == role


def test_given_back_the_other_one_is_free(town: Town) -> None:
    person = town.person(password="").id
    first = grant(town, subject=person, role="system_admin")["id"]
    town.do("security_admin", Grant, "delete", target=first)
    town.hall.settle()
    assert grant(town, subject=person, role="audit_admin")


def test_nobody_gives_or_lengthens_a_role_of_their_own(town: Town) -> None:
    me = town.hall.staff["security_admin"]
    assert codes(town, subject=me.id, role="developer") == [("SEPARATION", "/spec/subject")]
    other = town.hall.person("security_admin")
    mine = grant(town, by=other, subject=me.id, role="viewer", expires_at="2026-02-01T00:00:00Z")["id"]
    with pytest.raises(Invalid) as refused:
        town.hall.do(me, Grant, "update", target=mine, spec={"expires_at": None})
    assert [p.code for p in refused.value.problems] == ["SEPARATION"]
    assert town.hall.do(other, Grant, "update", target=mine, spec={"expires_at": None})["spec"]["expires_at"] is None


def test_a_grant_ends_in_the_future(town: Town) -> None:
    person = town.person(password="").id
    what = {"subject": person, "role": "viewer", "expires_at": "2025-12-31T00:00:00Z"}
    assert codes(town, **what) == [("RANGE", "/spec/expires_at")]


@pytest.mark.parametrize("subject", ["wu", "pr-01j9x4c7m2q8k3v5n", "pe-1", ""])
def test_a_subject_is_the_id_of_a_person_program_or_organisation(town: Town, subject: str) -> None:
    assert codes(town, subject=subject, role="viewer") == [("PATTERN", "/spec/subject")]


@pytest.mark.parametrize("role", sorted(ROLES.keys() - {"security_admin"}))
def test_only_the_security_administrator_gives(town: Town, role: str) -> None:
    person = town.person(password="").id
    with pytest.raises(Forbidden):
        grant(town, by=town.hall.staff[role], subject=person, role="viewer")


def test_a_security_administrator_of_one_place_gives_nothing_in_another(town: Town) -> None:
    other = town.hall.project("other", "traffic")
    local = town.hall.person("security_admin", place=other)
    with pytest.raises(NotFound):
        grant(town, by=local, subject=town.person(password="").id, role="viewer", place=town.project)


def test_one_sees_ones_own_grants_and_no_others(town: Town) -> None:
    one, two = town.person(password=""), town.person("li", password="")
    mine = grant(town, subject=one.id, role="viewer", place=town.project)["id"]
    grant(town, subject=two.id, role="viewer")
    assert mine in {g.id for g in town.kernel.page(Caller(id=one.id), Grant)}
    assert two.id not in {g.spec.subject for g in town.kernel.page(Caller(id=one.id), Grant)}
