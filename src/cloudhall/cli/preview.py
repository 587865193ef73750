"""What a change would do, told before it is done: verdict, quota, price, effects, and what goes with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from cloudhall.cli.values import decimal, size, yuan
from cloudhall.sdk.language import T, say

NANO = 1_000_000_000
ALLOWED = T("允许 {}（依据 {}）", "Allowed: {} (by {})")
QUOTA = T("配额 {}：已用 {:,}，本次 {:+,}，共 {}", "Quota {}: {:,} used, {:+,} now, {} in all")
PRICE = T("价格 每月 {}", "Price a month: {}")
LINE, BY_USE = (
    T("  {}：{:,} {}，每月 {}", "  {}: {:,} {}, {} a month"),
    T("  {}：按量，{} 元/{}", "  {}: by use, CNY {} per {}"),
)
GOES = T("一并删除 {} {}", "Goes with it: {} {}")

GOES_IN_BIN = T("连同 {} {}", "Along with it: {} {}")
DESTROYS = T("其中有 {}：{}", "It holds {}: {}")


def lines_of(plan: dict[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    """Tell a dry run as the server answered it; `words` are the nouns of the kinds."""
    yield say(ALLOWED, plan["operation"], ", ".join(plan["policies"]))
    for q in plan["quota"]:
        yield say(QUOTA, say(q["title"]), q["used"], q["asked"], f"{q['room']:,} {q['unit']}".rstrip())
    if "price" in plan:
        yield from price_lines(plan["price"])
    yield from map(say, plan["preview"])
    yield from (say(DESTROYS, say(c["title"]), _amount(c)) for c in plan.get("destroys", ()))
    goes = GOES_IN_BIN if plan["operation"].endswith((":restore", ":purge")) else GOES
    yield from (say(goes, words.get(thing["kind"], thing["kind"]), thing["name"]) for thing in plan["goes_too"])


def _amount(content: Mapping[str, Any]) -> str:
    amount = int(content["amount"])
    return size(amount) if content["unit"] == "B" else f"{amount:,}"


def price_lines(price: dict[str, Any]) -> Iterator[str]:
    """Tell a price: the month, its lines, and what is charged by use."""
    if price["lines"]:
        yield say(PRICE, yuan(int(price["month_fen"])))
    for line in price["lines"]:
        yield say(LINE, say(line["title"]), int(line["quantity"]), say(line["unit"]), yuan(int(line["amount_fen"])))
    for line in price["by_use"]:
        yield say(BY_USE, say(line["title"]), decimal(int(line["unit_nano"]), NANO), say(line["unit"]))
