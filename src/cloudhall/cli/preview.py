"""What a change would do, told before it is done: verdict, quota, price, effects, and what goes with it."""

from collections.abc import Iterator
from typing import Any

from cloudhall.cli.language import T, say
from cloudhall.cli.values import decimal, yuan

NANO = 1_000_000_000
ALLOWED = T("允许 {}（依据 {}）", "Allowed: {} (by {})")
QUOTA = T("配额 {}：已用 {:,}，本次 {:+,}，共 {:,} {}", "Quota {}: {:,} used, {:+,} now, {:,} {} in all")
PRICE, FREE = T("价格 每月 {}", "Price a month: {}"), T("价格 不收固定费用", "Price: no fixed charge")
LINE, BY_USE = (
    T("  {}：{:,} {}，每月 {}", "  {}: {:,} {}, {} a month"),
    T("  {}：按量，{} 元/{}", "  {}: by use, CNY {} for {}"),
)
GOES = T("一并删除 {} {}", "Goes with it: {} {}")


def lines_of(plan: dict[str, Any]) -> Iterator[str]:
    """Tell a dry run as the server answered it."""
    yield say(ALLOWED, plan["operation"], ", ".join(plan["policies"]))
    for q in plan["quota"]:
        yield say(QUOTA, say(q["title"]), q["used"], q["asked"], q["room"], q["unit"])
    if "price" in plan:
        yield from _price(plan["price"])
    yield from map(say, plan["preview"])
    yield from (say(GOES, thing["kind"], thing["name"]) for thing in plan["goes_too"])


def _price(price: dict[str, Any]) -> Iterator[str]:
    if price["lines"]:
        yield say(PRICE, yuan(int(price["month_fen"])))
    for line in price["lines"]:
        yield say(LINE, say(line["title"]), int(line["quantity"]), say(line["unit"]), yuan(int(line["amount_fen"])))
    for line in price["by_use"]:
        yield say(BY_USE, say(line["title"]), decimal(int(line["unit_nano"]), NANO), say(line["unit"]))
