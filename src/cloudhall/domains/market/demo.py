"""Prices of the demonstration city: invented, in the form that a real operator would publish."""

from typing import TYPE_CHECKING

from cloudhall.domains.identity.founding import ensure
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.kernel.caller import Caller

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

GIB_IN_MB_MICRO = 1_073_741_824  # the meter counts MB, a millionth of which is a byte
YUAN_NANO = 1_000_000_000
LEVEL = {"unit_zh": "GiB·月", "unit_en": "GiB-month", "per": "month"}
COMPONENTS = [
    {
        "meter": "storage.reserved_gib",
        "unit_micro": 1_000_000,
        "tiers": [{"unit_nano": YUAN_NANO // 50}],
        **LEVEL,
    },
    {
        "meter": "storage.stored_bytes",
        "unit_micro": GIB_IN_MB_MICRO,
        "tiers": [
            {"unit_nano": YUAN_NANO * 12 // 100, "upto_micro": 1024 * GIB_IN_MB_MICRO},
            {"unit_nano": YUAN_NANO * 9 // 100},
        ],
        **LEVEL,
    },
    {
        "meter": "storage.requests_a",
        "unit_zh": "千次",
        "unit_en": "1,000 requests",
        "unit_micro": 1_000 * 1_000_000,
        "tiers": [{"unit_nano": YUAN_NANO // 100}],
    },
    {
        "meter": "storage.requests_b",
        "unit_zh": "万次",
        "unit_en": "10,000 requests",
        "unit_micro": 10_000 * 1_000_000,
        "tiers": [{"unit_nano": YUAN_NANO // 100}],
    },
    {
        "meter": "storage.sent_bytes",
        "unit_zh": "GiB",
        "unit_en": "GiB",
        "unit_micro": GIB_IN_MB_MICRO,
        "tiers": [{"unit_nano": YUAN_NANO * 25 // 100}],
        "included_micro": GIB_IN_MB_MICRO,
    },
]


def seed(kernel: "Kernel", founder: Caller) -> None:
    """Publish the first price plan."""
    spec = {
        "series": "object-storage",
        "effective_from": "2026-01-01T00:00:00+08:00",
        "components": COMPONENTS,
        "note": "演示价格，虚构 / demonstration prices, invented",
    }
    ensure(kernel, founder, PricePlan, "object-storage-2026", "", spec)
