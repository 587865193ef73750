"""Usage of a project: totals, quotas, the readings behind a total, what was not measured or told in two ways."""

from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import print_json, show_rows
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.tables import Column, Wire
from cloudhall.cli.typed import Moment, OneOf
from cloudhall.cli.values import decimal, moment
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

MICRO = 1_000_000
TABLES = ("totals", "quotas", "readings", "gaps", "conflicts")
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
    "counts": T("计量", "Counts"),
    "refused": T("另一种说法", "The other"),
    "why": T("依据", "Why"),
    "reading": T("读数编号", "Reading"),
    "id": T("编号", "Id"),
}
NUMBERS = ("quantity", "readings", "used", "room", "left")
COLUMNS = {
    "totals": ("meter", "resource", "quantity", "readings"),
    "quotas": ("title", "used", "room", "left", "unit"),
    "readings": ("from", "to", "quantity", "source"),
    "gaps": ("from", "to", "meter", "resource", "cause"),
    "conflicts": ("meter", "resource", "counts", "refused", "why", "reading", "id"),
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
    if "refused" in row:
        return told | {"counts": _body(row["counted"]), "refused": _body(row["refused"]), "why": say(row["why"])}
    if "average_micro" in row:
        return told | {"quantity": say(AVERAGE, decimal(int(row["average_micro"]), MICRO), unit)}
    if "quantity_micro" in row:
        return told | {"quantity": f"{decimal(int(row['quantity_micro']), MICRO)} {unit}".rstrip()}
    return told


def _body(body: Wire | None) -> str:
    """What one of two contradictory bodies says; nothing of one that lies in another project."""
    if body is None:
        return "?"
    said = decimal(int(body["quantity_micro"]), MICRO) if "quantity_micro" in body else body["cause"]
    return f"{said} ({moment(body['from'])} – {moment(body['to'])})"


def _exact(row: Wire) -> Wire:
    """Row for programs: the number as it is on the wire, the key instead of the title."""
    if "refused" in row:
        counted, refused = ((row[n] or {}).get("quantity_micro", "") for n in ("counted", "refused"))
        return row | {"counts": counted, "refused": refused, "why": row["correction"] or "first"}
    return row | {"quantity": row.get("quantity_micro", row.get("quantity_micro_us")), "title": row.get("key")}


USAGE = Command(
    "usage",
    usage,
    T(
        "项目的用量、配额、读数、没有测到的时段和矛盾的读数。",
        "What a project uses: totals, quotas, readings, gaps and contradictions.",
    ),
    examples=[
        "usage",
        "usage quotas",
        "usage readings --meter storage.reserved_gib --resource bucket/chongqing-stats",
        "usage gaps --from 2026-11-01T00:00",
        "usage conflicts",
    ],
    params=[
        Argument(
            "table",
            metavar="[TABLE]",
            text=T(
                "totals（默认）、quotas、readings、gaps 或 conflicts",
                "totals (default), quotas, readings, gaps or conflicts",
            ),
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
