"""What a plan foresees, for whoever is about to decide: room afterwards, price, consequences, who allows it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cloudhall.console.names import Named
from cloudhall.kernel.commands import Plan
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


class RoomAfter(NamedTuple):
    """A quota before and after: `used + asked` of `room`, in its unit."""

    title: T
    unit: str
    used: int
    asked: int
    room: int

    @property
    def left(self) -> int:
        """What stays free afterwards."""
        return max(0, self.room - self.used - self.asked)


class PriceLine(NamedTuple):
    """Quantity x unit price for a full month; no quantity where only the use will tell."""

    title: T
    unit: T
    unit_nano: int
    quantity: int | None
    amount_fen: int


class Price(NamedTuple):
    """What it costs a month, and what is charged by use on top."""

    month_fen: int
    lines: tuple[PriceLine, ...]
    by_use: tuple[PriceLine, ...]


class Foresight(NamedTuple):
    """Everything that a dry run answers."""

    rooms: tuple[RoomAfter, ...]
    price: Price | None
    previews: tuple[T, ...]
    goes_too: tuple[Named, ...]
    policies: tuple[T, ...]


def foresee(visit: "Visit", plan: Plan) -> Foresight:
    """Read a plan."""
    pricing = visit.kernel.pricing
    known = visit.kernel.authority.policies.policies
    return Foresight(
        rooms=tuple(RoomAfter(c.quota.title, c.quota.unit, c.used, c.amount, c.room) for c in plan.charges),
        price=_price(pricing(plan)) if pricing else None,
        previews=plan.previews,
        goes_too=tuple(visit.names.resource(r) for r in plan.goes_too),
        policies=tuple(known[p].text for p in plan.policies if p in known),
    )


def price_of(visit: "Visit", plan: Plan, rates: tuple[tuple[str, int], ...]) -> Price | None:
    """Price a month of other rates than the plan's own; nothing where nothing is charged."""
    pricing = visit.kernel.pricing
    price = _price(pricing(msgspec.structs.replace(plan, rates=rates))) if pricing else None
    return price._replace(by_use=()) if price else None


def _price(said: Mapping[str, Any]) -> Price | None:
    """Read what `kernel.pricing` says; nothing where nothing is charged."""
    lines, by_use = (tuple(_line(line) for line in said[part]) for part in ("lines", "by_use"))
    return Price(said["month_fen"], lines, by_use) if lines or by_use else None


def _line(said: Mapping[str, Any]) -> PriceLine:
    title, unit = (T(said[part]["zh"], said[part]["en"]) for part in ("title", "unit"))
    return PriceLine(title, unit, said["unit_nano"], said.get("quantity"), said.get("amount_fen", 0))
