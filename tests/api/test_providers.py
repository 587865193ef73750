"""Identity providers over HTTP: who keeps the secret of our client, and what anybody may know."""

import pytest

from cloudhall.kernel import credentials
from tests.api.town import Town

SPEC = {"issuer": "https://login.city.example", "client": "cloudhall", "title_zh": "市统一登录"}


@pytest.fixture
def provider(town: Town) -> str:
    """Id of a provider that the security administrator has registered."""
    town.grant(town.people["viewer"], "security_admin", "platform")
    body = {"name": "city-login", "organisation": "platform", "spec": SPEC}
    answer = town.client("viewer").post("/identity-providers", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_anybody_sees_by_which_one_logs_in_and_no_more(town: Town, provider: str) -> None:
    (item,) = town.client().get("/login/providers").json()["items"]
    title = {"zh": "市统一登录", "en": "city-login"}
    assert item == {"id": provider, "title": title, "begin": f"/login/with/{provider}"}
    assert town.client("dev").get(f"/identity-providers/{provider}").status_code == 404


def test_the_secret_is_kept_and_never_told(town: Town, provider: str) -> None:
    admin = town.client("viewer")
    body = {"provider": "city-login", "secret": "swordfish"}
    assert admin.post("/client-secret", json=body).status_code == 204
    tx = town.kernel.store.read()
    assert credentials.reveal(tx, town.kernel.keys, provider) == "swordfish"
    assert "swordfish" not in admin.get(f"/identity-providers/{provider}").text
    assert admin.post("/client-secret", json=body | {"secret": ""}).status_code == 204
    assert not credentials.is_kept(town.kernel.store.read(), provider)


@pytest.mark.parametrize("name", ["dev", "admin", "auditor"])
def test_nobody_else_sets_it(town: Town, provider: str, name: str) -> None:
    answer = town.client(name).post("/client-secret", json={"provider": provider, "secret": "x"})
    assert answer.status_code in {403, 404}
    assert not credentials.is_kept(town.kernel.store.read(), provider)
