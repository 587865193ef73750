"""Coming in on the command line: codes and passwords are read, and what is opened is told."""

import pytest

from tests.api.town import Town
from tests.cli.shell import Shell

OWN = "my own horse"


@pytest.fixture
def code(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> str:
    """Code of an invitation; nobody is logged in then."""
    town.grant(town.people["dev"], "org_admin", town.bureau)
    made = shell.json("invitation create --organisation bureau --role viewer")
    for name in ("CLOUDHALL_TOKEN", "CLOUDHALL_PROJECT"):
        monkeypatch.delenv(name)
    return str(made["secret"])


def test_an_invitation_is_shown_and_taken(shell: Shell, code: str) -> None:
    shown = shell.run("join show --stdin", typed=f"{code}\n").stdout
    assert "bureau" in shown
    assert "viewer" in shown
    told = shell.run("join new wu-min --name Wu --stdin", typed=f"{code}\n{OWN}\n").stderr
    assert "The account wu-min is open" in told
    assert "next: cloudhall login wu-min" in told
    assert "wrong, used" in shell.run("join show --stdin", typed=f"{code}\n", code=4).stderr
    shell.run("login wu-min --password-stdin", typed=OWN)
    assert "viewer" in shell.run("whoami").stdout


def test_somebody_with_an_account_accepts(shell: Shell, town: Town, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("stranger"))
    assert "Accepted" in shell.run("join accept --stdin", typed=f"{code}\n").stderr
    assert "viewer" in shell.run("whoami").stdout


def test_one_asks_to_join_where_that_is_possible(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = "sign-up ask bureau --name Wu --reason statistics"
    assert "no such organisation" in shell.run(asking, code=6).stderr
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "bureau")  # the town is served by this very process
    assert "bureau" in shell.run("sign-up list").stdout
    made = shell.run(asking).stdout
    code = made.split()[-1]
    assert code.startswith("chj_")
    assert "asked" in shell.run("join show --stdin", typed=f"{code}\n").stdout


def test_the_secret_of_a_provider_is_read_and_kept(shell: Shell, town: Town) -> None:
    town.grant(town.people["dev"], "security_admin", "platform")
    provider = "--issuer https://login.city.example --client cloudhall --title-zh 登录"
    shell.run(f"identity-provider create city-login --organisation platform {provider}")
    assert "kept" in shell.run("client-secret city-login --stdin", typed="swordfish\n").stderr
    assert "swordfish" not in shell.run("identity-provider get city-login --json").stdout
