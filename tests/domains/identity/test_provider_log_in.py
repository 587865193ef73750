"""Log-in by an identity provider: who comes in as whom, and every answer that must be refused."""

from typing import Any

import pytest

from cloudhall.domains.identity import attempts, oidc, provider_log_in, sessions
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.identity_provider import IdentityProvider, offered
from cloudhall.domains.identity.linked_account import LinkedAccount
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.errors import CloudhallError, Conflict, Forbidden, Invalid, TooMany, Unavailable
from tests.domains.identity.gate import Gate, refusal
from tests.kit.databases import BOTH
from tests.kit.provider import providing

pytestmark = BOTH
VERIFIED: dict[str, Any] = {"email": "wu@city.example", "email_verified": True}


class TestKnown:
    def test_who_has_linked_it_comes_in_by_issuer_and_subject(self, gate: Gate) -> None:
        person = gate.link()
        arrival = gate.walk(email="someone@else.example", name="Somebody Else")
        assert (arrival.person.id, arrival.back) == (person.id, "/sheds")
        assert gate.town.caller(arrival.secret).id == person.id

    def test_another_subject_is_another_person(self, gate: Gate) -> None:
        gate.link(**VERIFIED)
        assert refusal(lambda: gate.walk(sub="u-2", **VERIFIED)) == "NOBODY"

    def test_nobody_unknown_comes_in_and_no_row_is_left(self, gate: Gate) -> None:
        before = gate.town.hall.counts()
        assert refusal(lambda: gate.walk(**VERIFIED)) == "NOBODY"
        after = gate.town.hall.counts()
        for table in ("identity_person", "identity_linked_account", "identity_login", "identity_attempt"):
            assert after[table] == before[table], table

    def test_a_suspended_person_stays_out(self, gate: Gate) -> None:
        person = gate.link()
        gate.town.do("security_admin", Person, "suspend", target=person.id)
        assert refusal(gate.walk) == "NOBODY"

    @pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin"])
    def test_an_administrator_does_not_come_in_this_way(self, gate: Gate, role: str) -> None:
        person = gate.link()
        gate.town.do("security_admin", Grant, "create", place="economy", spec={"subject": person.id, "role": role})
        assert refusal(gate.walk) == "ADMINISTRATOR"

    def test_unlinked_it_opens_nothing_any_more(self, gate: Gate) -> None:
        person = gate.link()
        wu = gate.town.caller(gate.town.login())
        (link,) = gate.kernel.page(wu, LinkedAccount)
        gate.town.hall.do(wu, LinkedAccount, "delete", target=link.id)
        assert refusal(gate.walk) == "NOBODY"
        gate.town.hall.settle()
        gate.walk(person.id)

    def test_one_account_is_one_persons(self, gate: Gate) -> None:
        gate.link()
        other = gate.town.person("other")
        with pytest.raises(Conflict) as refused:
            gate.walk(other.id)
        assert refused.value.reason == "LINKED"

    def test_to_link_takes_the_session_that_asked(self, gate: Gate) -> None:
        person, thief = gate.town.person(), gate.town.person("thief")
        answer = gate.provider.authorise(gate.begin(person.id))
        assert refusal(lambda: gate.finish(answer, thief.id)) == "STATE"
        answer = gate.provider.authorise(gate.begin(person.id))
        assert refusal(lambda: gate.finish(answer)) == "STATE"

    def test_a_provider_that_is_switched_off_is_offered_no_more(self, gate: Gate) -> None:
        assert [p.id for p in offered(gate.kernel)] == [gate.row.id]
        gate.change(enabled=False)
        assert offered(gate.kernel) == []


