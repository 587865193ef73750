"""Passkeys against a device in software: made, shown, and everything that a thief could show instead."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cloudhall.domains.identity import ceremonies, factors, letters, passkeys, second, sessions, tickets
from cloudhall.domains.identity.ceremonies import Site
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Invalid, Unauthenticated
from tests.domains.identity.conftest import Town
from tests.kit.authenticator import Authenticator
from tests.kit.databases import BOTH

pytestmark = BOTH

ORIGIN = "http://localhost:8800"
SITE = Site("localhost", ORIGIN)
HERE = second.Door("127.0.0.1", "test")


@pytest.fixture
def person(town: Town) -> Person:
    return town.person()


def register(town: Town, person: Person, device: Authenticator, name: str = "laptop", **how: Any) -> tuple[str, ...]:
    """Let a device make a passkey for somebody; answers recovery codes."""
    ticket, options = ceremonies.options_to_register(town.kernel, person, SITE)
    made = device.make(options, how.pop("origin", ORIGIN), **how)
    new = ceremonies.registered(town.kernel, person, SITE, ticket, name, made)
    return factors.add_passkey(town.kernel, Caller(id=person.id), person, new)


def asked(town: Town) -> tuple[str, Mapping[str, Any]]:
    """Ticket and options of the log-in page."""
    ticket = tickets.issue(town.kernel, ceremonies.ALONE)
    return ticket, ceremonies.options_to_show(town.kernel, SITE, ticket)


def second_asked(town: Town, person: Person) -> tuple[str, Mapping[str, Any]]:
    """Ticket and options after the right password."""
    with pytest.raises(Unauthenticated) as needed:
        town.login(person.name)
    ticket = str(needed.value.details["ticket"])
    return ticket, ceremonies.options_to_show(town.kernel, SITE, ticket, person.id)


def opened(town: Town) -> list[str]:
    return [how for (how,) in town.hall.read().execute("SELECT how FROM identity_login ORDER BY how")]


class TestRegistration:
    def test_several_with_names_and_recovery_codes_with_the_first(self, town: Town, person: Person) -> None:
        assert len(register(town, person, Authenticator(b"first"), " laptop ")) == 10
        assert register(town, person, Authenticator(b"second"), "telephone") == ()
        held = factors.held(town.hall.read(), person.id)
        assert [p.name for p in held.passkeys] == ["laptop", "telephone"]
        assert held.recovery_codes == 10

    def test_a_device_is_asked_for_what_log_in_needs(self, town: Town, person: Person) -> None:
        register(town, person, Authenticator(b"first"))
        _, options = ceremonies.options_to_register(town.kernel, person, SITE)
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["rp"]["id"] == "localhost"
        assert len(options["excludeCredentials"]) == 1
        assert person.name not in str(options["user"]["id"])

    @pytest.mark.parametrize(
        "how",
        [{"origin": "http://localhost:9900"}, {"origin": "https://localhost:8800"}, {"verified": False}],
        ids=["another port", "another scheme", "nobody was asked"],
    )
    def test_what_a_browser_elsewhere_made_is_refused(self, town: Town, person: Person, how: dict[str, Any]) -> None:
        with pytest.raises(Unauthenticated) as refused:
            register(town, person, Authenticator(), **how)
        assert refused.value.reason == "PASSKEY"

    def test_a_challenge_is_good_once_and_soon_and_for_one_person(self, town: Town, person: Person) -> None:
        ticket, options = ceremonies.options_to_register(town.kernel, person, SITE)
        made = Authenticator().make(options, ORIGIN)
        with pytest.raises(Unauthenticated):
            ceremonies.registered(town.kernel, town.person("li"), SITE, ticket, "x", made)
        new = ceremonies.registered(town.kernel, person, SITE, ticket, "x", made)
        factors.add_passkey(town.kernel, Caller(id=person.id), person, new)
        with pytest.raises(Unauthenticated) as spent:
            factors.add_passkey(town.kernel, Caller(id=person.id), person, new)
        assert spent.value.reason == "TICKET"
        ticket, options = ceremonies.options_to_register(town.kernel, person, SITE)
        made = Authenticator(b"late").make(options, ORIGIN)
        town.world.advance(tickets.LIFE_US / 1_000_000)
        with pytest.raises(Unauthenticated):
            ceremonies.registered(town.kernel, person, SITE, ticket, "x", made)

    def test_the_same_one_twice_and_too_many_are_refused(
        self, town: Town, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(town, person, Authenticator(b"first"))
        with pytest.raises(Conflict, match="registered"):
            register(town, person, Authenticator(b"first"))
        monkeypatch.setattr(passkeys, "PASSKEYS_MAX", 1)
        with pytest.raises(Conflict, match="the most"):
            register(town, person, Authenticator(b"second"))

    @pytest.mark.parametrize("name", ["", "  ", "x" * 61])
    def test_a_name_is_needed(self, town: Town, person: Person, name: str) -> None:
        with pytest.raises(Invalid):
            register(town, person, Authenticator(), name)

    @pytest.mark.parametrize("made", ["", "7", "[]", "{}", '{"id": 7}', '{"id": "x", "rawId": "x", "response": {}}'])
    def test_what_is_no_passkey_is_refused(self, town: Town, person: Person, made: str) -> None:
        ticket, _ = ceremonies.options_to_register(town.kernel, person, SITE)
        with pytest.raises(Unauthenticated):
            ceremonies.registered(town.kernel, person, SITE, ticket, "x", made)


class TestAlone:
    def test_a_passkey_alone_opens_a_session(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = asked(town)
        assert options.get("allowCredentials", []) == []
        secret, found = second.alone(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)
        assert (found.id, town.caller(secret).id, opened(town)) == (person.id, person.id, ["passkey"])
        (used,) = passkeys.of(town.hall.read(), person.id)
        assert used.used_us > used.created_us

    @pytest.mark.parametrize(
        "how",
        [{"forged": True}, {"verified": False}, {"grows": False}],
        ids=["signature", "nobody was asked", "counter"],
    )
    def test_a_wrong_answer_opens_none(self, town: Town, person: Person, how: dict[str, bool]) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = asked(town)
        second.alone(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)
        ticket, options = asked(town)
        with pytest.raises(Unauthenticated) as refused:
            second.alone(town.kernel, ticket, SITE, device.show(options, ORIGIN, **how), HERE)
        assert (refused.value.reason, len(opened(town))) == ("PASSKEY", 1)
        last = town.kernel.audit.search(town.hall.read(), limit=1)[0].leaf
        assert (last.action, last.phase, last.reason) == ("session:login", "denied", "PASSKEY")

    @pytest.mark.parametrize("origin", ["http://localhost:9900", "https://localhost:8800", "http://evil.example"])
    def test_an_answer_from_another_page_opens_none(self, town: Town, person: Person, origin: str) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = asked(town)
        with pytest.raises(Unauthenticated):
            second.alone(town.kernel, ticket, SITE, device.show(options, origin), HERE)

    def test_an_answer_for_another_name_opens_none(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = asked(town)
        answer = device.show({**options, "rpId": "evil.example"}, ORIGIN)
        with pytest.raises(Unauthenticated):
            second.alone(town.kernel, ticket, SITE, answer, HERE)

    def test_an_answer_is_good_once(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = asked(town)
        answer = device.show(options, ORIGIN)
        second.alone(town.kernel, ticket, SITE, answer, HERE)
        for again in (ticket, tickets.issue(town.kernel, ceremonies.ALONE)):
            with pytest.raises(Unauthenticated):
                second.alone(town.kernel, again, SITE, answer, HERE)
        assert len(opened(town)) == 1

    def test_a_device_without_a_counter_cannot_be_replayed_either(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = asked(town)
        answer = device.show(options, ORIGIN, grows=False)
        second.alone(town.kernel, ticket, SITE, answer, HERE)
        with pytest.raises(Unauthenticated) as spent:
            second.alone(town.kernel, ticket, SITE, answer, HERE)
        assert spent.value.reason == "TICKET"

    def test_a_challenge_that_was_not_ours_or_is_too_old_opens_none(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        forged = tickets.issue(town.kernel, ceremonies.REGISTER)
        options = ceremonies.options_to_show(town.kernel, SITE, forged)
        with pytest.raises(Unauthenticated):
            second.alone(town.kernel, forged, SITE, device.show(options, ORIGIN), HERE)
        ticket, options = asked(town)
        answer = device.show(options, ORIGIN)
        town.world.advance(tickets.LIFE_US / 1_000_000)
        with pytest.raises(Unauthenticated):
            second.alone(town.kernel, ticket, SITE, answer, HERE)

    def test_a_device_that_nobody_registered_or_that_names_another_opens_none(self, town: Town, person: Person) -> None:
        device = Authenticator()
        ticket, options = asked(town)
        with pytest.raises(Unauthenticated):
            second.alone(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)
        register(town, person, device)
        device.owner = town.person("li").id.encode()
        with pytest.raises(Unauthenticated):
            second.alone(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)

    def test_whoever_is_suspended_stays_outside(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        town.do("security_admin", Person, "suspend", target=person.id, args={})
        ticket, options = asked(town)
        with pytest.raises(Unauthenticated, match="suspended"):
            second.alone(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)


class TestSecondFactor:
    def test_after_the_password_one_of_ones_own(self, town: Town, person: Person) -> None:
        device = Authenticator()
        register(town, person, device)
        ticket, options = second_asked(town, person)
        assert len(options["allowCredentials"]) == 1
        second.with_passkey(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)
        assert opened(town) == ["password+passkey"]

    def test_somebody_elses_is_refused(self, town: Town, person: Person) -> None:
        mine, other = Authenticator(b"mine"), Authenticator(b"other")
        register(town, person, mine)
        register(town, town.person("li"), other)
        ticket, options = second_asked(town, person)
        with pytest.raises(Unauthenticated):
            second.with_passkey(town.kernel, ticket, SITE, other.show(options, ORIGIN), HERE)
        assert opened(town) == []

    def test_one_that_was_removed_is_worth_nothing(self, town: Town, person: Person) -> None:
        device, kept = Authenticator(b"gone"), Authenticator(b"kept")
        register(town, person, device)
        register(town, person, kept)
        ticket, options = second_asked(town, person)
        gone = next(p.id for p in passkeys.of(town.hall.read(), person.id))
        factors.remove(town.kernel, Caller(id=person.id), person, gone)
        with pytest.raises(Unauthenticated):
            second.with_passkey(town.kernel, ticket, SITE, device.show(options, ORIGIN), HERE)
        second.with_passkey(town.kernel, ticket, SITE, kept.show(options, ORIGIN), HERE)

    def test_a_recovery_code_does_instead(self, town: Town, person: Person) -> None:
        kept = register(town, person, Authenticator())
        ticket, _ = second_asked(town, person)
        second.with_code(town.kernel, ticket, kept[0], HERE)
        assert opened(town) == ["password+recovery"]

    def test_the_details_say_what_there_is(self, town: Town, person: Person) -> None:
        register(town, person, Authenticator())
        with pytest.raises(Unauthenticated) as needed:
            sessions.login(town.kernel, "wu", "right horse battery")
        assert needed.value.details["factors"] == ["passkey", "recovery"]
        assert json.dumps(needed.value.details)


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("http://localhost:8800", "localhost"),
        ("http://127.0.0.1:8800", None),
        ("http://[::1]:8800", None),
        ("https://cloud.example.cn", "cloud.example.cn"),
        ("https://cloud.example.cn:8443", "cloud.example.cn"),
        ("http://cloud.example.cn", None),
        ("https://evil.example", None),
        ("https://evil.cloud.example.cn", None),
    ],
)
def test_they_work_where_the_name_is_ours_and_the_way_is_safe(
    monkeypatch: pytest.MonkeyPatch, origin: str, name: str | None
) -> None:
    monkeypatch.setenv(letters.ADDRESS, "https://cloud.example.cn")
    site = ceremonies.site_of(origin)
    assert (site.name if site else None) == name
    monkeypatch.setenv(letters.ADDRESS, "https://10.0.0.8")
    assert ceremonies.site_of("https://10.0.0.8") is None
