"""One-time codes: good once, for a day, until the next; and no way from one administrator's account to another's."""

from typing import Any

import pytest

from cloudhall.domains.identity import passwords, resets, sessions
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.domains.identity.token import Token
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Forbidden, Invalid, NotFound, Unauthenticated
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.wire import rfc3339
from cloudhall.kernel.world import SECOND_US
from tests.domains.identity.conftest import PASSWORD, Town

DAY_S = 86_400
OWN = "my own horse"


def reset(town: Town, person: Person, role: str = "security_admin") -> str:
    return resets.reset(town.kernel, town.hall.staff[role], person).secret


def choose(town: Town, code: str, password: str = OWN) -> Person:
    return resets.choose(town.kernel, code, password)


def grant(town: Town, person: Person, role: str, **spec: Any) -> str:
    spec = {"subject": person.id, "role": role, **spec}
    return str(town.do("security_admin", Grant, "create", place="platform", spec=spec)["id"])


def at(town: Town, seconds: float) -> str:
    return rfc3339(town.world.now_us() + int(seconds * SECOND_US))


class TestCode:
    def test_its_owner_chooses_a_password_with_it_and_comes_in(self, town: Town) -> None:
        person = town.person(password="")
        assert choose(town, f" {reset(town, person)}\n").id == person.id
        assert town.login(password=OWN)

    def test_it_is_good_once(self, town: Town) -> None:
        code = reset(town, town.person())
        choose(town, code)
        with pytest.raises(Unauthenticated) as refused:
            choose(town, code, "a thief's horse")
        assert refused.value.reason == "CODE"
        assert town.login(password=OWN)

    def test_it_is_good_for_a_day_to_the_second(self, town: Town) -> None:
        person = town.person()
        code = reset(town, person)
        town.world.advance(DAY_S - 1)
        assert resets.owner(town.kernel, code).id == person.id
        town.world.advance(1)
        for use in (resets.owner, lambda kernel, code: resets.choose(kernel, code, OWN)):
            with pytest.raises(Unauthenticated):
                use(town.kernel, code)

    def test_a_later_reset_makes_it_worthless(self, town: Town) -> None:
        person = town.person()
        first, second = reset(town, person), reset(town, person)
        with pytest.raises(Unauthenticated):
            choose(town, first)
        choose(town, second)

    def test_it_is_no_password(self, town: Town) -> None:
        code = reset(town, town.person())
        with pytest.raises(Unauthenticated) as refused:
            town.login(password=code)
        assert refused.value.reason == "CODE"
        choose(town, code)

    def test_a_password_that_breaks_the_rule_does_not_use_it_up(self, town: Town) -> None:
        code = reset(town, town.person())
        with pytest.raises(Invalid):
            choose(town, code, "short")
        choose(town, code)

    def test_whoever_is_suspended_or_gone_cannot_use_it(self, town: Town) -> None:
        person = town.person()
        code = reset(town, person)
        town.do("security_admin", Person, "suspend", target=person.id)
        with pytest.raises(Unauthenticated):
            choose(town, code)
        town.do("security_admin", Person, "resume", target=person.id)
        town.do("system_admin", Person, "delete", target=person.id)
        with pytest.raises(Unauthenticated):
            choose(town, code)
        town.hall.settle()
        assert town.hall.counts()["identity_reset"] == 0
        with pytest.raises(NotFound):
            reset(town, person)

    def test_only_its_hash_is_kept(self, town: Town) -> None:
        code = reset(town, town.person())
        for table in town.hall.counts():
            for row in town.hall.read().execute(f"SELECT * FROM {table}"):
                assert code.encode() not in b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row), table


