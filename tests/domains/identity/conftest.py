"""An installation with an organisation and people who log in; hashing is made cheap, but stays argon2id."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cloudhall.domains.identity import oidc, passwords, sessions
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.world import SECOND_US
from tests.kit.hall import Hall, opened
from tests.kit.provider import providing

if TYPE_CHECKING:
    from tests.domains.identity.gate import Gate

PASSWORD = "right horse battery"


class Town:
    """A hall with `economy`, its project, and people by their log-in."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.kernel, self.world = hall, hall.kernel, hall.world
        self.project = hall.project()

    def person(self, name: str = "wu", password: str = PASSWORD) -> Person:
        """Somebody with a password of their own."""
        body = self.hall.do(
            self.hall.staff["system_admin"], Person, "create", place="economy", name=name, spec={"display_name": name}
        )
        row = self.row(str(body["id"]))
        if password:
            hashed = passwords.hash_password(password)
            self.hall.write(lambda tx: passwords.store(tx, row.id, hashed, self.world.now_us()))
        return row

    def row(self, id_: str) -> Person:
        row = self.hall.row(Person, id_)
        assert isinstance(row, Person)
        return row

    def login(self, name: str = "wu", password: str = PASSWORD) -> str:
        return sessions.login(self.kernel, name, password, address="127.0.0.1", agent="test")[0]

    def caller(self, credential: str) -> Caller:
        return sessions.authenticate(self.kernel, credential)

    def do(self, role: str, *what: Any, **more: Any) -> dict[str, Any]:
        return self.hall.do(self.hall.staff[role], *what, **more)


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    from argon2 import PasswordHasher

    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: cheap)
    passwords._nobodys_hash.cache_clear()
    with opened() as hall:
        yield Town(hall)
    passwords._nobodys_hash.cache_clear()


@pytest.fixture
def gate(town: Town) -> Iterator["Gate"]:
    """Return a town before a provider; what was known of others is forgotten."""
    from tests.domains.identity.gate import Gate

    oidc._known.clear()
    with providing(lambda: town.world.now_us() // SECOND_US) as provider:
        yield Gate(town, provider)
