"""Price plan · 价格表. Written by `make docs` from the declaration of market.price_plan."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import Resource


class PricePlanTierSpec(TypedDict):
    """Up to and including a quantity, one unit price."""

    unit_nano: int
    """Unit price (10⁻⁹ 元) · 单价"""
    upto_micro: int | None
    """Up to · 上限 · empty for no bound · 空为不设上限"""


class PricePlanComponentSpec(TypedDict):
    """The price of one meter, in the words of `rules.Component`."""

    meter: str
    """Meter · 计量项"""
    unit_zh: str
    """Priced unit · 计价单位"""
    unit_en: str
    """Priced unit in English · 计价单位（英文）"""
    unit_micro: int
    """Size of the unit · 单位大小"""
    tiers: list[PricePlanTierSpec]
    """Tiers · 分档"""
    per: Literal["none", "hour", "month"]
    """Time · 时间"""
    model: Literal["graduated", "volume"]
    """Model · 计价方式"""
    included_micro: int
    """Included · 免费量"""


class PricePlanSpec(TypedDict):
    """What people decided."""

    series: str
    """Series · 系列"""
    effective_from: str
    """In force from · 生效时间"""
    components: list[PricePlanComponentSpec]
    """Prices · 价格"""
    note: str
    """Note · 说明"""


class PricePlanStatus(TypedDict):
    """What the program found out."""


class PricePlan(Resource):
    """Price plan · 价格表."""

    spec: PricePlanSpec
    status: PricePlanStatus


class PricePlanWhere(TypedDict, total=False):
    """What a list of price-plans is filtered by."""

    series: str | Sequence[str]


class PricePlanTierSpecInput(TypedDict):
    """Up to and including a quantity, one unit price."""

    unit_nano: int
    """Unit price (10⁻⁹ 元) · 单价"""
    upto_micro: NotRequired[int | None]
    """Up to · 上限 · empty for no bound · 空为不设上限"""


class PricePlanComponentSpecInput(TypedDict):
    """The price of one meter, in the words of `rules.Component`."""

    meter: str
    """Meter · 计量项"""
    unit_zh: str
    """Priced unit · 计价单位"""
    unit_en: str
    """Priced unit in English · 计价单位（英文）"""
    unit_micro: int
    """Size of the unit · 单位大小"""
    tiers: list[PricePlanTierSpecInput]
    """Tiers · 分档"""
    per: NotRequired[Literal["none", "hour", "month"]]
    """Time · 时间"""
    model: NotRequired[Literal["graduated", "volume"]]
    """Model · 计价方式"""
    included_micro: NotRequired[int]
    """Included · 免费量"""


class PricePlanInput(TypedDict):
    """What a new one is made from."""

    series: str
    """Series · 系列"""
    effective_from: str
    """In force from · 生效时间"""
    components: list[PricePlanComponentSpecInput]
    """Prices · 价格"""
    note: NotRequired[str]
    """Note · 说明"""


class PricePlans(Reads[PricePlan, PricePlanWhere], Makes[PricePlan, PricePlanInput]):
    """Price plan · 价格表.

    Unit prices of each meter from a date on, in tiers, with included amounts. Never changed, only followed.
    每个计量项自某日起的单价，可分档、可含免费量。价格不改，只出新表；新价不影响其日期之前的用量。
    """

    kind: ClassVar[str] = "market.price_plan"
    plural: ClassVar[str] = "price-plans"
    scope: ClassVar[str] = "platform"
