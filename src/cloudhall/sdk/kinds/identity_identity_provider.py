"""Identity provider · 身份提供方. Written by `make docs` from the declaration of identity.identity_provider."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import Resource


class IdentityProviderSpec(TypedDict):
    """What people decided."""

    issuer: str
    """Issuer · 签发者 · as its discovery document says; https · 与其发现文档中的完全一致；本机以外须用 https"""
    client: str
    """Client id · 客户端编号 · as registered · 在该处登记的"""
    title_zh: str
    """Button in Chinese · 中文按钮文字"""
    title_en: str
    """Button in English · 英文按钮文字"""
    enabled: bool
    """Enabled · 启用"""
    mail_domains: list[str]
    """Mail domains · 限定的邮箱域名 · left out, any; the address must be verified there · 不填则不限；须是已验证的邮
    箱"""
    authoritative_domains: list[str]
    """Authoritative for · 可凭邮箱认人的域名 · it gives out these addresses; one is enough · 这些域名的邮箱由它发
    放，可凭邮箱认出已有的人"""
    people_in: str
    """New people live in · 新人所属单位 · left out, nobody unknown is given an account · 不填则不为不认识的人开立账
    号"""


class IdentityProviderStatus(TypedDict):
    """What the program found out."""


class IdentityProvider(Resource):
    """Identity provider · 身份提供方."""

    organisation: str
    spec: IdentityProviderSpec
    status: IdentityProviderStatus


class IdentityProviderWhere(TypedDict, total=False):
    """What a list of identity-providers is filtered by."""

    enabled: bool
    people_in: str | Sequence[str]


class IdentityProviderInput(TypedDict):
    """What a new one is made from."""

    issuer: str
    """Issuer · 签发者 · as its discovery document says; https · 与其发现文档中的完全一致；本机以外须用 https"""
    client: str
    """Client id · 客户端编号 · as registered · 在该处登记的"""
    title_zh: str
    """Button in Chinese · 中文按钮文字"""
    title_en: NotRequired[str]
    """Button in English · 英文按钮文字"""
    enabled: NotRequired[bool]
    """Enabled · 启用"""
    mail_domains: NotRequired[list[str]]
    """Mail domains · 限定的邮箱域名 · left out, any; the address must be verified there · 不填则不限；须是已验证的邮
    箱"""
    authoritative_domains: NotRequired[list[str]]
    """Authoritative for · 可凭邮箱认人的域名 · it gives out these addresses; one is enough · 这些域名的邮箱由它发
    放，可凭邮箱认出已有的人"""
    people_in: NotRequired[str]
    """New people live in · 新人所属单位 · left out, nobody unknown is given an account · 不填则不为不认识的人开立账
    号"""


class IdentityProviderPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    client: str | None
    """Client id · 客户端编号 · as registered · 在该处登记的"""
    title_zh: str | None
    """Button in Chinese · 中文按钮文字"""
    title_en: str | None
    """Button in English · 英文按钮文字"""
    enabled: bool | None
    """Enabled · 启用"""
    mail_domains: list[str] | None
    """Mail domains · 限定的邮箱域名 · left out, any; the address must be verified there · 不填则不限；须是已验证的邮
    箱"""
    authoritative_domains: list[str] | None
    """Authoritative for · 可凭邮箱认人的域名 · it gives out these addresses; one is enough · 这些域名的邮箱由它发
    放，可凭邮箱认出已有的人"""
    people_in: str | None
    """New people live in · 新人所属单位 · left out, nobody unknown is given an account · 不填则不为不认识的人开立账
    号"""


class IdentityProviders(
    Reads[IdentityProvider, IdentityProviderWhere],
    Makes[IdentityProvider, IdentityProviderInput],
    Changes[IdentityProvider, IdentityProviderPatch],
    Deletes[IdentityProvider],
):
    """Identity provider · 身份提供方.

    Log-in with an account elsewhere (OpenID Connect). People are known by issuer and subject; administrators do
    not come in this way.
    用别处的账号登录。认人只凭签发者加编号；管理员不经此登录。
    """

    kind: ClassVar[str] = "identity.identity_provider"
    plural: ClassVar[str] = "identity-providers"
    scope: ClassVar[str] = "organisation"
