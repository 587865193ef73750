"""Who is calling: sessions and tokens, each asked anew with every request."""

import datetime
from typing import Any

import pytest

from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.domains.identity.token import Token
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from cloudhall.kernel.world import SECOND_US
from tests.domains.identity.conftest import Town

SESSION_S = sessions.SESSION_US / SECOND_US
OPEN = {"quota_gib": 1, "grade": "open"}


def ends(town: Town, days: float = 30) -> str:
    moment = datetime.datetime.fromtimestamp(town.world.now_us() / SECOND_US, datetime.UTC)
    return (moment + datetime.timedelta(days=days)).isoformat()


def token(town: Town, me: Caller, place: str = "economy", **spec: Any) -> dict[str, Any]:
    whole = {"subject": me.id, "scopes": ["*"], "expires_at": ends(town)} | spec
    return town.hall.do(me, Token, "create", place=place, spec=whole)


def phases(town: Town, action: str) -> list[str]:
    found = town.kernel.audit.search(town.hall.read(), limit=100)
    return [f.leaf.phase for f in found if f.leaf.action == action]


@pytest.fixture
def me(town: Town) -> Caller:
    """A developer of the project, logged in."""
    person = town.person()
    spec = {"subject": person.id, "role": "developer"}
    town.do("security_admin", Grant, "create", place=town.project, spec=spec)
    return town.caller(town.login())


class TestSessions:
    def test_a_log_in_says_who_calls(self, town: Town) -> None:
        person = town.person()
        secret, found = sessions.login(town.kernel, " WU ", "right horse battery")
        caller = sessions.authenticate(town.kernel, secret, request="r1", address="10.0.0.1", agent="curl")
        assert (found.id, caller.id, caller.type, caller.name) == (person.id, person.id, "Person", "wu")
        assert caller.attrs == {"suspended": False, "organisation": person.place, "real_name_level": 0}
        assert (caller.scopes, caller.request, caller.address, caller.agent) == (None, "r1", "10.0.0.1", "curl")

    def test_a_session_ends_after_twelve_hours(self, town: Town) -> None:
        town.person()
        secret = town.login()
        town.world.advance(SESSION_S - 1)
        assert town.caller(secret)
        town.world.advance(1)
        with pytest.raises(Unauthenticated):
            town.caller(secret)
        town.login()
        assert town.hall.counts()["identity_login"] == 1  # what has ended is cleared away

    def test_a_log_out_ends_it_twice_without_complaint_and_the_log_shows_it_once(self, town: Town) -> None:
        town.person()
        secret, other = town.login(), town.login()
        for _ in range(2):
            sessions.logout(town.kernel, secret)
        with pytest.raises(Unauthenticated):
            town.caller(secret)
        assert town.caller(other)
        assert phases(town, "session:logout") == ["done"]

    def test_both_ends_of_a_log_in_are_in_the_log(self, town: Town) -> None:
        town.person()
        town.login()
        for name, password in (("wu", "wrong"), ("nobody" * 100, "wrong")):
            with pytest.raises(Unauthenticated):
                town.login(name, password)
        assert phases(town, "session:login") == ["denied", "denied", "done"]
        payloads = town.hall.read().execute("SELECT payload FROM audit_payload").fetchall()
        assert all(len(payload) < 1_000 for (payload,) in payloads)

    def test_suspension_takes_effect_with_the_next_request(self, town: Town) -> None:
        person = town.person()
        secret = town.login()
        key = token(town, town.caller(secret))["secret"]
        town.do("security_admin", Person, "suspend", target=person.id, args={})
        for credential in (secret, key):
            with pytest.raises(Unauthenticated):
                town.caller(credential)
        with pytest.raises(Unauthenticated, match="suspended"):
            town.login()
        town.do("security_admin", Person, "resume", target=person.id, args={})
        assert town.caller(secret).id == town.caller(key).id == person.id

    @pytest.mark.parametrize(
        "credential",
        ["", "chs_", "cht_", "chs_" + "0" * 46, "xyz_" + "0" * 46, "cht_é" + "0" * 45, "Bearer x", "\ud800" * 50],
    )
    def test_anything_else_is_nobody(self, town: Town, credential: str) -> None:
        with pytest.raises(Unauthenticated):
            town.caller(credential)
        sessions.logout(town.kernel, credential)


