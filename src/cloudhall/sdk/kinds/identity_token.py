"""API token · 访问令牌. Written by `make docs` from the declaration of identity.token."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict

from cloudhall.sdk.kind import Deletes, Makes, Reads
from cloudhall.sdk.resource import Resource


class TokenSpec(TypedDict):
    """What people decided."""

    subject: str
    """Acts for · 代表谁 · yourself if left out, or the id of a service account · 不填就是你自己；或本单位项目下的服
    务账号的编号"""
    scopes: list[str]
    """Scopes · 范围 · such as storage.bucket:read, storage.* or *:read · 例如 storage.bucket:read、storage.*、*:read"""
    expires_at: str
    """Expires · 到期时间 · at most 366 days ahead · 最长 366 天"""


class TokenStatus(TypedDict):
    """What the program found out."""


class Token(Resource):
    """API token · 访问令牌."""

    organisation: str
    spec: TokenSpec
    status: TokenStatus


class TokenWhere(TypedDict, total=False):
    """What a list of tokens is filtered by."""

    subject: str | Sequence[str]


class TokenInput(TypedDict):
    """What a new one is made from."""

    subject: NotRequired[str]
    """Acts for · 代表谁 · yourself if left out, or the id of a service account · 不填就是你自己；或本单位项目下的服
    务账号的编号"""
    scopes: list[str]
    """Scopes · 范围 · such as storage.bucket:read, storage.* or *:read · 例如 storage.bucket:read、storage.*、*:read"""
    expires_at: str
    """Expires · 到期时间 · at most 366 days ahead · 最长 366 天"""


class Tokens(Reads[Token, TokenWhere], Makes[Token, TokenInput], Deletes[Token]):
    """API token · 访问令牌.

    For command line and programs. Shown once, limited in scope and time, revocable at any moment.
    供命令行和程序调用接口。只显示一次，有范围和期限，可随时吊销。
    """

    kind: ClassVar[str] = "identity.token"
    plural: ClassVar[str] = "tokens"
    scope: ClassVar[str] = "organisation"
