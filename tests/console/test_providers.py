"""Log-in by a real identity provider, walked as a browser walks it; and the pages around it."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest

from cloudhall.domains.identity import oidc, passwords, provider_log_in
from cloudhall.domains.identity.identity_provider import IdentityProvider
from cloudhall.domains.identity.linked_account import LinkedAccount
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.store.tables import LIVE, Sort
from tests.console.yard import PASSWORD, Visitor, Yard

STARTS_S = 30


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Address of `oidc-provider-mock`, which logs in whoever is named; in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + STARTS_S
        while not listening(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def issuer(provider: str) -> str:
    """The same, of which nothing is known yet."""
    oidc._known.clear()
    return provider


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def register(yard: Yard, issuer: str, **spec: object) -> str:
    whole = {"issuer": issuer, "client": "cloudhall", "title_zh": "市统一登录", "title_en": "City log-in", **spec}
    command = Command(kind=IdentityProvider, verb="create", place="platform", name="city", spec=whole)
    secura = Caller(id=yard.people["secura"])
    id_ = str(yard.kernel.execute(secura, command).result().body["id"])
    provider = yard.kernel.find(secura, IdentityProvider, id_)
    provider_log_in.entrust(yard.kernel, secura, provider, "a secret: 50 %")
    return id_


def claims(issuer: str, subject: str, **said: object) -> None:
    httpx2.put(f"{issuer}/users/{subject}", json=said).raise_for_status()


def walk(visitor: Visitor, begin: str, subject: str) -> None:
    """From our door to theirs, log in there, and back."""
    visitor.open(begin)
    assert visitor.status == 303, visitor.html
    there(visitor, visitor.location, subject)


def there(visitor: Visitor, address: str, subject: str) -> None:
    """Log in at the provider as its form would, and bring the answer back."""
    answer = httpx2.post(address, data={"sub": subject}, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    visitor.open(answer.headers["location"].removeprefix("http://testserver"))


@pytest.mark.parametrize(("language", "button"), [("en", "City log-in"), ("zh", "市统一登录")])
def test_a_new_person_comes_in_by_the_button_and_goes_where_they_wanted(
    yard: Yard, issuer: str, language: str, button: str
) -> None:
    id_ = register(yard, issuer, people_in="bureau")
    claims(issuer, "u-17", name="吴敏", preferred_username="wu-min", email="wu@city.example", email_verified=True)
    visitor = yard.visitor(language=language)
    page = visitor.open("/login?next=/sheds")
    assert button in page
    assert f'href="/login/with/{id_}?next=%2Fsheds"' in page
    walk(visitor, f"/login/with/{id_}?next=%2Fsheds", "u-17")
    assert (visitor.status, visitor.location) == (303, "/sheds"), visitor.html
    assert "吴敏" in visitor.open("/")
    assert visitor.status == 200


def test_who_is_unknown_is_told_at_the_door(yard: Yard, issuer: str) -> None:
    id_ = register(yard, issuer)
    visitor = yard.visitor()
    walk(visitor, f"/login/with/{id_}", "stranger")
    assert visitor.status == 401
    assert "This account does not log in here" in visitor.html
    assert 'name="password"' in visitor.html


def test_an_answer_serves_no_other_browser_and_no_second_time(yard: Yard, issuer: str) -> None:
    id_ = register(yard, issuer, people_in="bureau")
    first, second = yard.visitor(), yard.visitor()
    first.open(f"/login/with/{id_}")
    answer = httpx2.post(first.location, data={"sub": "u-1"}, follow_redirects=False)
    back = answer.headers["location"].removeprefix("http://testserver")
    second.open("/login")
    second.open(back)
    assert second.status == 401
    first.open(back)
    assert first.status == 303
    first.open(back)
    assert first.status == 401


def test_a_provider_that_is_down_leaves_the_door_open(yard: Yard) -> None:
    id_ = register(yard, "http://127.0.0.1:1")
    visitor = yard.visitor()
    page = visitor.open(f"/login/with/{id_}")
    assert visitor.status == 503
    assert "does not answer" in page
    assert 'name="password"' in page
    visitor.open("/login/with/ip-01j9x4c7m2q8k3v57")
    assert visitor.status == 401


def test_an_account_is_linked_with_proof_and_unlinked_again(yard: Yard, issuer: str) -> None:
    id_ = register(yard, issuer)
    hashed = passwords.hash_password(PASSWORD)
    yard.kernel.store.write(lambda tx: passwords.store(tx, yard.people["devon"], hashed, 1)).result()
    devon = yard.visitor("devon")
    assert f'href="/link/{id_}"' in devon.open(f"/people/{yard.people['devon']}")
    assert f'href="/link/{id_}"' not in yard.visitor("admina").open(f"/people/{yard.people['devon']}")
    devon.open(f"/link/{id_}")
    devon.send(f"/link/{id_}", proof="wrong horse")
    assert devon.status == 401
    page = devon.send(f"/link/{id_}", proof=PASSWORD)
    address = re.search(r'href="(http://127[^"]+)"', page)
    assert address, page
    there(devon, address[1].replace("&amp;", "&"), "u-9")
    assert devon.location == f"/people/{yard.people['devon']}"
    (link,) = yard.kernel.tables[LinkedAccount].page(yard.kernel.store.read(), LIVE, Sort(), None, 9)
    visitor = yard.visitor()
    walk(visitor, f"/login/with/{id_}?next=/sheds", "u-9")
    assert visitor.location == "/sheds"
    assert link.name in devon.open("/linked-accounts")
    devon.open(f"/linked-accounts/{link.id}:delete")
    devon.send(f"/linked-accounts/{link.id}:delete", name=link.name)
    yard.settle()
    later = yard.visitor()
    walk(later, f"/login/with/{id_}", "u-9")
    assert later.status == 401


def test_the_page_of_a_provider_says_what_to_register_and_takes_the_secret(yard: Yard, issuer: str) -> None:
    id_ = register(yard, issuer)
    secura = yard.visitor("secura")
    page = secura.open(f"/identity-providers/{id_}")
    assert f"http://testserver/login/from/{id_}" in page
    assert "kept, encrypted" in page
    assert "cloudhall client-secret city" in secura.open(f"/client-secret?provider={id_}")
    for secret, said in (("", "PKCE alone"), ("swordfish", "kept, encrypted")):
        secura.open(f"/client-secret?provider={id_}")
        secura.submit("/client-secret", ("provider",), secret=secret)
        assert secura.location == f"/identity-providers/{id_}"
        page = secura.open(f"/identity-providers/{id_}")
        assert said in page
        assert "swordfish" not in page
    devon = yard.visitor("devon")
    devon.open("/")
    devon.send("/client-secret", provider=id_, secret="x")
    assert devon.status == 404