class TestByMail:
    def test_a_provider_that_gives_out_the_address_knows_somebody_by_it(self, gate: Gate) -> None:
        person = with_mail(gate, "wu", "wu@city.example")
        gate.change(authoritative_domains=["city.example"])
        assert gate.walk(**VERIFIED).person.id == person
        assert gate.walk(email="new@address.example").person.id == person, "linked from then on"

    @pytest.mark.parametrize(
        "claims",
        [
            {"email": "wu@city.example"},
            {"email": "wu@city.example", "email_verified": "true"},
            {"email": "wu@city.example", "email_verified": False},
            {"email": "wu@city.example.evil", "email_verified": True},
            {"email": "wu@evil@city.example", "email_verified": True},
            {"email": ["wu@city.example"], "email_verified": True},
            {"email": None, "email_verified": True},
        ],
    )
    def test_not_by_one_that_it_does_not_vouch_for(self, gate: Gate, claims: dict[str, Any]) -> None:
        with_mail(gate, "wu", "wu@city.example")
        gate.change(authoritative_domains=["city.example"])
        assert refusal(lambda: gate.walk(**claims)) == "NOBODY"

    def test_not_unless_it_is_marked_so(self, gate: Gate) -> None:
        with_mail(gate, "wu", "wu@city.example")
        assert refusal(lambda: gate.walk(**VERIFIED)) == "NOBODY"

    def test_not_where_two_have_it_nor_outside_its_organisation(self, gate: Gate) -> None:
        with_mail(gate, "wu", "wu@city.example")
        gate.town.do("system_admin", Organisation, "create", name="finance", spec={"title_zh": "财政局"})
        gate.row = gate.register("finance-login", "finance", authoritative_domains=["city.example"])
        assert refusal(lambda: gate.walk(**VERIFIED)) == "NOBODY"
        gate.row = gate.register("economy-login", "economy", authoritative_domains=["city.example"])
        with_mail(gate, "wu-2", "wu@city.example")
        assert refusal(lambda: gate.walk(**VERIFIED)) == "NOBODY"

    def test_never_an_administrator(self, gate: Gate) -> None:
        person = with_mail(gate, "wu", "wu@city.example")
        spec = {"subject": person, "role": "audit_admin"}
        gate.town.do("security_admin", Grant, "create", place="platform", spec=spec)
        gate.change(authoritative_domains=["city.example"])
        assert refusal(lambda: gate.walk(**VERIFIED)) == "ADMINISTRATOR"
        assert gate.town.hall.counts()["identity_linked_account"] == 0


class TestNewPeople:
    def test_are_given_an_account_where_that_is_said_and_have_no_role(self, gate: Gate) -> None:
        economy = gate.town.hall.one("SELECT id FROM identity_organisation WHERE name = 'economy'")
        gate.change(people_in="economy")
        person = gate.walk(name="吴敏", preferred_username="Wu.Min", **VERIFIED).person
        assert (person.name, person.place, person.spec.display_name) == ("wu.min", economy, "吴敏")
        assert person.spec.email == "", "nobody here has said that the provider gives out these addresses"
        assert gate.walk().person.id == person.id
        assert gate.town.hall.one("SELECT count(*) FROM role_grant WHERE subject = ?", person.id) == 0

    def test_have_the_address_that_their_provider_gives_out(self, gate: Gate) -> None:
        gate.change(people_in="economy", authoritative_domains=["city.example"])
        assert gate.walk(**VERIFIED).person.spec.email == "wu@city.example"
        assert gate.walk(sub="u-2", email="a@b.example", email_verified=True).person.spec.email == ""

    @pytest.mark.parametrize("wanted", ["taken", "-", "", "x" * 300, "../etc", "吴敏", "pe-01j9x4c7m2q8k3v57"])
    def test_have_a_log_in_that_is_free_and_well_formed(self, gate: Gate, wanted: str) -> None:
        gate.town.person("taken")
        gate.change(people_in="economy")
        person = gate.walk(preferred_username=wanted).person
        assert person.name != "taken"
        assert gate.walk().person.id == person.id

    def test_only_of_the_domains_that_are_let_in(self, gate: Gate) -> None:
        gate.change(people_in="economy", mail_domains=["city.example"])
        wrong: list[dict[str, Any]] = [{}, {"email": "wu@city.example"}, {**VERIFIED, "email": "a@evil.example"}]
        for claims in wrong:
            assert refusal(lambda claims=claims: gate.walk(**claims)) == "NOBODY"
        assert gate.walk(**VERIFIED)

    def test_become_no_administrators_by_it(self, gate: Gate) -> None:
        gate.change(people_in="economy")
        person = gate.walk().person
        spec = {"subject": person.id, "role": "audit_admin"}
        with pytest.raises(Invalid):
            gate.town.do("security_admin", Grant, "create", place="platform", spec=spec)

    def test_do_not_unlink_their_only_way_in(self, gate: Gate) -> None:
        gate.change(people_in="economy")
        arrival = gate.walk()
        wu = gate.town.caller(arrival.secret)
        (link,) = gate.kernel.page(wu, LinkedAccount)
        with pytest.raises(Conflict) as refused:
            gate.town.hall.do(wu, LinkedAccount, "delete", target=link.id)
        assert refused.value.reason == "LAST_WAY_IN"
        gate.town.do("security_admin", LinkedAccount, "delete", target=link.id)


