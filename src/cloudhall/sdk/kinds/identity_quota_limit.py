"""Quota limit · 配额. Written by `make docs` from the declaration of identity.quota_limit."""

from collections.abc import Sequence
from typing import ClassVar, TypedDict

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import Resource


class QuotaLimitSpec(TypedDict):
    """What people decided."""

    quota: str
    """Quota · 配额项"""
    room: int
    """Room · 额度"""


class QuotaLimitStatus(TypedDict):
    """What the program found out."""


class QuotaLimit(Resource):
    """Quota limit · 配额."""

    project: str
    spec: QuotaLimitSpec
    status: QuotaLimitStatus


class QuotaLimitWhere(TypedDict, total=False):
    """What a list of quota-limits is filtered by."""

    quota: str | Sequence[str]


class QuotaLimitInput(TypedDict):
    """What a new one is made from."""

    quota: str
    """Quota · 配额项"""
    room: int
    """Room · 额度"""


class QuotaLimitPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    room: int | None
    """Room · 额度"""


class QuotaLimits(
    Reads[QuotaLimit, QuotaLimitWhere],
    Makes[QuotaLimit, QuotaLimitInput],
    Changes[QuotaLimit, QuotaLimitPatch],
    Deletes[QuotaLimit],
):
    """Quota limit · 配额.

    The room of one quota in a project. Cut below what is used, everything stays but nothing more fits; deleted,
    the default room holds again.
    项目某项配额的额度。调低到已用以下时，已有资源保留，但不能再增加；删除后恢复默认额度。
    """

    kind: ClassVar[str] = "identity.quota_limit"
    plural: ClassVar[str] = "quota-limits"
    scope: ClassVar[str] = "project"
