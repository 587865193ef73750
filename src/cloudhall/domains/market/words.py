"""How a line reads: quantities in units that one counts in, prices per priced unit, in both languages.

Who prices requests by the thousand counts them one by one all the same: 3,000 requests × CNY 0.01 per 1,000 requests.
Pure; every number is exact.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from cloudhall.domains.market.price_plan import ComponentSpec
from cloudhall.kernel.metering import METERS
from cloudhall.kernel.text import T

MICRO = 1_000_000


class Factor(NamedTuple):
    """Millionths of the priced unit × nano-yuan a priced unit; `included` costs nothing."""

    quantity_micro: int
    unit_nano: int
    included: bool


def lot_of(spec: ComponentSpec) -> int:
    """How many of the meter's own unit one priced unit is, where whole ones are counted; else 1."""
    counted = METERS[spec.meter].aggregation == "sum" and spec.unit_micro % MICRO == 0
    return spec.unit_micro // MICRO if counted else 1


def counted_unit(spec: ComponentSpec) -> T:
    """Unit in which quantities are shown: `lot_of` times smaller than the priced one."""
    return METERS[spec.meter].unit if lot_of(spec) > 1 else T(spec.unit_zh, spec.unit_en)


def reckoning(factors: Iterable[Factor], spec: ComponentSpec) -> T:
    """Write a line's quantities with their prices, such as `3,000 requests × CNY 0.01 per 1,000 requests`."""
    texts = [_factor(f, spec) for f in factors]
    return T(" + ".join(t.zh for t in texts), " + ".join(t.en for t in texts))


def yuan(fen: int) -> str:
    """Money in yuan, such as `1,234.50`."""
    return f"{Decimal(fen).scaleb(-2):,.2f}"


def difference(fen: int) -> str:
    """Money that comes on top or off, such as `+0.24`."""
    return f"{Decimal(fen).scaleb(-2):+,.2f}"


def _factor(f: Factor, spec: ComponentSpec) -> T:
    quantity, unit = _decimal(f.quantity_micro * lot_of(spec), 6), counted_unit(spec)
    if f.included:
        return T(f"{quantity} {unit.zh}（免费）", f"{quantity} {unit.en} included")
    price = _decimal(f.unit_nano, 9)
    return T(
        f"{quantity} {unit.zh} × {price} 元/{spec.unit_zh}", f"{quantity} {unit.en} × CNY {price} per {spec.unit_en}"
    )


def _decimal(value: int, places: int) -> str:
    return f"{Decimal(value).scaleb(-places).normalize():,f}"