class TestAnswers:
    """What ties an answer to its question."""

    def test_each_is_good_once(self, gate: Gate) -> None:
        gate.link()
        answer = gate.provider.authorise(gate.begin())
        gate.finish(answer)
        again = gate.provider.authorise(gate.begin())
        assert refusal(lambda: gate.finish(answer)) == "STATE"
        assert refusal(lambda: gate.finish(again | {"code": answer["code"]})) == "HTTP_400"

    def test_it_belongs_to_the_browser_that_asked(self, gate: Gate) -> None:
        gate.link()
        answer = gate.provider.authorise(gate.begin(browser="attacker"))
        for browser in ("victim", ""):
            assert refusal(lambda browser=browser: gate.finish(answer, browser=browser)) == "STATE"

    def test_it_comes_within_ten_minutes(self, gate: Gate) -> None:
        gate.link()
        answer = gate.provider.authorise(gate.begin())
        gate.town.world.advance(600)
        assert refusal(lambda: gate.finish(answer)) == "STATE"

    @pytest.mark.parametrize("answer", [{}, {"state": "x"}, {"code": "x"}, {"code": "x", "state": ""}])
    def test_one_that_nobody_asked_for(self, gate: Gate, answer: dict[str, str]) -> None:
        assert refusal(lambda: gate.finish(answer)) == "STATE"

    def test_one_provider_does_not_answer_for_another(self, gate: Gate) -> None:
        gate.link()
        answer = gate.provider.authorise(gate.begin())
        with providing(gate.provider.now_s) as other:
            gate.row = gate.register("other", issuer=other.issuer)
            assert refusal(lambda: gate.finish(answer)) == "STATE"
            assert other.asked == []

    def test_one_that_names_another_issuer(self, gate: Gate) -> None:
        gate.link()
        answer = gate.provider.authorise(gate.begin())
        assert refusal(lambda: gate.finish(answer | {"iss": "https://evil.example"})) == "OTHER_ISSUER"
        answer = gate.provider.authorise(gate.begin())
        assert gate.finish(answer | {"iss": gate.provider.issuer})

    def test_a_refusal_there_is_one_here(self, gate: Gate) -> None:
        answer = gate.provider.authorise(gate.begin())
        denied = {"error": "access_denied", "state": answer["state"]}
        assert refusal(lambda: gate.finish(denied)) == "PROVIDER_REFUSED"

    def test_a_code_taken_by_another_is_worthless_without_the_verifier(self, gate: Gate) -> None:
        gate.link()
        stolen, own = gate.provider.authorise(gate.begin()), gate.provider.authorise(gate.begin())
        assert refusal(lambda: gate.finish(own | {"code": stolen["code"]})) == "HTTP_400"

    def test_beginnings_are_bounded(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attempts, "OPEN_MAX", 3)
        for _ in range(3):
            gate.begin()
        with pytest.raises(TooMany):
            gate.begin()
        gate.town.world.advance(600)
        assert gate.begin()

    def test_nothing_of_the_state_is_kept_but_its_hash(self, gate: Gate) -> None:
        answer = gate.provider.authorise(gate.begin())
        row = gate.town.hall.read().execute("SELECT * FROM identity_attempt").fetchone()
        assert answer["state"] not in str(row)

    def test_refusals_are_in_the_log_with_their_reason(self, gate: Gate) -> None:
        assert refusal(gate.walk) == "NOBODY"
        (found,) = gate.kernel.audit.search(gate.town.hall.read(), resource=gate.row.id, limit=1)
        assert (found.leaf.action, found.leaf.phase, found.leaf.reason) == ("session:login", "denied", "NOBODY")


