"""Linked account · 关联的账号. Written by `make docs` from the declaration of identity.linked_account."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict

from cloudhall.sdk.kind import Deletes, Makes, Reads
from cloudhall.sdk.resource import Resource


class LinkedAccountSpec(TypedDict):
    """What people decided."""

    person: str
    """Person · 人员"""
    provider: str
    """Identity provider · 身份提供方"""
    issuer: str
    """Issuer · 签发者"""
    subject: str
    """Subject there · 在该处的编号"""
    email: str
    """Address there · 在该处的邮箱"""
    key: str
    """Key · 标识"""


class LinkedAccountStatus(TypedDict):
    """What the program found out."""


class LinkedAccount(Resource):
    """Linked account · 关联的账号."""

    organisation: str
    spec: LinkedAccountSpec
    status: LinkedAccountStatus


class LinkedAccountWhere(TypedDict, total=False):
    """What a list of linked-accounts is filtered by."""

    key: str | Sequence[str]
    person: str | Sequence[str]
    provider: str | Sequence[str]


class LinkedAccountInput(TypedDict):
    """What a new one is made from."""

    person: str
    """Person · 人员"""
    provider: str
    """Identity provider · 身份提供方"""
    issuer: str
    """Issuer · 签发者"""
    subject: str
    """Subject there · 在该处的编号"""
    email: NotRequired[str]
    """Address there · 在该处的邮箱"""
    key: NotRequired[str]
    """Key · 标识"""


class LinkedAccounts(
    Reads[LinkedAccount, LinkedAccountWhere], Makes[LinkedAccount, LinkedAccountInput], Deletes[LinkedAccount]
):
    """Linked account · 关联的账号.

    An account of somebody at an identity provider. Its owner can unlink it, and so can a security administrator.
    某人在某个身份提供方处的账号。本人可以解除，安全管理员也可以。
    """

    kind: ClassVar[str] = "identity.linked_account"
    plural: ClassVar[str] = "linked-accounts"
    scope: ClassVar[str] = "organisation"
