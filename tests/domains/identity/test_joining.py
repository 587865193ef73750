"""Invitations and requests to join: good once, in time, for as long as whoever opened the way may still do so."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cloudhall.domains.identity import joining, resets, sessions, signing_up
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.invitation import DAY_US, Invitation
from cloudhall.domains.identity.join_request import DAYS, JoinRequest
from cloudhall.domains.identity.joining import Newcomer
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.signing_up import Asking
from cloudhall.drivers.mail.smtp import Relay as Where
from cloudhall.drivers.mail.smtp import Smtp
from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthenticated
from cloudhall.kernel.world import SECOND_US
from tests.domains.identity.conftest import PASSWORD, Town
from tests.kit.databases import BOTH
from tests.kit.relay import Relay, relaying

pytestmark = BOTH
OWN = "my own horse"
MIN = Newcomer("wu-min", "吴敏", OWN)


@pytest.fixture
def relay(town: Town) -> Iterator[Relay]:
    with relaying() as made:
        town.kernel.drivers["mail"] = Smtp(Where("smtp", "127.0.0.1", made.port, "", ""), "cloudhall@city.example")
        yield made


@pytest.fixture
def lead(town: Town) -> Caller:
    """Somebody who runs the organisation `economy`."""
    person = town.person("lead")
    grant(town, person.id, "org_admin")
    return town.caller(town.login("lead"))


def grant(town: Town, person: str, role: str, place: str = "economy") -> str:
    spec = {"subject": person, "role": role}
    return str(town.do("security_admin", Grant, "create", place=place, spec=spec)["id"])


def invite(town: Town, by: Caller, place: str = "", **spec: Any) -> tuple[str, str]:
    """Id and code of an invitation."""
    made = town.hall.do(by, Invitation, "create", place=place or "economy", spec={"role": "developer", **spec})
    return str(made["id"]), str(made["secret"])


def join(town: Town, code: str, newcomer: Newcomer = MIN) -> Person:
    return joining.join(town.kernel, code, newcomer)


def roles(town: Town, person: str) -> dict[str, frozenset[str]]:
    return dict(places.granted(town.hall.read(), person, town.world.now_us()))


def worthless(town: Town, code: str) -> bool:
    for use in (lambda: joining.look(town.kernel, code), lambda: join(town, code)):
        with pytest.raises(Unauthenticated) as refused:
            use()
        assert refused.value.reason == "CODE"
    return True


class TestInvitation:
    def test_whoever_is_invited_chooses_log_in_and_password_and_has_the_role(self, town: Town, lead: Caller) -> None:
        _, code = invite(town, lead, email="wu-min@city.example")
        way = joining.look(town.kernel, f" {code}\n")
        assert (way.role, way.by, way.good) == ("developer", lead.id, True)
        person = join(town, code, Newcomer(" Wu-Min ", "吴敏", OWN, "Wu Min"))
        economy = town.hall.row(Project, town.project).place
        assert (person.name, person.place) == ("wu-min", economy)
        assert person.spec.email == "", "nobody has verified it, and a provider may know people by it"
        assert roles(town, person.id) == {"developer": {economy}}
        assert sessions.login(town.kernel, "wu-min", OWN)

    def test_into_a_project_gives_the_role_there_and_a_home_above(self, town: Town, lead: Caller) -> None:
        _, code = invite(town, lead, town.project)
        person = join(town, code)
        assert roles(town, person.id) == {"developer": {town.project}}
        assert person.place == town.hall.row(Project, town.project).place

    def test_it_is_good_once(self, town: Town, lead: Caller) -> None:
        id_, code = invite(town, lead)
        person = join(town, code)
        assert worthless(town, code)
        spec = town.hall.row(Invitation, id_).spec
        assert (spec.progress, spec.person) == ("accepted", person.id)

    def test_of_many_at_once_one_comes_in(self, town: Town, lead: Caller) -> None:
        _, code = invite(town, lead)
        came: list[str] = []

        def run(n: int) -> None:
            try:
                came.append(join(town, code, Newcomer(f"wu-{n}", "吴", OWN)).name)
            except Unauthenticated:
                return

        threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(came) == 1
        left = town.hall.one("SELECT count(*) FROM identity_person WHERE name LIKE 'wu-%'")
        assert left == 1

    def test_what_is_wrong_with_the_newcomer_does_not_use_it_up(self, town: Town, lead: Caller) -> None:
        _, code = invite(town, lead)
        for wrong in (Newcomer("lead", "吴敏", OWN), Newcomer("-", "吴敏", OWN), Newcomer("wu-min", "吴敏", "short")):
            with pytest.raises(Invalid):
                join(town, code, wrong)
        assert join(town, code)

    def test_it_ends_after_its_days(self, town: Town, lead: Caller) -> None:
        _, code = invite(town, lead, days=2)
        town.world.advance(2 * DAY_US / SECOND_US - 1)
        assert joining.look(town.kernel, code).good
        town.world.advance(1)
        assert worthless(town, code)

    def test_it_can_be_withdrawn_and_deleted(self, town: Town, lead: Caller) -> None:
        for verb in ("withdraw", "delete"):
            id_, code = invite(town, lead)
            town.hall.do(lead, Invitation, verb, target=id_)
            assert worthless(town, code)
        with pytest.raises(Conflict):
            town.hall.do(lead, Invitation, "withdraw", target=first_withdrawn(town))

    def test_it_is_worth_nothing_once_its_maker_may_no_longer_invite(self, town: Town) -> None:
        for away in ("revoke", "suspend"):
            person = town.person(f"lead-{away}")
            held = grant(town, person.id, "org_admin")
            _, code = invite(town, town.caller(town.login(person.name)))
            if away == "revoke":
                town.do("security_admin", Grant, "delete", target=held)
            else:
                town.do("security_admin", Person, "suspend", target=person.id)
            assert worthless(town, code)

    def test_only_its_hash_is_kept(self, town: Town, lead: Caller) -> None:
        id_, code = invite(town, lead)
        town.hall.settle()
        assert town.hall.row(Invitation, id_).ready
        for table in town.hall.counts():
            for row in town.hall.read().execute(f"SELECT * FROM {table}"):
                assert code.encode() not in b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row), table
        assert town.hall.one("SELECT wrapped FROM secret WHERE resource = ?", id_) is None

    def test_somebody_with_an_account_takes_the_role_with_a_click(self, town: Town, lead: Caller) -> None:
        town.person()
        wu = town.caller(town.login())
        _, code = invite(town, lead, town.project, role="viewer")
        joining.accept(town.kernel, code, wu)
        assert roles(town, wu.id) == {"viewer": {town.project}}
        assert worthless(town, code)

    def test_nobody_takes_what_they_opened_themselves_nor_does_a_token(self, town: Town, lead: Caller) -> None:
        _, code = invite(town, lead)
        with pytest.raises(Forbidden) as refused:
            joining.accept(town.kernel, code, lead)
        assert refused.value.reason == "SEPARATION"
        token = Caller(id=town.person().id, scopes=("*",))
        with pytest.raises(Forbidden) as refused:
            joining.accept(town.kernel, code, token)
        assert refused.value.reason == "NOT_A_SESSION"
        assert joining.look(town.kernel, code).good

    @pytest.mark.parametrize("role", ["viewer", "developer", "system_admin", "security_admin", "audit_admin"])
    def test_who_does_not_run_the_place_cannot_invite(self, town: Town, role: str) -> None:
        with pytest.raises(Forbidden):
            invite(town, town.hall.staff[role])

    def test_nobody_invites_in_anothers_name_or_an_administrator(self, town: Town, lead: Caller) -> None:
        other = town.person()
        for spec in ({"inviter": other.id}, {"role": "security_admin"}):
            with pytest.raises(Invalid):
                invite(town, lead, **spec)

    def test_who_came_by_it_becomes_no_administrator_until_the_server_has_reset(self, town: Town, lead: Caller) -> None:
        person = join(town, invite(town, lead)[1])
        with pytest.raises(Invalid) as refused:
            grant(town, person.id, "audit_admin", "platform")
        assert {p.code for p in refused.value.problems} == {"SEPARATION"}
        resets.reset_on_server(town.kernel, person.name)
        assert grant(town, person.id, "audit_admin", "platform")

    def test_the_log_says_who_invited_and_who_came(self, town: Town, lead: Caller) -> None:
        id_, code = invite(town, lead)
        person = join(town, code)
        found = [f.leaf for f in town.kernel.audit.search(town.hall.read(), resource=id_)]
        said = {(leaf.actor, leaf.action) for leaf in found}
        assert (lead.id, "identity.invitation:create") in said
        assert (person.id, "identity.invitation:join") in said
        assert ("service:identity.invitation", "identity.invitation:accept") in said


class TestMail:
    def test_the_link_goes_to_the_address_once(
        self, town: Town, lead: Caller, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CLOUDHALL_ADDRESS", "https://cloud.city.example/")
        id_, code = invite(town, lead, email="wu-min@city.example", note="Welcome")
        town.hall.settle()
        (mail,) = relay.mails
        text = mail.message.get_content()
        assert mail.to == ["wu-min@city.example"]
        assert f"https://cloud.city.example/join?code={code}" in text
        assert "Welcome" in text
        assert "developer" in text
        assert town.hall.row(Invitation, id_).ready
        assert town.hall.one("SELECT wrapped FROM secret WHERE resource = ?", id_) is None

    def test_a_relay_that_is_busy_is_asked_again_and_the_copy_kept_until_then(
        self, town: Town, lead: Caller, relay: Relay
    ) -> None:
        relay.answer = "451 later"
        id_, code = invite(town, lead, email="wu-min@city.example")
        town.hall.settle(5)
        assert town.hall.one("SELECT wrapped FROM secret WHERE resource = ?", id_) is not None
        relay.answer = "250 fine"
        town.hall.settle(600)
        assert len(relay.mails) == 1
        assert code in relay.mails[0].message.get_content()

    def test_an_address_that_is_refused_is_said_and_the_link_still_good(
        self, town: Town, lead: Caller, relay: Relay
    ) -> None:
        relay.answer = "550 no such user"
        id_, code = invite(town, lead, email="nobody@city.example")
        town.hall.settle()
        mailed = town.hall.row(Invitation, id_).condition("Mailed")
        assert mailed is not None
        assert not mailed.status
        assert "no such user" in mailed.text.en
        assert joining.look(town.kernel, code).good


@pytest.fixture
def opened(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "economy")
    return town


def ask(town: Town, address: str = "10.0.0.1", reason: str = "forecasts") -> str:
    return signing_up.ask(town.kernel, "economy", Asking("吴敏", reason, "wu@city.example"), address=address)


def request_of(town: Town) -> str:
    return str(town.hall.one("SELECT id FROM identity_join_request WHERE deleted IS NULL ORDER BY id DESC"))


class TestSignUp:
    def test_is_off_unless_the_operator_names_the_organisation(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for setting in ("", "finance"):
            monkeypatch.setenv("CLOUDHALL_SIGN_UP", setting)
            assert signing_up.organisations(town.kernel) == []
            with pytest.raises(NotFound):
                ask(town)
        assert town.hall.counts()["identity_join_request"] == 0

    def test_before_the_approval_nothing_can_be_done(self, opened: Town, lead: Caller) -> None:
        code = ask(opened)
        assert not joining.look(opened.kernel, code).good
        before = opened.hall.counts()["identity_person"]
        with pytest.raises(Unauthenticated):
            join(opened, code)
        with pytest.raises(Unauthenticated):
            opened.caller(code)
        with pytest.raises(Unauthenticated):
            joining.accept(opened.kernel, code, opened.caller(opened.login(opened.person().name)))
        assert opened.hall.counts()["identity_person"] == before + 1

    def test_after_it_whoever_asked_comes_in_with_the_role(self, opened: Town, lead: Caller) -> None:
        code = ask(opened)
        opened.hall.do(lead, JoinRequest, "approve", target=request_of(opened), args={"role": "viewer"})
        person = join(opened, code)
        assert set(roles(opened, person.id)) == {"viewer"}
        assert opened.hall.row(JoinRequest, request_of(opened)).spec.person == person.id
        assert worthless(opened, code)

    def test_a_refusal_tells_its_reason_and_lets_nobody_in(self, opened: Town, lead: Caller) -> None:
        code = ask(opened)
        refusal = {"decision": "not of this house"}
        opened.hall.do(lead, JoinRequest, "refuse", target=request_of(opened), args=refusal)
        way = joining.look(opened.kernel, code)
        assert isinstance(way.row, JoinRequest)
        assert (way.good, way.row.spec.progress, way.row.spec.decision) == (False, "refused", "not of this house")
        with pytest.raises(Unauthenticated):
            join(opened, code)
        with pytest.raises(Conflict):
            opened.hall.do(lead, JoinRequest, "approve", target=request_of(opened), args={"role": "viewer"})

    def test_an_approval_can_be_taken_back_and_ends(self, opened: Town, lead: Caller) -> None:
        code = ask(opened)
        opened.hall.do(lead, JoinRequest, "approve", target=request_of(opened), args={"role": "viewer"})
        opened.world.advance(DAYS * DAY_US / SECOND_US)
        assert not joining.look(opened.kernel, code).good
        opened.hall.do(lead, JoinRequest, "refuse", target=request_of(opened), args={"decision": "too late"})

    @pytest.mark.parametrize("role", ["viewer", "developer", "system_admin", "security_admin", "audit_admin"])
    def test_only_who_runs_the_organisation_decides(self, opened: Town, role: str) -> None:
        ask(opened)
        with pytest.raises((Forbidden, NotFound)):
            opened.hall.do(
                opened.hall.staff[role], JoinRequest, "approve", target=request_of(opened), args={"role": "viewer"}
            )

    def test_an_address_asks_a_few_times_an_hour(self, opened: Town) -> None:
        for _ in range(signing_up.PER_ADDRESS_MAX):
            ask(opened)
        with pytest.raises(TooMany):
            ask(opened)
        assert ask(opened, "10.0.0.2")
        opened.world.advance(3_600)
        assert ask(opened)

    def test_a_pile_that_nobody_looks_at_does_not_grow_for_ever(
        self, opened: Town, lead: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(signing_up, "WAITING_MAX", 2)
        for n in range(2):
            ask(opened, f"10.0.0.{n}")
        with pytest.raises(TooMany):
            ask(opened, "10.0.0.9")
        opened.hall.do(lead, JoinRequest, "delete", target=request_of(opened))
        opened.hall.settle()
        assert ask(opened, "10.0.0.9")

    def test_what_is_asked_by_somebody_known_is_answered_alike(self, opened: Town) -> None:
        opened.person("wu")
        assert joining.is_code(ask(opened, reason="I am wu and forgot it"))
        assert sessions.login(opened.kernel, "wu", PASSWORD)


def first_withdrawn(town: Town) -> str:
    return str(town.hall.one("SELECT id FROM identity_invitation WHERE spec_progress = 'withdrawn'"))
