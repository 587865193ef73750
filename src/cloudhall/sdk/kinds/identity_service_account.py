"""Service account · 服务账号. Written by `make docs` from the declaration of identity.service_account."""

from typing import ClassVar, TypedDict

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import Resource


class ServiceAccountSpec(TypedDict):
    """What people decided."""

    purpose: str
    """Purpose · 用途"""


class ServiceAccountStatus(TypedDict):
    """What the program found out."""


class ServiceAccount(Resource):
    """Service account · 服务账号."""

    project: str
    spec: ServiceAccountSpec
    status: ServiceAccountStatus


class ServiceAccountWhere(TypedDict, total=False):
    """What a list of service-accounts is filtered by."""


class ServiceAccountInput(TypedDict):
    """What a new one is made from."""

    purpose: str
    """Purpose · 用途"""


class ServiceAccountPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    purpose: str | None
    """Purpose · 用途"""


class ServiceAccounts(
    Reads[ServiceAccount, ServiceAccountWhere],
    Makes[ServiceAccount, ServiceAccountInput],
    Changes[ServiceAccount, ServiceAccountPatch],
    Deletes[ServiceAccount],
):
    """Service account · 服务账号.

    An account for a program: no console, tokens for the API, and the roles it is granted.
    代表程序的账号：不能登录控制台，用令牌调用接口，权限由授权给出。
    """

    kind: ClassVar[str] = "identity.service_account"
    plural: ClassVar[str] = "service-accounts"
    scope: ClassVar[str] = "project"
