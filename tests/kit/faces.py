"""The three faces over one installation, and whoever uses them logged in without the price of a password hash."""

import contextlib
from collections.abc import Iterator

from starlette.testclient import TestClient

from cloudhall.api.app import create_app
from cloudhall.console.app import console_routes
from cloudhall.console.session import SESSION_COOKIE
from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.person import Person, PersonSpec
from cloudhall.kernel import credentials, places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.kinds import Status
from tests.kit.hall import Hall
from tests.kit.serving import served

BASE = "http://127.0.0.1"


class Faces:
    """API, console and a served address of one hall."""

    def __init__(self, hall: Hall) -> None:
        """Put the faces before its kernel."""
        self.hall = hall
        self.app = create_app(hall.kernel, routes=console_routes(hall.kernel))

    def secret(self, caller: Caller) -> str:
        """Session of a caller, who becomes a person for it."""
        table, world = self.hall.kernel.tables[Person], self.hall.world
        secret = credentials.make(sessions.SESSION_PREFIX, sessions.SESSION_LENGTH, world)
        if table.get(self.hall.read(), caller.id) is None:
            name = caller.id.removeprefix("pe-")
            spec = PersonSpec(display_name=caller.name or name)
            place = str(caller.attrs.get("organisation", places.PLATFORM))
            row = Person(id=caller.id, place=place, name=name, spec=spec, status=Status())
            self.hall.write(lambda tx: table.insert(tx, row))
        now = world.now_us()
        session = (credentials.digest(secret), caller.id, now, 2**52, now, "password", "", "")
        insert = "INSERT INTO identity_login VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self.hall.write(lambda tx: tx.execute(insert, session))
        return secret

    def api(self, caller: Caller) -> TestClient:
        """Client of the API."""
        headers = {"Authorization": f"Bearer {self.secret(caller)}"}
        return TestClient(self.app, base_url=f"{BASE}/api/v1", headers=headers)

    def console(self, caller: Caller, language: str) -> TestClient:
        """A browser without scripts."""
        cookies = {SESSION_COOKIE: self.secret(caller), "lang": language}
        return TestClient(self.app, base_url=BASE, cookies=cookies, follow_redirects=False)

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Serve over a real socket of loopback; answers the address."""
        with served(self.app) as url:
            yield url

    def close(self) -> None:
        """End streams and threads of the host."""
        self.app.state.host.close()
