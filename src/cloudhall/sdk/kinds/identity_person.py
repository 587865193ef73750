"""Person · 人员. Written by `make docs` from the declaration of identity.person."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class PersonSpec(TypedDict):
    """What people decided."""

    display_name: str
    """Name · 姓名"""
    display_name_en: str
    """Name in English · 英文姓名"""
    email: str
    """E-mail · 邮箱"""
    suspended: bool
    """Suspended · 已停用"""


class PersonStatus(TypedDict):
    """What the program found out."""


class Person(Resource):
    """Person · 人员."""

    organisation: str
    spec: PersonSpec
    status: PersonStatus


class PersonWhere(TypedDict, total=False):
    """What a list of people is filtered by."""

    suspended: bool
    email: str | Sequence[str]


class PersonInput(TypedDict):
    """What a new one is made from."""

    display_name: str
    """Name · 姓名"""
    display_name_en: NotRequired[str]
    """Name in English · 英文姓名"""
    email: NotRequired[str]
    """E-mail · 邮箱"""


class PersonPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    display_name: str | None
    """Name · 姓名"""
    display_name_en: str | None
    """Name in English · 英文姓名"""
    email: str | None
    """E-mail · 邮箱"""


class People(Reads[Person, PersonWhere], Makes[Person, PersonInput], Changes[Person, PersonPatch], Deletes[Person]):
    """Person · 人员.

    Somebody who can log in. System administrators open accounts, security administrators grant and suspend, audit
    administrators read the log.
    一个能登录的人。系统管理员建账号，安全管理员授权和停用，审计管理员只看记录。
    """

    kind: ClassVar[str] = "identity.person"
    plural: ClassVar[str] = "people"
    scope: ClassVar[str] = "organisation"

    def suspend(self, target: str, **how: Unpack[How]) -> Person:
        """Suspend · 停用."""
        return cast("Person", self._act(target, "suspend", {}, how))

    def resume(self, target: str, **how: Unpack[How]) -> Person:
        """Resume · 恢复."""
        return cast("Person", self._act(target, "resume", {}, how))
