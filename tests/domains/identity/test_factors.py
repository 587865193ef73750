"""Second factors: codes of an app, recovery codes, what a log-in then asks, who may change and reset them."""

import datetime
from collections.abc import Mapping
from typing import Any

import pyotp
import pytest

from cloudhall.domains.identity import codes, factors, passwords, recovery, second, sessions, tickets, totp
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.token import Token
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthenticated
from cloudhall.kernel.keys import KeyringFault
from tests.domains.identity.conftest import PASSWORD, Town
from tests.kit.databases import BOTH

pytestmark = BOTH

HERE = second.Door("127.0.0.1", "test")


def now_s(town: Town) -> int:
    return town.world.now_us() // 1_000_000


def code(town: Town, secret: str, *, steps: int = 0) -> str:
    return str(pyotp.TOTP(secret).at(now_s(town) + steps * totp.STEP_S))


def enrolled(town: Town, person: Person) -> tuple[str, tuple[str, ...]]:
    """Secret and recovery codes of somebody who has just enrolled; the step of the first code is over."""
    secret = totp.enrol(town.kernel, person).secret
    kept = factors.confirm(town.kernel, Caller(id=person.id), person, code(town, secret))
    town.world.advance(totp.STEP_S)
    return secret, kept


def ticket(town: Town, name: str = "wu") -> str:
    """What a right password gives whoever holds a second factor."""
    with pytest.raises(Unauthenticated) as asked:
        town.login(name)
    assert asked.value.reason == "SECOND_FACTOR"
    return str(asked.value.details["ticket"])


def actions(town: Town) -> list[tuple[str, str, str]]:
    found = town.kernel.audit.search(town.hall.read(), limit=200)
    return [(f.leaf.action, f.leaf.phase, f.leaf.reason) for f in reversed(found)]


def rows(town: Town, sql: str) -> list[Any]:
    return list(town.hall.read().execute(sql).fetchall())


@pytest.fixture
def person(town: Town) -> Person:
    return town.person()


class TestCodes:
    def test_they_count_from_the_first_right_one_on(self, town: Town, person: Person) -> None:
        secret = totp.enrol(town.kernel, person).secret
        assert town.login()
        with pytest.raises(Unauthenticated):
            factors.confirm(town.kernel, Caller(id=person.id), person, "000000")
        assert not factors.held(town.hall.read(), person.id)
        assert len(factors.confirm(town.kernel, Caller(id=person.id), person, code(town, secret))) == recovery.CODES
        assert factors.held(town.hall.read(), person.id).codes
        with pytest.raises(Conflict):
            totp.enrol(town.kernel, person)

    def test_one_that_waits_is_replaced_by_the_next(self, town: Town, person: Person) -> None:
        old, new = totp.enrol(town.kernel, person).secret, totp.enrol(town.kernel, person).secret
        with pytest.raises(Unauthenticated):
            factors.confirm(town.kernel, Caller(id=person.id), person, code(town, old))
        factors.confirm(town.kernel, Caller(id=person.id), person, code(town, new))

    def test_the_secret_lies_wrapped_and_is_its_persons_alone(self, town: Town, person: Person) -> None:
        other = town.person("li")
        secret = totp.enrol(town.kernel, person).secret
        ((wrapped,),) = rows(town, "SELECT wrapped FROM identity_totp")
        assert secret.encode() not in bytes(wrapped)
        assert town.kernel.keys.unwrap(totp.PURPOSE, wrapped, person.id.encode()).decode() == secret
        town.hall.write(lambda tx: tx.execute("UPDATE identity_totp SET person = ?", (other.id,)))
        with pytest.raises(KeyringFault):
            factors.confirm(town.kernel, Caller(id=other.id), other, code(town, secret))

    @pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_a_clock_may_be_one_step_off(self, town: Town, person: Person, steps: int, good: bool) -> None:
        secret, _ = enrolled(town, person)
        town.world.advance(10 * totp.STEP_S)
        if good:
            assert codes.check(town.kernel, person, code(town, secret, steps=steps)) == "code"
        else:
            with pytest.raises(Unauthenticated):
                codes.check(town.kernel, person, code(town, secret, steps=steps))

    def test_one_is_good_once_and_none_before_it_afterwards(self, town: Town, person: Person) -> None:
        secret, _ = enrolled(town, person)
        town.world.advance(10 * totp.STEP_S)
        before, now = code(town, secret, steps=-1), code(town, secret)
        assert codes.check(town.kernel, person, f" {now[:3]} {now[3:]} ") == "code"
        for used in (now, before):
            with pytest.raises(Unauthenticated):
                codes.check(town.kernel, person, used)

    def test_the_first_code_opens_no_session_again(self, town: Town, person: Person) -> None:
        secret = totp.enrol(town.kernel, person).secret
        first = code(town, secret)
        factors.confirm(town.kernel, Caller(id=person.id), person, first)
        with pytest.raises(Unauthenticated):
            second.with_code(town.kernel, ticket(town), first, HERE)

    def test_wrong_ones_lock_for_a_while_and_are_counted_though_they_are_refused(
        self, town: Town, person: Person
    ) -> None:
        secret, kept = enrolled(town, person)
        for wrong in ("000000", "111111", "0", "aaaa-bbbb-cccc-dddd", "x" * 1_000):
            with pytest.raises(Unauthenticated):
                codes.check(town.kernel, person, wrong)
        for right in (code(town, secret), kept[0]):
            with pytest.raises(TooMany) as locked:
                codes.check(town.kernel, person, right)
            assert "15 min" in locked.value.how.en
        town.world.advance(passwords.LOCKED_US / 1_000_000)
        assert codes.check(town.kernel, person, code(town, secret)) == "code"
        assert rows(town, "SELECT * FROM identity_guess") == []

    def test_a_right_one_forgets_the_wrong_ones_before(self, town: Town, person: Person) -> None:
        secret, _ = enrolled(town, person)
        for _ in range(3):
            for _ in range(passwords.FAILURES_MAX - 1):
                with pytest.raises(Unauthenticated):
                    codes.check(town.kernel, person, "000000")
            town.world.advance(totp.STEP_S)
            assert codes.check(town.kernel, person, code(town, secret)) == "code"


