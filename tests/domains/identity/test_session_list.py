"""The sessions that somebody has open: what is told of them, and who ends them."""

import pytest

from cloudhall.domains.identity import session_list, sessions
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.session_list import Session
from cloudhall.kernel.errors import CloudhallError, Forbidden, NotFound, Unauthenticated
from tests.domains.identity.conftest import PASSWORD, Town
from tests.kit.databases import BOTH

pytestmark = BOTH


@pytest.fixture
def person(town: Town) -> Person:
    return town.person()


def listed(town: Town, person: Person, credential: str = "") -> list[Session]:
    return session_list.of(town.kernel, person.id, credential)


def verbs(town: Town) -> list[str]:
    found = town.kernel.audit.search(town.hall.read(), limit=100)
    return [f"{f.leaf.action} {f.leaf.phase}" for f in reversed(found) if "session" in f.leaf.action]


def test_it_tells_from_where_how_and_which_one_asks(town: Town, person: Person) -> None:
    here = town.login()
    elsewhere, _ = sessions.login(town.kernel, "wu", PASSWORD, address="10.0.0.9", agent="Firefox on a telephone")
    found = listed(town, person, here)
    assert {(s.address, s.agent, s.how, s.this) for s in found} == {
        ("127.0.0.1", "test", "password", True),
        ("10.0.0.9", "Firefox on a telephone", "password", False),
    }
    assert all(s.since_us == s.used_us < s.expires_us for s in found)
    assert not any(s.id in secret for s in found for secret in (here, elsewhere))


def test_it_tells_when_each_was_last_used_to_a_minute(town: Town, person: Person) -> None:
    secret, other = town.login(), town.login()
    town.world.advance(59)
    town.caller(secret)
    assert all(s.used_us == s.since_us for s in listed(town, person))
    town.world.advance(2)
    town.caller(secret)
    town.hall.write(lambda tx: tx.execute("SELECT 1"))  # what was written before is there now
    used, unused = listed(town, person, other)
    assert used.used_us - used.since_us >= 61_000_000
    assert (unused.this, unused.used_us) == (True, unused.since_us)


def test_one_that_has_ended_by_itself_is_not_told(town: Town, person: Person) -> None:
    town.login()
    town.world.advance(sessions.SESSION_US / 1_000_000)
    assert listed(town, person) == []


def test_one_ends_ones_own_one_by_one_or_all_others(town: Town, person: Person) -> None:
    here, second, third = (town.login() for _ in range(3))
    me = town.caller(here)
    gone = next(s.id for s in listed(town, person, second) if s.this)
    session_list.end(town.kernel, me, person, gone)
    with pytest.raises(Unauthenticated):
        town.caller(second)
    with pytest.raises(NotFound):
        session_list.end(town.kernel, me, person, gone)
    assert session_list.end_all(town.kernel, me, person, keep=here) == 1
    with pytest.raises(Unauthenticated):
        town.caller(third)
    assert [s.this for s in listed(town, person, here)] == [True]
    assert verbs(town)[-2:] == ["identity.person:end_session done", "identity.person:end_sessions done"]


def test_a_security_administrator_sees_and_ends_anybodys(town: Town, person: Person) -> None:
    secret, admin = town.login(), town.hall.staff["security_admin"]
    (found,) = session_list.of_other(town.kernel, admin, person)
    session_list.end(town.kernel, admin, person, found.id)
    with pytest.raises(Unauthenticated):
        town.caller(secret)
    town.login()
    assert session_list.end_all(town.kernel, admin, person) == 1


@pytest.mark.parametrize("role", ["system_admin", "audit_admin"])
def test_nobody_else_does(town: Town, person: Person, role: str) -> None:
    secret, caller = town.login(), town.hall.staff[role]
    with pytest.raises(CloudhallError):
        session_list.of_other(town.kernel, caller, person)
    with pytest.raises(Forbidden):
        session_list.end_all(town.kernel, caller, person)
    assert town.caller(secret)
    assert verbs(town)[-1] == "identity.person:end_sessions denied"


def test_nobody_ends_a_session_of_another_by_its_id(town: Town, person: Person) -> None:
    secret, me = town.login(), town.caller(town.login())
    other = town.person("li")
    town.login("li")
    (theirs,) = listed(town, other)
    with pytest.raises(NotFound):
        session_list.end(town.kernel, me, person, theirs.id)
    assert town.caller(secret)
