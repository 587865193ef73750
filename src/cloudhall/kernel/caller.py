"""Who asks: the person or service account behind a request, as the faces found it out."""

from typing import Literal

import msgspec

from cloudhall.kernel.text import Language

Attribute = str | int | bool
SERVICE = "service:"  # begins the id of every kind's own service account; no id of a resource has a colon


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Authenticated already. `scopes` narrows a token to operations such as `storage.bucket:read` or `storage.*`."""

    id: str
    type: Literal["Person", "ServiceAccount"] = "Person"
    name: str = ""
    attrs: dict[str, Attribute] = {}
    scopes: tuple[str, ...] | None = None
    request: str = ""
    address: str = ""
    agent: str = ""
    language: Language = "zh"

    def within_scopes(self, operation: str) -> bool:
        """Whether the token in use covers an operation such as `storage.bucket:read`."""
        return self.scopes is None or not scopes_covering(operation).isdisjoint(self.scopes)


def scopes_covering(operation: str) -> frozenset[str]:
    """Every scope that an operation such as `storage.bucket:read` falls under."""
    kind, _, verb = operation.partition(":")
    domain = kind.partition(".")[0]
    return frozenset({"*", f"*:{verb}", operation, f"{kind}:*", f"{domain}.*", f"{domain}.*:{verb}"})


def service(kind: str, request: str = "") -> Caller:
    """Return the named service account under which a kind's controller issues commands."""
    return Caller(id=SERVICE + kind, type="ServiceAccount", name=SERVICE + kind, request=request)
