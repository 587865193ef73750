"""Logging in and out, and where one works."""

import json
from pathlib import Path

import pytest

from cloudhall.cli.session import is_open_wire
from cloudhall.domains.identity import passwords
from cloudhall.sdk import config
from tests.api.town import Town
from tests.cli.shell import Shell

PASSWORD = "correct horse"


@pytest.fixture
def stranger(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the shell of somebody who has a password and is not logged in."""
    hashed, person = passwords.hash_password(PASSWORD), town.people["dev"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, town.kernel.world.now_us())).result()
    for name in ("CLOUDHALL_TOKEN", "CLOUDHALL_PROJECT"):
        monkeypatch.delenv(name)
    return shell


def test_a_log_in_is_remembered_used_and_ended(stranger: Shell) -> None:
    assert "UNAUTHENTICATED" in stranger.err("box list", code=4)
    told = stranger.run("login dev --password-stdin", typed=PASSWORD + "\n").stderr
    assert "Logged in to http://127.0.0.1:" in told
    assert "as dev (Dev)" in told
    assert "Default project: census" in told
    assert config.settings().token.startswith("chs_")
    stranger.out("box create mine --size-gib 1")
    token = config.settings().token
    assert "Logged out" in stranger.err("logout")
    assert config.settings().token == ""
    assert "Not logged in" in stranger.err("logout")
    stranger.run("whoami", code=4, env={"CLOUDHALL_TOKEN": token})


def test_a_log_in_may_name_the_server(stranger: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    url = config.settings().url
    monkeypatch.delenv("CLOUDHALL_URL")
    stranger.run(f"login dev --password-stdin --url {url}", typed=PASSWORD)
    assert config.settings().url == url
    assert "dev" in stranger.err("whoami").lower()


def test_a_wrong_password_leaves_nothing_behind(stranger: Shell, tmp_path: Path) -> None:
    told = stranger.run("login dev --password-stdin", typed="wrong\n", code=4).stderr
    assert "Wrong log-in or password (UNAUTHENTICATED)" in told
    assert not (tmp_path / "config").exists()


def test_nobody_is_asked_where_there_is_no_terminal(stranger: Shell) -> None:
    assert "--password-stdin" in stranger.err("login dev", code=2)


def test_an_ended_session_can_still_be_forgotten(stranger: Shell) -> None:
    config.remember(config.settings().url, {"token": "chs_" + "0" * 40})
    stranger.err("logout")
    assert config.settings().token == ""


def test_a_set_variable_is_not_silently_stronger(stranger: Shell) -> None:
    told = stranger.run("login dev --password-stdin", typed=PASSWORD, env={"CLOUDHALL_TOKEN": "cht_other"}).stderr
    assert "CLOUDHALL_TOKEN is set and goes before this log-in" in told


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("http://cloud.example.cn", True),
        ("http://10.0.0.8:8800", True),
        ("http://127.0.0.1:8800", False),
        ("http://[::1]:8800", False),
        ("http://localhost", False),
        ("https://cloud.example.cn", False),
    ],
)
def test_a_password_on_an_open_wire_is_warned_of(url: str, is_open: bool) -> None:
    assert is_open_wire(url) is is_open


def test_whoami_tells_the_roles(shell: Shell) -> None:
    assert json.loads(shell.out("whoami --json"))["name"] == "Dev"
    assert shell.out("whoami").startswith("developer\tpj-")


def test_the_default_project_must_exist(stranger: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("dev"))
    assert "NOT_FOUND" in stranger.err("context project nowhere", code=6)
    stranger.err("context project census")
    assert "project\tcensus" in stranger.out("context")
    stranger.out("box create by-default --size-gib 1")
    stranger.err("context project --clear")
    assert "--project /project" in stranger.err("box create nowhere --size-gib 1", code=2)
    assert "Name it, or use --clear" in stranger.err("context project", code=2)


def test_roles_are_held_in_places_with_names(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.out("whoami -o table").splitlines()[1].split() == ["developer", "census"]
    assert shell.out("whoami -o tsv").split("\t")[1].strip() == town.project
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("admin"))
    assert "the platform" in shell.out("whoami -o table")
