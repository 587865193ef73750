"""Grant · 授权. Written by `make docs` from the declaration of identity.grant."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import Resource


class GrantSpec(TypedDict):
    """What people decided."""

    subject: str
    """Subject · 被授权者 · id of a person, a service account or an organisation's people · 人员、服务账号或单位（其
    全体人员）的编号"""
    role: Literal["viewer", "developer", "data_officer", "org_admin", "system_admin", "security_admin", "audit_admin"]
    """Role · 角色"""
    resource: str | None
    """Single resource · 单个资源 · id of a resource; without it, all in the place and below · 资源的编号；不填则对所
    在处及其下的一切有效"""
    expires_at: str | None
    """Expires · 到期时间"""
    reason: str
    """Reason · 理由"""


class GrantStatus(TypedDict):
    """What the program found out."""


class Grant(Resource):
    """Grant · 授权."""

    organisation: str
    spec: GrantSpec
    status: GrantStatus


class GrantWhere(TypedDict, total=False):
    """What a list of grants is filtered by."""

    subject: str | Sequence[str]
    role: (
        Literal["viewer", "developer", "data_officer", "org_admin", "system_admin", "security_admin", "audit_admin"]
        | Sequence[
            Literal["viewer", "developer", "data_officer", "org_admin", "system_admin", "security_admin", "audit_admin"]
        ]
    )
    resource: str | Sequence[str]


class GrantInput(TypedDict):
    """What a new one is made from."""

    subject: str
    """Subject · 被授权者 · id of a person, a service account or an organisation's people · 人员、服务账号或单位（其
    全体人员）的编号"""
    role: Literal["viewer", "developer", "data_officer", "org_admin", "system_admin", "security_admin", "audit_admin"]
    """Role · 角色"""
    resource: NotRequired[str | None]
    """Single resource · 单个资源 · id of a resource; without it, all in the place and below · 资源的编号；不填则对所
    在处及其下的一切有效"""
    expires_at: NotRequired[str | None]
    """Expires · 到期时间"""
    reason: NotRequired[str]
    """Reason · 理由"""


class GrantPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    expires_at: str | None
    """Expires · 到期时间"""
    reason: str | None
    """Reason · 理由"""


class Grants(Reads[Grant, GrantWhere], Makes[Grant, GrantInput], Changes[Grant, GrantPatch], Deletes[Grant]):
    """Grant · 授权.

    Gives a role to a person, a service account or an organisation's people, on an organisation or project and all
    below it, or on one resource alone.
    把角色授予某人、服务账号或一个单位的全体人员，对所在单位或项目及其下的一切有效，或只对一个资源有效，可设到期时
    间。
    """

    kind: ClassVar[str] = "identity.grant"
    plural: ClassVar[str] = "grants"
    scope: ClassVar[str] = "organisation"
