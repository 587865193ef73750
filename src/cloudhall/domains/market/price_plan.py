"""Price plans: what a unit of each meter costs from a date on. A new price is a new plan; none is ever changed."""

import datetime
from collections.abc import Iterable
from typing import Annotated, Literal

from cloudhall.domains.market import rules
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Index, Kind, Look, Spec, Status, T, check, field
from cloudhall.kernel.metering import METERS
from cloudhall.kernel.roles import SYSTEM_ADMIN

MODELS = {"graduated": T("分段累进", "Graduated"), "volume": T("总量定档", "Volume")}
PER = {"none": T("按量", "By quantity"), "hour": T("按小时", "By the hour"), "month": T("按月", "By the month")}


class TierSpec(Spec, frozen=True, kw_only=True):
    """Up to and including a quantity, one unit price."""

    unit_nano: Annotated[int, field("单价", "Unit price", unit="10⁻⁹ 元", ge=0, example=120_000_000)]
    upto_micro: Annotated[int | None, field("上限", "Up to", T("空为不设上限", "empty for no bound"), ge=1)] = None


class ComponentSpec(Spec, frozen=True, kw_only=True):
    """The price of one meter, in the words of `rules.Component`."""

    meter: Annotated[str, field("计量项", "Meter", example="storage.stored_bytes")]
    unit_zh: Annotated[str, field("计价单位", "Priced unit", example="GiB·月")]
    unit_en: Annotated[str, field("计价单位（英文）", "Priced unit in English", example="GiB-month")]
    unit_micro: Annotated[int, field("单位大小", "Size of the unit", ge=1, example=1_073_741_824)]
    tiers: Annotated[list[TierSpec], field("分档", "Tiers")]
    per: Annotated[Literal["none", "hour", "month"], field("时间", "Time", choices=PER)] = "none"
    model: Annotated[Literal["graduated", "volume"], field("计价方式", "Model", choices=MODELS)] = "graduated"
    included_micro: Annotated[int, field("免费量", "Included", ge=0)] = 0

    def component(self) -> rules.Component:
        """Return the same as the rating rules take it."""
        return rules.Component(
            meter=self.meter,
            unit_micro=self.unit_micro,
            tiers=tuple(rules.Tier(t.unit_nano, t.upto_micro) for t in self.tiers),
            per=None if self.per == "none" else self.per,
            model=self.model,
            included_micro=self.included_micro,
        )


class PricePlanSpec(Spec, frozen=True, kw_only=True):
    """A version of a series of prices, in force from a date until the next."""

    series: Annotated[str, field("系列", "Series", immutable=True, pattern="[a-z][a-z0-9-]*", example="object-storage")]
    effective_from: Annotated[datetime.datetime, field("生效时间", "In force from", immutable=True)]
    components: Annotated[list[ComponentSpec], field("价格", "Prices", immutable=True)]
    note: Annotated[str, field("说明", "Note", immutable=True, max_length=500)] = ""


class PricePlan(
    Kind[PricePlanSpec, Status],
    title=T("价格表", "Price plan"),
    prefix="pp",
    doc=T(
        "每个计量项自某日起的单价，可分档、可含免费量。价格不改，只出新表；新价不影响其日期之前的用量。",
        "Unit prices of each meter from a date on, in tiers, with included amounts. Never changed, only followed.",
    ),
    scope="platform",
    clauses=("SYS-118", "SYS-119"),
    allow={"read": (), "create": (SYSTEM_ADMIN,)},
    indexes=(Index("spec.series"),),
    columns=("name", "spec.series", "spec.effective_from"),
    icon="tag",
    group="market",
    demo=(
        {
            "name": "object-storage-2026",
            "spec": {
                "series": "object-storage",
                "effective_from": "2026-01-01T00:00:00+08:00",
                "components": [
                    {
                        "meter": "storage.stored_bytes",
                        "unit_zh": "GiB·月",
                        "unit_en": "GiB-month",
                        "unit_micro": 1_073_741_824,
                        "per": "month",
                        "tiers": [{"unit_nano": 120_000_000}],
                    }
                ],
            },
        },
    ),
):
    """A few rows for each series over the years."""


@check(PricePlan)
def prices_can_be_rated(new: PricePlan, _old: PricePlan | None, _look: Look) -> Iterable[Problem]:
    """Every component names a known meter and has tiers that end open."""
    for i, spec in enumerate(new.spec.components):
        at = f"/spec/components/{i}"
        meter = METERS.get(spec.meter)
        if meter is None:
            known = ", ".join(sorted(METERS))
            text = T(f"没有计量项 {spec.meter}", f"There is no meter {spec.meter}")
            yield Problem("NO_SUCH", f"{at}/meter", text, T(f"可用：{known}", f"Known: {known}"))
        else:
            found = rules.check_component(spec.component(), meter, pointer=at)
            yield from (p for p in found if p.code != rules.LARGER_COSTS_LESS)


@check(PricePlan)
def a_series_prices_a_meter_once(new: PricePlan, _old: PricePlan | None, look: Look) -> Iterable[Problem]:
    """Two series for one meter would charge it twice."""
    meters = {c.meter for c in new.spec.components}
    for other in look.list(PricePlan, {}):
        twice = meters & {c.meter for c in other.spec.components}
        if twice and other.spec.series != new.spec.series:
            names = ", ".join(sorted(twice))
            text = T(
                f"{names} 已由系列 {other.spec.series} 定价", f"{names} is priced by the series {other.spec.series}"
            )
            yield Problem("TAKEN", "/spec/components", text)
