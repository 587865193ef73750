"""What law and tariffs say on a day, with source and mark, and when a period in working days ends."""

from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import aligned, note, print_json, print_lines, show_pairs, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.tables import Column, Wire
from cloudhall.cli.typed import Whole
from cloudhall.sdk.language import T, say

TITLES = {
    "id": T("表", "Table"),
    "title": T("规则", "Rule"),
    "valid_from": T("起", "From"),
    "valid_to": T("止（不含）", "Until"),
    "mark": T("核对", "Checked"),
    "source": T("出处", "Source"),
}
AS_OF = T("哪一天（默认今天）", "On which day (default today)")
ABSENT_TABLES = T("当日没有规定：{}", "Nothing for that day in: {}")
STATES = {
    "running": T("进行中", "running"),
    "paused": T("中止", "paused"),
    "overdue": T("已超期", "overdue"),
}
STEP, REACHED = T("{}% 用完", "{}% used"), T("{}（已到）", "{} (reached)")
READ = {
    "due": T("期限届满", "Ends on"),
    "mark": T("依据", "Rests on"),
    "state": T("状态", "State"),
    "used_days": T("已用工作日", "Working days used"),
    "left_days": T("剩余工作日", "Working days left"),
    "late_days": T("超期工作日", "Working days late"),
}


def list_(*, as_of: str | None, **given: Any) -> None:
    """Print the row of each table that is in force."""
    output = output_of(given)
    found = current().client.look("rules", {"as_of": as_of or ""})
    rows = found["items"] if output.style == "json" else [_told(row) for row in found["items"]]
    show_rows([Column(say(title), name) for name, title in TITLES.items()], rows, output.style)
    if found["absent"]:
        note(say(ABSENT_TABLES, ", ".join(table["id"] for table in found["absent"])))


def get(*, table: str, **given: Any) -> None:
    """Print every row of a table with its values."""
    output = output_of(given)
    found = current().client.look(f"rules/{table}")
    if output.style == "json":
        print_json(found)
    elif output.style == "tsv":
        columns = [Column(name, name) for name in ("valid_from", "valid_to", "verified", "value")]
        show_rows(columns, found["items"], output.style)
    else:
        print_lines([say(found["title"]), *(line for row in found["items"] for line in _block(row))])


def due(*, start: str, days: int, pause: tuple[str, ...], as_of: str | None, **given: Any) -> None:
    """Print when a period ends and how it stands."""
    output = output_of(given)
    asked = {"from": start, "days": str(days), "pause": pause, "as_of": as_of or ""}
    found = current().client.look("deadline", asked)
    if output.style == "json":
        print_json(found)
        return
    said = found | {"state": say(STATES[found["state"]]), "mark": say(found["mark"])}
    pairs = {say(title): str(said[name]) for name, title in READ.items()}
    pairs |= {say(STEP, s["percent"]): say(REACHED, s["day"]) if s["reached"] else s["day"] for s in found["steps"]}
    show_pairs(pairs, output.style)


def _told(row: Wire) -> Wire:
    return row | {"title": say(row["title"]), "mark": say(row["mark"]), "source": _sources(row)}


def _sources(row: Wire) -> str:
    return "; ".join(_source(source) for source in row["sources"])


def _source(source: Wire) -> str:
    parts = (say(source["title"]), source["edition"], say(source["clause"] or ""), source["issued"] or "")
    return " ".join(filter(None, parts))


def _block(row: Wire) -> list[str]:
    """Validity and mark of a row as a heading, its values and sources below."""
    values = [(say(value["title"]), say(value["text"])) for value in row["shown"].values()]
    sources = [(say(TITLES["source"]), _source(source)) for source in row["sources"]]
    head = f"{row['valid_from']} – {row['valid_to'] or ''}  {say(row['mark'])}"
    return ["", head, *aligned([*values, *sources], "  ")]


def _list() -> Command:
    return Command(
        "list",
        list_,
        T("某日有效的规则，及出处和是否核对。", "Rules in force on a day, with source and mark."),
        examples=["rules list", "rules list --as-of 2024-12-31"],
        params=[Option("--as-of", text=AS_OF, metavar="DATE"), *output_options()],
    )


def _get() -> Command:
    return Command(
        "get",
        get,
        T("一张规则表的历次规定。", "Every row of a rule table."),
        examples=["rules get calendar.holidays"],
        params=[
            Argument("table", metavar="TABLE", text=T("表，见 rules list", "Table, as in rules list")),
            *output_options(),
        ],
    )


def _due() -> Command:
    pause = T(
        "中止的日子（含首尾），可多次；未结束写 日期/..", "Days it stands still, both in it; DATE/.. while it lasts"
    )
    return Command(
        "due",
        due,
        T("按工作日计算期限。", "When a period in working days ends."),
        examples=["rules due 2026-09-18 20", "rules due 2026-09-18 20 --pause 2026-09-28/2026-10-08"],
        params=[
            Argument("start", metavar="FROM", text=T("收到之日，不计入", "Day of receipt, not counted")),
            Argument("days", metavar="DAYS", text=T("多少个工作日", "How many working days"), type=Whole()),
            Option("--pause", text=pause, metavar="FROM/TO", multiple=True),
            Option("--as-of", text=AS_OF, metavar="DATE"),
            *output_options(),
        ],
    )


RULES = Group(
    "rules",
    T("法规、标准和价目的规定；工作日期限。", "What law and tariffs say; periods in working days."),
    {"list": _list, "get": _get, "due": _due},
)
