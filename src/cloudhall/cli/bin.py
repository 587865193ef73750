"""What lies in the recycle bin. Restoring and purging are verbs of each kind: `bucket restore`, `bucket purge`."""

from collections.abc import Iterator
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import PLACES, output_of, output_options
from cloudhall.cli.looking import first
from cloudhall.cli.output import hint, note, show_rows
from cloudhall.cli.parts import Command, Group, Option
from cloudhall.cli.tables import Column, Wire
from cloudhall.cli.values import moment, size, yuan
from cloudhall.sdk.language import T, say

TITLES = {
    "noun": T("种类", "Kind"),
    "name": T("名称", "Name"),
    "place": T("所在", "In"),
    "by": T("删除者", "Deleted by"),
    "at": T("删除时间", "Deleted"),
    "until": T("保留到", "Kept until"),
    "holds": T("仍占用", "Still holds"),
    "cost": T("本月费用", "Cost this month"),
    "state": T("状态", "State"),
}
STATES = {
    "withdrawing": T("正在收回访问", "access is being ended"),
    "kept": T("保留", "kept"),
    "deleting": T("正在销毁", "being destroyed"),
}
DAY = len("2026-11-22")  # of a moment as it is shown; JSON has all of it
CHARGED = T("保留的内容照常计量计费；销毁后停止", "What is kept stays metered and charged until it is destroyed")
EMPTY = T("回收站是空的", "The recycle bin is empty")


def list_(*, kind: str | None, place: str | None, **given: Any) -> None:
    """Print what was deleted, the last first, with what it holds and costs."""
    app, output = current(), output_of(given)
    asked = {"kind": kind or "", "place": place or ""}
    items, *_ = first(app.client.pages("bin", {name: value for name, value in asked.items() if value}), None)
    if output.style == "table" and not items:
        note(EMPTY)
        return
    rows = items if output.style == "json" else [_told(item, app.words) for item in items]
    show_rows([Column(say(title), name) for name, title in TITLES.items()], rows, output.style)
    if output.style == "table":
        if any(held["unit"] == "B" and held["amount"] for item in items for held in item["holds"]):
            note(CHARGED)
        hint(f"{rows[0]['noun']} restore {rows[0]['name']}")


def _told(item: Wire, words: dict[str, str]) -> Wire:
    return {
        "noun": words.get(item["kind"], item["kind"]),
        "name": item["name"],
        "place": item["place_name"] or item["place"],
        "by": item["deleted_by_name"] or item["deleted_by"],
        "at": moment(item["deleted_at"])[:DAY],
        "until": moment(item["kept_until"])[:DAY],
        "holds": ", ".join(holds(item["holds"])),
        "cost": yuan(int(item["cost_fen"])) if "cost_fen" in item else "",
        "state": say(STATES[_state(item)]),
    }


def _state(item: Wire) -> str:
    if item["state"] == "deleting":
        return "deleting"
    return "kept" if item["withdrawn"] else "withdrawing"


def holds(contents: list[Wire]) -> Iterator[str]:
    """Tell what something holds, without what there is none of."""
    for held in contents:
        if amount := int(held["amount"]):
            yield f"{say(held['title'])} {size(amount) if held['unit'] == 'B' else f'{amount:,}'}"


def _list() -> Command:
    kind = T("只看一种资源，例如 storage.bucket", "One kind only, such as storage.bucket")
    return Command(
        "list",
        list_,
        T("已删除、还能恢复的资源：谁、何时、到何时。", "What was deleted and can be restored: who, when, until when."),
        examples=["bin list", "bin list --kind storage.bucket"],
        params=[
            Option("--kind", text=kind, metavar="KIND"),
            Option("--place", text=PLACES["project"], metavar="NAME"),
            *output_options(),
        ],
    )


BIN = Group("bin", T("回收站。", "The recycle bin."), {"list": _list})