class TestRecoveryCodes:
    def test_each_is_good_once_and_kept_as_a_hash(self, town: Town, person: Person) -> None:
        _, kept = enrolled(town, person)
        assert len(set(kept)) == recovery.CODES
        assert all(recovery.FORM.fullmatch(k) for k in kept)
        stored = b"".join(bytes(h) for (h,) in rows(town, "SELECT hash FROM identity_recovery"))
        assert not any(k.encode() in stored for k in kept)
        assert codes.check(town.kernel, person, kept[3].upper()) == "recovery"
        with pytest.raises(Unauthenticated):
            codes.check(town.kernel, person, kept[3])
        assert factors.held(town.hall.read(), person.id).recovery_codes == recovery.CODES - 1
        assert ("identity.person:use_recovery_code", "done", "") in actions(town)

    def test_they_are_good_for_nobody_else(self, town: Town, person: Person) -> None:
        other = town.person("li")
        enrolled(town, other)
        _, kept = enrolled(town, person)
        with pytest.raises(Unauthenticated):
            codes.check(town.kernel, other, kept[0])

    def test_new_ones_make_the_old_ones_worthless(self, town: Town, person: Person) -> None:
        with pytest.raises(Conflict):
            factors.renew(town.kernel, Caller(id=person.id), person)
        _, old = enrolled(town, person)
        new = factors.renew(town.kernel, Caller(id=person.id), person)
        with pytest.raises(Unauthenticated):
            codes.check(town.kernel, person, old[0])
        assert codes.check(town.kernel, person, new[0]) == "recovery"


