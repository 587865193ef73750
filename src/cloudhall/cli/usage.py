"""Usage of a project: totals, quotas, the readings behind a total, and what was not measured."""

from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.errors import Misuse
from cloudhall.cli.language import T, say
from cloudhall.cli.output import print_json, show_rows
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.tables import Column, Wire
from cloudhall.cli.typed import Moment, OneOf
from cloudhall.cli.values import decimal, moment

MICRO = 1_000_000
TABLES = ("totals", "quotas", "readings", "gaps")
NO_PROJECT = T("没有写明项目", "No project was given")
NAME_IT = T(
    "用 --project，或先设默认：cloudhall context project NAME", "Use --project, or set: cloudhall context project NAME"
)
AVERAGE = T("平均 {} {}", "{} {} on average")
TITLES = {
    "meter": T("计量项", "Meter"),
    "resource": T("资源", "Resource"),
    "quantity": T("用量", "Quantity"),
    "readings": T("读数", "Readings"),
    "title": T("配额", "Quota"),
    "used": T("已用", "Used"),
    "room": T("额度", "Room"),
    "left": T("剩余", "Left"),
    "unit": T("单位", "Unit"),
    "from": T("起", "From"),
    "to": T("止", "Until"),
    "source": T("来源", "Source"),
    "cause": T("原因", "Cause"),
}
NUMBERS = ("quantity", "readings", "used", "room", "left")
COLUMNS = {
    "totals": ("meter", "resource", "quantity", "readings"),
    "quotas": ("title", "used", "room", "left", "unit"),
    "readings": ("from", "to", "quantity", "source"),
    "gaps": ("from", "to", "meter", "resource", "cause"),
}


def usage(*, table: str, since: str | None, until: str | None, meter: str | None, **given: Any) -> None:
    """Print one of the tables; what does not go with it is for the server to refuse."""
    app, output = current(), output_of(given)
    project = given["project"] or app.settings.project
    if not project:
        raise Misuse(NO_PROJECT, NAME_IT)
    resource = app.id_of(given["resource"] or "")
    asked = {"project": project, "from": since or "", "to": until or "", "meter": meter or "", "resource": resource}
    found = app.client.look("usage" if table == "totals" else f"usage/{table}", asked)
    if output.style == "json":
        print_json(found)
        return
    people = output.style == "table"
    rows = [_told(row, found.get("names", {})) if people else _exact(row) for row in found["items"]]
    show_rows([Column(say(TITLES[n]), n, number=n in NUMBERS) for n in COLUMNS[table]], rows, output.style)


def _told(row: Wire, names: dict[str, str]) -> Wire:
    """Row for people: names, units, local times."""
    told = row | {t: moment(row[t]) for t in ("from", "to") if t in row}
    told |= {"resource": names.get(row["resource"], row["resource"])} if "resource" in row else {}
    unit = say(row.get("unit", ""))
    if "average_micro" in row:
        return told | {"quantity": say(AVERAGE, decimal(int(row["average_micro"]), MICRO), unit)}
    if "quantity_micro" in row:
        return told | {"quantity": f"{decimal(int(row['quantity_micro']), MICRO)} {unit}".rstrip()}
    return told


def _exact(row: Wire) -> Wire:
    """Row for programs: the number as it is on the wire, the key instead of the title."""
    return row | {"quantity": row.get("quantity_micro", row.get("quantity_micro_us")), "title": row.get("key")}


USAGE = Command(
    "usage",
    usage,
    T("项目的用量、配额、读数和没有测到的时段。", "What a project uses: totals, quotas, readings and gaps."),
    examples=[
        "usage",
        "usage quotas",
        "usage readings --meter storage.reserved_gib --resource bucket/chongqing-stats",
        "usage gaps --from 2026-11-01T00:00",
    ],
    params=[
        Argument(
            "table",
            metavar="[TABLE]",
            text=T("totals（默认）、quotas、readings 或 gaps", "totals (default), quotas, readings or gaps"),
            type=OneOf(TABLES),
            default="totals",
            required=False,
        ),
        Option(
            "--project",
            text=T(
                "项目或单位（默认见 cloudhall context）", "Project or organisation (default: see cloudhall context)"
            ),
            metavar="NAME",
        ),
        Option(
            "--from",
            "since",
            text=T("从何时起（默认 30 天前）", "From when on (default 30 days ago)"),
            type=Moment(),
            metavar="TIME",
        ),
        Option(
            "--to", "until", text=T("到何时止（默认现在）", "Until when (default now)"), type=Moment(), metavar="TIME"
        ),
        Option("--meter", text=T("计量项，查读数时", "Meter, for readings"), metavar="KEY"),
        Option(
            "--resource", text=T("资源的编号，或 种类/名称，查读数时", "Id or NOUN/NAME, for readings"), metavar="ID"
        ),
        *output_options(),
    ],
)
