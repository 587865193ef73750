"""An installation of one's own, through public doors alone: founded, started, come into, used, and come into again."""

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.api import Answer, Api
from tests.e2e.server import PROGRAM, Server, environment

NAMES = "--organisation city --title-zh 某市 --system-admin zhou --security-admin liang --audit-admin he"
ADMINISTRATORS = ("zhou", "liang", "he")


def offline(home: Path, *line: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the data folder."""
    words = [str(PROGRAM), *line]
    return subprocess.run(words, env=environment(home, 1), capture_output=True, text=True, check=False, timeout=60)


def codes(printed: str) -> dict[str, str]:
    return {row[0]: row[-1] for row in map(str.split, printed.splitlines())}


def choose(server: Server, code: str, password: str) -> Answer:
    with contextlib.closing(Api(server.url)) as api:
        return api.post("password/choose", {"code": code, "password": password})


def enter(server: Server, login: str) -> contextlib.closing[Api]:
    """Log in with the password that each chooses here."""
    return contextlib.closing(Api.of(server.url, login, f"chosen by {login}"))


@pytest.fixture
def founded(server: Callable[..., Server]) -> tuple[Server, dict[str, str]]:
    """A server on a folder that was founded, and the codes of the three."""
    own = server("own", demo=False)
    done = offline(own.home, "found", *NAMES.split())
    assert done.returncode == 0, done.stderr
    own.start()
    return own, codes(done.stdout)


def test_from_the_founding_to_the_first_bucket(founded: tuple[Server, dict[str, str]]) -> None:
    server, given = founded
    assert set(given) == set(ADMINISTRATORS)
    assert "Nobody can log in" not in server.said()
    for login, code in given.items():
        assert choose(server, code, f"chosen by {login}").status == 204
        assert choose(server, code, "chosen by a thief").status == 401
    with enter(server, "zhou") as system:
        system.make("organisations", {"name": "weather", "spec": {"title_zh": "市气象局"}})
        system.make("projects", {"name": "first", "organisation": "city", "spec": {"title_zh": "第一个项目"}})
        person = system.make("people", {"name": "wu", "organisation": "city", "spec": {"display_name": "吴敏"}})
    with enter(server, "liang") as security:
        security.make("grants", {"organisation": "city", "spec": {"subject": person["id"], "role": "developer"}})
        code = security.post("password/reset", {"person": "wu"}).ok()["code"]
    assert choose(server, code, "chosen by wu").status == 204
    with enter(server, "wu") as developer:
        spec = {"quota_gib": 1, "grade": "open"}
        bucket = developer.make("buckets", {"name": "first-bucket", "project": "first", "spec": spec})
        assert bucket["status"]["endpoint"]


def test_whoever_is_locked_out_comes_in_by_the_server_alone(founded: tuple[Server, dict[str, str]]) -> None:
    server, given = founded
    for login, code in given.items():
        choose(server, code, f"chosen by {login}").ok()
    with enter(server, "liang") as security:
        for login in ADMINISTRATORS:
            refused = security.post("password/reset", {"person": login})
            assert (refused.status, refused.body["reason"]) == (403, "ADMINISTRATOR")
    held = offline(server.home, "reset-password", "he")
    assert (held.returncode, "Another Cloudhall runs on" in held.stderr) == (7, True)
    with enter(server, "he") as audit:
        server.stop()
        audit.close()
        code = codes(offline(server.home, "reset-password", "he").stdout)["he"]
        server.start()
        assert audit.send("GET", "whoami").status == 401
    with contextlib.closing(Api(server.url)) as api:
        assert api.post("login", {"login": "he", "password": "chosen by he"}).status == 401
    assert choose(server, code, "chosen by he").status == 204
    with enter(server, "he") as audit:
        entries = audit.items("audit", action="identity.person:reset_password")
    said = [(entry["actor"], entry["phase"]) for entry in entries]
    assert said.count(("server", "done")) == 4  # three at the founding, one now
    assert sum(phase == "denied" for _, phase in said) == 3


def test_a_folder_that_nobody_founded_says_so(server: Callable[..., Server]) -> None:
    empty = server("empty", demo=False)
    empty.start()
    assert "Nobody can log in here yet" in empty.said()
    assert "cloudhall found" in empty.said()