class TestLogIn:
    def test_a_password_alone_opens_nothing(self, town: Town, person: Person) -> None:
        secret, _ = enrolled(town, person)
        given = ticket(town)
        assert rows(town, "SELECT * FROM identity_login") == []
        with pytest.raises(Unauthenticated):
            town.caller(given)
        opened, found = second.with_code(town.kernel, given, code(town, secret), HERE)
        assert (found.id, town.caller(opened).id) == (person.id, person.id)
        assert rows(town, "SELECT how, address, agent FROM identity_login") == [("password+code", "127.0.0.1", "test")]
        assert ("session:login", "done", "password+code") in actions(town)

    def test_a_ticket_is_good_once(self, town: Town, person: Person) -> None:
        secret, kept = enrolled(town, person)
        given = ticket(town)
        second.with_code(town.kernel, given, code(town, secret), HERE)
        with pytest.raises(Unauthenticated) as refused:
            second.with_code(town.kernel, given, kept[0], HERE)
        assert refused.value.reason == "TICKET"

    def test_a_wrong_code_may_be_followed_by_a_right_one(self, town: Town, person: Person) -> None:
        _, kept = enrolled(town, person)
        given = ticket(town)
        with pytest.raises(Unauthenticated):
            second.with_code(town.kernel, given, "000000", HERE)
        assert second.with_code(town.kernel, given, kept[0], HERE)
        assert ("session:login", "denied", "WRONG_CODE") in actions(town)

    def test_a_ticket_ends_soon(self, town: Town, person: Person) -> None:
        _, kept = enrolled(town, person)
        given = ticket(town)
        town.world.advance(tickets.LIFE_US / 1_000_000)
        with pytest.raises(Unauthenticated) as refused:
            second.with_code(town.kernel, given, kept[0], HERE)
        assert refused.value.reason == "TICKET"

    def test_a_password_that_is_changed_or_reset_meanwhile_ends_the_attempt(self, town: Town, person: Person) -> None:
        _, kept = enrolled(town, person)
        changed = ticket(town)
        hashed = passwords.hash_password("a new one, quite")
        town.hall.write(lambda tx: passwords.store(tx, person.id, hashed, town.world.now_us()))
        with pytest.raises(Unauthenticated, match="Wrong"):
            second.with_code(town.kernel, changed, kept[0], HERE)
        with pytest.raises(Unauthenticated) as asked:
            town.login(password="a new one, quite")
        town.hall.write(lambda tx: passwords.take_away(tx, person.id))
        with pytest.raises(Unauthenticated, match="Wrong"):
            second.with_code(town.kernel, str(asked.value.details["ticket"]), kept[1], HERE)
        assert rows(town, "SELECT * FROM identity_login") == []

    def test_whoever_is_suspended_meanwhile_stays_outside(self, town: Town, person: Person) -> None:
        _, kept = enrolled(town, person)
        given = ticket(town)
        town.do("security_admin", Person, "suspend", target=person.id, args={})
        with pytest.raises(Unauthenticated, match="suspended"):
            second.with_code(town.kernel, given, kept[0], HERE)

    @pytest.mark.parametrize("forged", ["", "x", "é", "!" * 80, "A" * 80, "A" * 10_000])
    def test_a_forged_ticket_is_worth_nothing(self, town: Town, person: Person, forged: str) -> None:
        _, kept = enrolled(town, person)
        with pytest.raises(Unauthenticated):
            second.with_code(town.kernel, forged, kept[0], HERE)

    def test_a_ticket_for_another_use_is_worth_nothing(self, town: Town, person: Person) -> None:
        _, kept = enrolled(town, person)
        with pytest.raises(Unauthenticated):
            second.with_code(town.kernel, tickets.issue(town.kernel, "passkey.alone", person.id), kept[0], HERE)