class TestReset:
    def test_the_password_before_it_no_longer_opens(self, town: Town) -> None:
        reset(town, town.person())
        with pytest.raises(Unauthenticated):
            town.login()

    def test_it_ends_a_lock(self, town: Town) -> None:
        person = town.person()
        for _ in range(passwords.FAILURES_MAX):
            with pytest.raises(Unauthenticated):
                town.login(password="wrong horse")
        choose(town, reset(town, person))
        assert town.login(password=OWN)

    def test_it_ends_sessions_and_refuses_tokens_made_before(self, town: Town) -> None:
        person = town.person()
        session, token = town.login(), own_token(town, person)
        assert town.caller(token).id == person.id
        code = reset(town, person)
        for credential in (session, token):
            with pytest.raises(Unauthenticated):
                town.caller(credential)
        choose(town, code)
        with pytest.raises(Unauthenticated):
            town.caller(token)
        town.world.advance(1)
        assert town.caller(own_token(town, person)).id == person.id

    def test_nothing_that_was_being_opened_outlives_it(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        person, verify = town.person(), passwords.verify

        def verify_and_reset(*arguments: Any) -> str:
            known = verify(*arguments)
            reset(town, person)
            return known

        monkeypatch.setattr(passwords, "verify", verify_and_reset)
        with pytest.raises(Unauthenticated):
            town.login()
        hashed = passwords.hash_password(PASSWORD)
        town.hall.write(lambda tx: passwords.store(tx, person.id, hashed, town.world.now_us()))
        with pytest.raises(Unauthenticated):
            passwords.change(town.kernel, Caller(id=person.id), person, PASSWORD, "a thief's horse")
        counts = town.hall.counts()
        assert (counts["identity_password"], counts["identity_login"]) == (0, 0)

    @pytest.mark.parametrize("role", ["system_admin", "audit_admin", "org_admin", "developer"])
    def test_the_security_administrator_alone_does_it(self, town: Town, role: str) -> None:
        person = town.person()
        with pytest.raises(Forbidden):
            reset(town, person, role)
        assert town.login()

    def test_the_log_says_who_reset_who_chose_and_who_was_refused(self, town: Town) -> None:
        person = town.person()
        choose(town, reset(town, person))
        with pytest.raises(Forbidden):
            reset(town, person, "system_admin")
        found = [f.leaf for f in town.kernel.audit.search(town.hall.read(), resource=person.id)]
        said = [(leaf.actor, leaf.action, leaf.phase) for leaf in reversed(found) if leaf.action.endswith("_password")]
        staff = town.hall.staff
        assert said == [
            (staff["security_admin"].id, "identity.person:reset_password", "done"),
            (person.id, "identity.person:choose_password", "done"),
            (staff["system_admin"].id, "identity.person:reset_password", "denied"),
        ]

    def test_on_the_server_it_is_for_anybody_and_the_log_says_where(self, town: Town) -> None:
        person = town.person()
        grant(town, person, "audit_admin")
        code = resets.reset_on_server(town.kernel, "Wu")
        choose(town, code.secret)
        assert town.login(password=OWN)
        leaves = [f.leaf for f in town.kernel.audit.search(town.hall.read(), resource=person.id)]
        assert "server" in {leaf.actor for leaf in leaves if leaf.action == "identity.person:reset_password"}
        with pytest.raises(NotFound):
            resets.reset_on_server(town.kernel, "nobody")


class TestAdministrators:
    """What one security administrator can try, alone."""

    @pytest.mark.parametrize("role", ADMINISTRATORS)
    @pytest.mark.parametrize("place", ["platform", "economy"])
    def test_an_administrators_is_not_reset_wherever_the_role_is_held(self, town: Town, role: str, place: str) -> None:
        person = town.person()
        town.do("security_admin", Grant, "create", place=place, spec={"subject": person.id, "role": role})
        with pytest.raises(Forbidden) as refused:
            reset(town, person)
        assert refused.value.reason == "ADMINISTRATOR"
        assert "cloudhall reset-password wu" in refused.value.how.en
        assert town.login()

    @pytest.mark.parametrize("role", ADMINISTRATORS)
    def test_whose_code_was_made_becomes_no_administrator(self, town: Town, role: str) -> None:
        person = town.person()
        code = reset(town, person)
        assert separated(lambda: grant(town, person, role))
        choose(town, code)
        assert separated(lambda: grant(town, person, role))
        passwords.change(town.kernel, Caller(id=person.id), person, OWN, "another horse")
        assert separated(lambda: grant(town, person, role))

    def test_no_service_account_becomes_an_administrator(self, town: Town) -> None:
        robot = town.do("developer", ServiceAccount, "create", place=town.project, name="robot", spec={"purpose": "x"})
        spec = {"subject": robot["id"], "role": "audit_admin"}
        assert separated(lambda: town.do("security_admin", Grant, "create", place="platform", spec=spec))

    def test_to_revoke_reset_and_grant_again_leads_nowhere(self, town: Town) -> None:
        person = town.person()
        held = grant(town, person, "audit_admin")
        town.do("security_admin", Grant, "delete", target=held)
        town.hall.settle()
        choose(town, reset(town, person))
        assert separated(lambda: grant(town, person, "audit_admin"))

    def test_to_reset_an_ended_administrator_and_let_the_role_last_longer_leads_nowhere(self, town: Town) -> None:
        person = town.person()
        held = grant(town, person, "audit_admin", expires_at=at(town, 60))
        town.world.advance(60)
        choose(town, reset(town, person))
        longer = {"expires_at": at(town, 3_600)}
        assert separated(lambda: town.do("security_admin", Grant, "update", target=held, spec=longer))

    def test_a_token_taken_with_a_code_is_worth_nothing_once_the_server_has_reset(self, town: Town) -> None:
        person = town.person()
        choose(town, reset(town, person))
        town.world.advance(1)
        token, session = own_token(town, person), town.login(password=OWN)
        town.world.advance(1)
        own = resets.reset_on_server(town.kernel, person.name).secret
        grant(town, person, "audit_admin")
        for credential in (token, session):
            with pytest.raises(Unauthenticated):
                town.caller(credential)
        choose(town, own, "nobody else's horse")
        assert sessions.login(town.kernel, person.name, "nobody else's horse")


def own_token(town: Town, person: Person) -> str:
    spec = {"scopes": ["*"], "expires_at": at(town, DAY_S)}
    me = Caller(id=person.id, attrs={"organisation": person.place})
    return str(town.hall.do(me, Token, "create", place=person.place, spec=spec)["secret"])


def separated(attempt: Any) -> bool:
    """Whether an attempt is refused because administrators are separated."""
    with pytest.raises(CloudhallError) as refused:
        attempt()
    return "SEPARATION" in {problem.code for problem in refused.value.problems}
