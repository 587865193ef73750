"""A town before a provider that says what it is told to; people come by `walk`."""

from typing import Any

import pytest

from cloudhall.domains.identity import provider_log_in
from cloudhall.domains.identity.identity_provider import IdentityProvider
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.provider_log_in import Arrival, Browser
from cloudhall.kernel.errors import Unauthenticated
from tests.domains.identity.conftest import Town
from tests.kit.provider import Provider


class Gate:
    """A town with a provider that is told what to say; people come by `walk`."""

    def __init__(self, town: Town, provider: Provider) -> None:
        self.town, self.kernel, self.provider = town, town.kernel, provider
        self.row = self.register("city-login")

    def register(self, name: str, place: str = "platform", **spec: Any) -> IdentityProvider:
        whole = {"issuer": self.provider.issuer, "client": "cloudhall", "title_zh": "登录", **spec}
        made = self.town.do("security_admin", IdentityProvider, "create", place=place, name=name, spec=whole)
        row = self.town.hall.row(IdentityProvider, str(made["id"]))
        assert isinstance(row, IdentityProvider)
        return row

    def change(self, **spec: Any) -> None:
        made = self.town.do("security_admin", IdentityProvider, "update", target=self.row.id, spec=spec)
        row = self.town.hall.row(IdentityProvider, str(made["id"]))
        assert isinstance(row, IdentityProvider)
        self.row = row

    def begin(self, person: str = "", browser: str = "b") -> str:
        return provider_log_in.begin(self.kernel, self.row, self.browser(person, browser), "/sheds", person)

    def finish(self, answer: dict[str, str], person: str = "", browser: str = "b") -> Arrival:
        return provider_log_in.finish(self.kernel, self.row, answer, self.browser(person, browser))

    def walk(self, person: str = "", **claims: Any) -> Arrival:
        """Go to the provider, log in there, come back."""
        return self.finish(self.provider.authorise(self.begin(person), **claims), person)

    def browser(self, person: str, token: str) -> Browser:
        return Browser(token, "http://127.0.0.1:1/login/from/x", person, "10.0.0.1", "test")

    def link(self, name: str = "wu", **claims: Any) -> Person:
        """Somebody who has linked their account there."""
        person = self.town.person(name)
        self.walk(person.id, **claims)
        return person


def refusal(attempt: Any) -> str:
    with pytest.raises(Unauthenticated) as refused:
        attempt()
    return str(refused.value.reason)