class TestProvider:
    def test_a_document_of_another_issuer_is_refused(self, gate: Gate) -> None:
        gate.provider.metadata = {"issuer": "https://evil.example"}
        assert refusal(gate.begin) == "OTHER_ISSUER"

    @pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
    @pytest.mark.parametrize("url", ["http://evil.example/x", "file:///etc/passwd", "javascript:x", ""])
    def test_endpoints_that_are_not_encrypted_are_refused(self, gate: Gate, name: str, url: str) -> None:
        gate.provider.metadata = {name: url}
        assert refusal(gate.begin) == "PLAIN_HTTP"

    @pytest.mark.parametrize(("status", "reason"), [(302, "HTTP_302"), (404, "HTTP_404")])
    def test_redirects_and_refusals_are_not_followed(self, gate: Gate, status: int, reason: str) -> None:
        gate.provider.status = status
        assert refusal(gate.begin) == reason

    def test_one_that_is_down_is_said_to_be(self, gate: Gate) -> None:
        gate.provider.status = 503
        with pytest.raises(Unavailable):
            gate.begin()
        gate.row = gate.register("gone", issuer="http://127.0.0.1:1")
        with pytest.raises(Unavailable):
            gate.begin()

    def test_what_is_no_document_is_refused(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        for said in (b"[]", b"<html>", b"{" + b" " * (1 << 18) + b"}"):
            monkeypatch.setattr(gate.provider, "_document", lambda _path, said=said: said)
            assert refusal(gate.begin) == "NOT_JSON"

    def test_many_that_wait_hold_up_nobody_else(self, gate: Gate) -> None:
        for _ in range(oidc.CALLS_AT_ONCE):
            assert oidc._calling.acquire(blocking=False)
        try:
            with pytest.raises(TooMany):
                gate.begin()
        finally:
            oidc._calling.release(oidc.CALLS_AT_ONCE)

    @pytest.mark.parametrize(
        ("spec", "code"),
        [
            ({"issuer": "http://login.city.example"}, "HTTPS"),
            ({"issuer": "http://127.0.0.1.evil.example"}, "HTTPS"),
            ({"issuer": "https://login.city.example?x=1"}, "PATTERN"),
            ({"issuer": "https://user@login.city.example"}, "PATTERN"),
            ({"mail_domains": ["@city.example"]}, "PATTERN"),
        ],
    )
    def test_what_cannot_be_safe_is_not_registered(self, gate: Gate, spec: dict[str, Any], code: str) -> None:
        with pytest.raises(Invalid) as refused:
            gate.register("wrong", **spec)
        assert {p.code for p in refused.value.problems} == {code}

    def test_one_of_an_organisation_makes_people_there_alone(self, gate: Gate) -> None:
        gate.town.do("system_admin", Organisation, "create", name="finance", spec={"title_zh": "财政局"})
        with pytest.raises(Invalid):
            gate.register("wrong", "finance", people_in="economy")
        assert gate.register("right", "finance", people_in="finance")

    @pytest.mark.parametrize("role", ["org_admin", "developer", "system_admin", "audit_admin"])
    def test_only_a_security_administrator_registers_one(self, gate: Gate, role: str) -> None:
        spec = {"issuer": "https://login.city.example", "client": "x", "title_zh": "登录"}
        with pytest.raises(CloudhallError) as refused:
            gate.town.do(role, IdentityProvider, "create", place="economy", name="mine", spec=spec)
        assert refused.value.status in {403, 404}


class TestSecret:
    def test_it_goes_to_the_provider_and_nowhere_else(self, gate: Gate) -> None:
        gate.link()
        gate.provider.secret = "s+cret %:/"
        assert refusal(gate.walk) == "HTTP_400"
        admin = gate.town.hall.staff["security_admin"]
        gate.provider.secret = "swordfish"
        provider_log_in.entrust(gate.kernel, admin, gate.row, "swordfish")
        assert gate.walk()
        for table in gate.town.hall.counts():
            for row in gate.town.hall.read().execute(f"SELECT * FROM {table}"):
                assert b"swordfish" not in b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row), table
        provider_log_in.entrust(gate.kernel, admin, gate.row, "")
        assert refusal(gate.walk) == "HTTP_400"

    def test_two_providers_may_have_the_same(self, gate: Gate) -> None:
        admin = gate.town.hall.staff["security_admin"]
        for row in (gate.row, gate.register("second", issuer="https://second.example")):
            provider_log_in.entrust(gate.kernel, admin, row, "swordfish")

    def test_others_do_not_set_it(self, gate: Gate) -> None:
        with pytest.raises(Forbidden):
            provider_log_in.entrust(gate.kernel, gate.town.hall.staff["system_admin"], gate.row, "x")

    def test_it_goes_with_its_provider(self, gate: Gate) -> None:
        provider_log_in.entrust(gate.kernel, gate.town.hall.staff["security_admin"], gate.row, "swordfish")
        gate.town.do("security_admin", IdentityProvider, "delete", target=gate.row.id)
        gate.town.hall.settle()
        assert gate.town.hall.one("SELECT count(*) FROM secret WHERE resource = ?", gate.row.id) == 0


def with_mail(gate: Gate, name: str, email: str) -> str:
    spec = {"display_name": name, "email": email}
    return str(gate.town.do("system_admin", Person, "create", place="economy", name=name, spec=spec)["id"])


def test_a_session_says_that_it_was_opened_by_a_provider(gate: Gate) -> None:
    person = gate.link()
    gate.walk()
    how = gate.town.hall.one("SELECT how FROM identity_login WHERE person = ?", person.id)
    assert sessions.HOW[how].en == "identity provider"