class TestChanges:
    def test_a_change_is_proven_by_password_or_code(self, town: Town, person: Person) -> None:
        factors.prove(town.kernel, person, PASSWORD)
        secret, kept = enrolled(town, person)
        for proof in (PASSWORD, code(town, secret), kept[0]):
            factors.prove(town.kernel, person, proof)
        for proof in ("", "wrong horse", "000000", kept[0]):
            with pytest.raises(Unauthenticated):
                factors.prove(town.kernel, person, proof)

    def test_whoever_has_nothing_yet_has_nothing_to_prove_with(self, town: Town) -> None:
        factors.prove(town.kernel, town.person("li", password=""), "")

    def test_without_codes_a_password_is_enough_again(self, town: Town, person: Person) -> None:
        enrolled(town, person)
        factors.remove(town.kernel, Caller(id=person.id), person)
        assert town.login()
        assert rows(town, "SELECT * FROM identity_recovery") == []
        with pytest.raises(NotFound):
            factors.remove(town.kernel, Caller(id=person.id), person)

    def test_the_log_holds_every_change(self, town: Town, person: Person) -> None:
        enrolled(town, person)
        factors.renew(town.kernel, Caller(id=person.id), person)
        factors.remove(town.kernel, Caller(id=person.id), person)
        made = [action.partition(":")[2] for action, _, _ in actions(town) if "codes" in action]
        assert made == ["add_codes", "make_recovery_codes", "make_recovery_codes", "remove_codes"]

    def test_whoever_is_gone_leaves_none(self, town: Town, person: Person) -> None:
        enrolled(town, person)
        with pytest.raises(Unauthenticated):
            codes.check(town.kernel, person, "000000")
        town.do("system_admin", Person, "delete", target=person.id)
        town.hall.settle()
        tables = ("identity_totp", "identity_recovery", "identity_guess", "identity_login")
        assert {town.hall.counts()[table] for table in tables} == {0}


class TestResets:
    def test_a_security_administrator_takes_all_away_and_sees_nothing(self, town: Town, person: Person) -> None:
        session = town.login()
        enrolled(town, person)
        factors.reset(town.kernel, town.hall.staff["security_admin"], person)
        assert not factors.held(town.hall.read(), person.id)
        with pytest.raises(Unauthenticated):
            town.caller(session)
        assert town.login()
        assert ("identity.person:reset_factors", "done", "") in actions(town)

    def test_nobody_else_may_and_the_log_says_who_tried(self, town: Town, person: Person) -> None:
        enrolled(town, person)
        for role in ("system_admin", "audit_admin"):
            with pytest.raises(Forbidden):
                factors.reset(town.kernel, town.hall.staff[role], person)
        assert factors.held(town.hall.read(), person.id)
        assert [phase for action, phase, _ in actions(town) if action == "identity.person:reset_factors"] == [
            "denied"
        ] * 2

    def test_an_administrators_are_reset_on_the_server_alone(self, town: Town, person: Person) -> None:
        enrolled(town, person)
        make_administrator(town, person)
        with pytest.raises(Forbidden) as refused:
            factors.reset(town.kernel, town.hall.staff["security_admin"], person)
        assert refused.value.how.en.endswith("cloudhall reset-factors wu")
        factors.reset_on_server(town.kernel, "wu")
        assert town.login()
        with pytest.raises(NotFound):
            factors.reset_on_server(town.kernel, "nobody")


class TestRule:
    def test_an_administrator_without_one_may_do_nothing_else(
        self, town: Town, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_administrator(town, person)
        session = town.login()
        assert town.caller(session)
        monkeypatch.setenv(factors.RULE, factors.FOR_ADMINISTRATORS)
        with pytest.raises(Forbidden) as refused:
            town.caller(session)
        assert refused.value.reason == factors.REQUIRED
        assert sessions.authenticate(town.kernel, session, enrolling=True).id == person.id
        enrolled(town, person)
        assert town.caller(session)

    def test_others_and_tokens_are_left_alone(
        self, town: Town, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(factors.RULE, factors.FOR_ADMINISTRATORS)
        me = town.caller(town.login())
        ends = datetime.datetime.fromtimestamp(town.world.now_us() / 1e6 + 86_400, datetime.UTC).isoformat()
        token = town.hall.do(me, Token, "create", place="economy", spec={"scopes": ["*"], "expires_at": ends})
        make_administrator(town, person)
        assert town.caller(token["secret"]).id == person.id

    def test_a_setting_that_says_something_else_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(factors.RULE, "admins")
        with pytest.raises(Invalid):
            factors.rule()


def make_administrator(town: Town, person: Person) -> None:
    spec: Mapping[str, Any] = {"subject": person.id, "role": "system_admin"}
    town.do("security_admin", Grant, "create", place="platform", spec=spec)


def test_every_way_to_come_in_has_a_name() -> None:
    assert {f"password+{used}" for used in ("code", "recovery", "passkey")} < sessions.HOW.keys()
