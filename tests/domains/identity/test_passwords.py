"""Passwords: guessed five times at most, never kept or logged, taken away with the person."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cloudhall.domains.identity import passwords
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Invalid, TooMany, Unauthenticated
from cloudhall.kernel.world import SECOND_US
from tests.domains.identity.conftest import PASSWORD, Town

LOCKED_S = passwords.LOCKED_US / SECOND_US


def guess(town: Town, password: str = "wrong horse") -> CloudhallError:
    with pytest.raises((Unauthenticated, TooMany)) as refused:
        town.login(password=password)
    return refused.value


class TestLock:
    def test_five_wrong_ones_lock_and_the_right_one_too(self, town: Town) -> None:
        town.person()
        assert [guess(town).reason for _ in range(5)] == ["WRONG_PASSWORD"] * 5
        error = guess(town, PASSWORD)
        assert (error.status, error.reason) == (429, "LOCKED")
        assert "15 min" in error.how.en

    def test_it_ends_by_itself_to_the_second(self, town: Town) -> None:
        town.person()
        for _ in range(5):
            guess(town)
        town.world.advance(LOCKED_S - 1)
        assert guess(town, PASSWORD).reason == "LOCKED"
        town.world.advance(1)
        assert town.login()

    def test_after_it_five_more_guesses_lock_again(self, town: Town) -> None:
        town.person()
        for _ in range(5):
            guess(town)
        town.world.advance(LOCKED_S)
        assert [guess(town).reason for _ in range(6)] == ["WRONG_PASSWORD"] * 5 + ["LOCKED"]

    def test_a_right_one_in_between_counts_from_the_start(self, town: Town) -> None:
        town.person()
        for _ in range(3):
            for _ in range(4):
                guess(town)
            assert town.login()

    def test_a_flood_gets_no_more_guesses(self, town: Town) -> None:
        town.person()
        with ThreadPoolExecutor(16) as pool:
            reasons = list(pool.map(lambda _: guess(town).reason, range(40)))
        assert reasons.count("WRONG_PASSWORD") <= passwords.FAILURES_MAX + passwords.HASHES_AT_ONCE - 1


class TestUnknown:
    def test_an_unknown_name_is_hashed_and_answered_like_a_wrong_password(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        town.person()
        town.person("li", password="")
        compared: list[str] = []
        matches = passwords._matches

        def seen(hashed: str, password: str) -> bool:
            compared.append(hashed.rsplit("$", 2)[0])
            return matches(hashed, password)

        monkeypatch.setattr(passwords, "_matches", seen)
        said = []
        for name in ("wu", "nobody", "li", "WU ", ""):
            with pytest.raises(Unauthenticated) as refused:
                town.login(name, "wrong horse")
            said.append((refused.value.text, refused.value.how, refused.value.reason))
        assert len(set(said)) == 1
        assert len(compared) == 5
        assert len(set(compared)) == 1  # the same parameters, so the same time

    def test_the_parameters_are_those_of_rfc_9106(self) -> None:
        passwords._hasher.cache_clear()
        assert passwords.hash_password("some password").startswith("$argon2id$v=19$m=65536,t=3,p=4$")

    def test_at_most_two_are_hashed_at_once(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        town.person()
        running, most = 0, 0
        lock, matches = threading.Lock(), passwords._matches

        def counted(*arguments: Any) -> bool:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.02)
            with lock:
                running -= 1
            return matches(*arguments)

        monkeypatch.setattr(passwords, "_matches", counted)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: guess(town), range(8)))
        assert most == passwords.HASHES_AT_ONCE


def change(town: Town, person: Person, old: str, password: str) -> None:
    passwords.change(town.kernel, Caller(id=person.id), person, old, password)


class TestChange:
    def test_it_needs_the_old_one(self, town: Town) -> None:
        person = town.person()
        with pytest.raises(Unauthenticated):
            change(town, person, "wrong horse", "another horse")
        change(town, person, PASSWORD, "another horse")
        assert town.login(password="another horse")
        with pytest.raises(Unauthenticated):
            town.login()

    def test_guesses_at_the_old_one_are_counted(self, town: Town) -> None:
        person = town.person()
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                change(town, person, "wrong horse", "another horse")
        assert guess(town, PASSWORD).reason == "LOCKED"

    @pytest.mark.parametrize("length", [0, 7, 257])
    def test_too_short_or_too_long_is_refused_with_its_field(self, town: Town, length: int) -> None:
        with pytest.raises(Invalid) as refused:
            change(town, town.person(), PASSWORD, "x" * length)
        assert [p.pointer for p in refused.value.problems] == ["/password"]

    @pytest.mark.parametrize("length", [8, 256])
    def test_the_bounds_themselves_are_allowed(self, town: Town, length: int) -> None:
        change(town, town.person(), PASSWORD, "x" * length)
        assert town.login(password="x" * length)

    def test_it_ends_every_session(self, town: Town) -> None:
        person = town.person()
        session = town.login()
        change(town, person, PASSWORD, "another horse")
        with pytest.raises(Unauthenticated):
            town.caller(session)

    def test_no_table_holds_it_and_the_log_says_who_set_it(self, town: Town) -> None:
        person = town.person(password="first horse")
        change(town, person, "first horse", PASSWORD)
        town.login()
        guess(town, "wrong horse")
        for table in town.hall.counts():
            for row in town.hall.read().execute(f"SELECT * FROM {table}"):
                held = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
                assert PASSWORD.encode() not in held, table
                assert b"wrong horse" not in held, table
        leaves = town.kernel.audit.search(town.hall.read(), resource=person.id)
        setting = next(f.leaf for f in leaves if f.leaf.action == "identity.person:set_password")
        assert setting.actor == person.id

    def test_it_goes_with_the_person_and_so_do_the_sessions(self, town: Town) -> None:
        person = town.person()
        session = town.login()
        town.do("system_admin", Person, "delete", target=person.id)
        with pytest.raises(Unauthenticated):
            town.caller(session)
        with pytest.raises(Unauthenticated):
            town.login()
        town.hall.settle()
        counts = town.hall.counts()
        assert (counts["identity_password"], counts["identity_login"]) == (0, 0)
        assert town.hall.one("SELECT count(*) FROM identity_person WHERE deleted IS NULL") == 0
