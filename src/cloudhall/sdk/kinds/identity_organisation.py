"""Organisation · 单位. Written by `make docs` from the declaration of identity.organisation."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class OrganisationSpec(TypedDict):
    """What people decided."""

    title_zh: str
    """Chinese name · 中文名称"""
    title_en: str
    """English name · 英文名称"""
    level: Literal["municipal", "district", "institution", "company"]
    """Level · 层级"""


class OrganisationStatus(TypedDict):
    """What the program found out."""


class Organisation(Resource):
    """Organisation · 单位."""

    organisation: str
    spec: OrganisationSpec
    status: OrganisationStatus


class OrganisationWhere(TypedDict, total=False):
    """What a list of organisations is filtered by."""

    level: (
        Literal["municipal", "district", "institution", "company"]
        | Sequence[Literal["municipal", "district", "institution", "company"]]
    )


class OrganisationInput(TypedDict):
    """What a new one is made from."""

    title_zh: str
    """Chinese name · 中文名称"""
    title_en: NotRequired[str]
    """English name · 英文名称"""
    level: NotRequired[Literal["municipal", "district", "institution", "company"]]
    """Level · 层级"""


class OrganisationPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    title_zh: str | None
    """Chinese name · 中文名称"""
    title_en: str | None
    """English name · 英文名称"""
    level: Literal["municipal", "district", "institution", "company"] | None
    """Level · 层级"""


class Organisations(
    Reads[Organisation, OrganisationWhere],
    Makes[Organisation, OrganisationInput],
    Changes[Organisation, OrganisationPatch],
    Deletes[Organisation],
):
    """Organisation · 单位.

    A department, district, school or firm. Projects and people belong to it; a role on it holds for all below.
    一个部门、区县、学校或企业。项目和人员属于单位，角色授予在单位上，对其下的一切有效。
    """

    kind: ClassVar[str] = "identity.organisation"
    plural: ClassVar[str] = "organisations"
    scope: ClassVar[str] = "organisation"

    def restore(self, target: str, **how: Unpack[How]) -> Organisation:
        """Restore from the recycle bin · 从回收站恢复."""
        return cast("Organisation", self._act(target, "restore", {}, how))

    def purge(self, target: str, **how: Unpack[How]) -> Organisation:
        """Destroy for good · 彻底销毁."""
        return cast("Organisation", self._act(target, "purge", {}, how))