class TestTokens:
    def test_a_token_is_shown_once_and_calls_as_its_owner_within_its_scopes(self, town: Town, me: Caller) -> None:
        made = token(town, me, scopes=["storage.bucket:read"])
        caller = town.caller(made["secret"])
        assert (caller.id, caller.scopes) == (me.id, ("storage.bucket:read",))
        assert "secret" not in made["spec"]
        assert town.kernel.count(caller, Bucket) == 0
        with pytest.raises(Forbidden) as refused:
            town.hall.do(caller, Bucket, "create", place=town.project, name="stats", spec=OPEN)
        assert refused.value.reason == "TOKEN_SCOPE"

    def test_a_token_for_buckets_may_name_the_project_they_lie_in(self, town: Town, me: Caller) -> None:
        caller = town.caller(token(town, me, scopes=["storage.*"])["secret"])
        for place in (town.project, "monitoring"):
            body = town.hall.do(caller, Bucket, "create", place=place, name=f"in-{place[:5]}", spec=OPEN)
            assert body["project"] == town.project

    def test_it_ends_when_it_says(self, town: Town, me: Caller) -> None:
        secret = token(town, me, expires_at=ends(town, days=1))["secret"]
        town.world.advance(86_390)
        assert town.caller(secret)
        town.world.advance(11)
        with pytest.raises(Unauthenticated, match="expired"):
            town.caller(secret)

    def test_revoked_it_is_dead_with_the_answer(self, town: Town, me: Caller) -> None:
        made = token(town, me)
        town.hall.do(me, Token, "delete", target=made["id"])
        with pytest.raises(Unauthenticated, match="revoked"):
            town.caller(made["secret"])
        town.hall.settle()
        with pytest.raises(Unauthenticated):
            town.caller(made["secret"])
        assert town.hall.counts()["secret"] == 0

    @pytest.mark.parametrize("days", [-1, 0, 367])
    def test_it_ends_within_a_year(self, town: Town, me: Caller, days: float) -> None:
        with pytest.raises(Invalid) as refused:
            token(town, me, expires_at=ends(town, days))
        assert [p.pointer for p in refused.value.problems] == ["/spec/expires_at"]

    def test_nobody_makes_or_sees_anothers(self, town: Town, me: Caller) -> None:
        other = town.person("li")
        with pytest.raises(Forbidden):
            token(town, me, subject=other.id)
        with pytest.raises(Forbidden):
            token(town, town.hall.staff["security_admin"], subject=other.id)
        made = token(town, me)
        with pytest.raises(NotFound):
            town.kernel.find(Caller(id=other.id), Token, made["id"])
        assert town.kernel.find(town.hall.staff["security_admin"], Token, made["id"])

    def test_a_token_cannot_widen_itself(self, town: Town, me: Caller) -> None:
        narrow = town.caller(token(town, me, scopes=["storage.*"])["secret"])
        with pytest.raises((Forbidden, NotFound)):
            token(town, narrow)

    def test_people_go_when_roles_and_tokens_are_given_back(self, town: Town, me: Caller) -> None:
        made = token(town, me)
        grant = town.kernel.page(town.hall.staff["security_admin"], Grant)[0]
        for kind, id_ in ((Grant, grant.id), (Token, made["id"])):
            with pytest.raises(Conflict):
                town.do("system_admin", Person, "delete", target=me.id)
            town.do("security_admin", kind, "delete", target=id_)
            town.hall.settle()
        town.do("system_admin", Person, "delete", target=me.id)
        town.hall.settle()
        with pytest.raises(NotFound):
            town.kernel.find(town.hall.staff["system_admin"], Person, me.id)


class TestServiceAccounts:
    @pytest.fixture
    def account(self, town: Town) -> str:
        spec = {"purpose": "每日导入"}
        return str(town.do("developer", ServiceAccount, "create", place=town.project, name="nightly", spec=spec)["id"])

    def admin(self, town: Town, place: str) -> Caller:
        return town.hall.person("org_admin", place=place)

    def test_its_token_calls_as_the_account_with_the_roles_that_it_was_granted(self, town: Town, account: str) -> None:
        made = token(town, self.admin(town, town.project), town.project, subject=account)
        caller = town.caller(made["secret"])
        assert (caller.id, caller.type, caller.name) == (account, "ServiceAccount", "nightly")
        assert town.kernel.count(caller, Bucket) == 0
        spec = {"subject": account, "role": "developer"}
        town.do("security_admin", Grant, "create", place=town.project, spec=spec)
        assert town.hall.do(caller, Bucket, "create", place=town.project, name="stats", spec=OPEN)["name"] == "stats"

    def test_it_is_made_where_the_account_is_by_who_administers_it(self, town: Town, account: str) -> None:
        other = town.hall.project("other", "traffic")
        attempts: list[tuple[Caller, str, type[CloudhallError]]] = [
            (self.admin(town, other), other, Invalid),
            (self.admin(town, other), town.project, NotFound),
            (town.hall.staff["developer"], town.project, Forbidden),
            (town.hall.staff["security_admin"], town.project, Forbidden),
        ]
        for caller, place, refusal in attempts:
            with pytest.raises(refusal):
                token(town, caller, place, subject=account)

    def test_deleted_it_calls_no_more(self, town: Town, account: str) -> None:
        admin = self.admin(town, town.project)
        made = token(town, admin, town.project, subject=account)
        with pytest.raises(Conflict, match="1 still there: API token"):
            town.hall.do(admin, ServiceAccount, "delete", target=account)
        town.hall.do(admin, Token, "delete", target=made["id"])
        town.hall.settle()
        town.hall.do(admin, ServiceAccount, "delete", target=account)
        with pytest.raises(Unauthenticated):
            town.caller(made["secret"])


def test_a_token_is_ones_own_where_nobody_is_named(town: Town, me: Caller) -> None:
    spec = {"scopes": ["*:read"], "expires_at": ends(town)}
    assert town.hall.do(me, Token, "create", place="economy", spec=spec)["spec"]["subject"] == me.id


def test_a_scope_that_covers_nothing_is_named_with_what_is_near(town: Town, me: Caller) -> None:
    with pytest.raises(Invalid) as refused:
        token(town, me, scopes=["storage.*", "storage.bukcet:read", "*:raed"])
    assert [p.pointer for p in refused.value.problems] == ["/spec/scopes/1", "/spec/scopes/2"]
    assert "storage.bucket:read" in str(refused.value.problems[0].mend)
    for scope in ("*", "*:read", "storage.*:delete", "storage.bucket:*", "identity.project:audit", "audit.entry:read"):
        assert token(town, me, scopes=[scope])["secret"]
