"""What the console's page shows of a plan: the form as filled in, schemes side by side, figures, assumptions."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cloudhall.domains.storage.plan.assumptions import Assumption, usual
from cloudhall.domains.storage.plan.figures import GROUPS, Line
from cloudhall.domains.storage.plan.operate import Asked, planned
from cloudhall.domains.storage.plan.planning import Plan
from cloudhall.domains.storage.plan.quantity import show
from cloudhall.domains.storage.plan.report import COMPARED, NOT_COUNTED, SCHEME, compared_cells
from cloudhall.domains.storage.plan.scheme import DOMAINS, Domain
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.text import T

BESIDE = ("2", "3", "6+3", "10+4", "17+3")
USUAL = {"capacity": "1EB", "scheme": "10+4", "domain": "rack"}
FIELDS = {
    "disk_tb": T("硬盘/TB", "Disk, TB"),
    "rack_kw": T("机架功率/kW", "Rack power, kW"),
    "repair_mb_s": T("每块盘修复/(MB/s)", "Repair a disk, MB/s"),
    "disk_afr": T("年故障率", "Annual failure rate"),
}


class Field(NamedTuple):
    """One number of the form."""

    name: str
    title: T
    text: str


class Beside(NamedTuple):
    """One scheme of the comparison, and where it stands in the chart: fen a TB and year, hundredths of nines."""

    title: T
    name: str
    chosen: bool
    cells: list[T]
    fen: int
    hundredths: int


class Told(NamedTuple):
    """One figure, or one assumption, in words."""

    name: str
    title: T
    value: T
    by: T | None = None


def context(query: Mapping[str, str]) -> dict[str, Any]:
    """What the template shows; what cannot be planned is said above the form, and nothing below it."""
    typed = {name: query.get(name, "").strip() or text for name, text in USUAL.items()}
    changes = {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}
    asked = Asked(typed["capacity"], [typed["scheme"], *BESIDE], typed["domain"], changes=changes)
    shown: dict[str, Any] = {
        "typed": typed,
        "fields": [_field(name, changes) for name in FIELDS],
        "domains": [(str(domain), DOMAINS[domain]) for domain in Domain],
        "wrong": None,
        "plan": None,
    }
    try:
        plans = planned(asked)
        chosen = planned(asked._replace(schemes=[typed["scheme"]]))[0]
    except CloudhallError as error:
        return {**shown, "wrong": error}
    return {**shown, **_planned(chosen, plans), "command": _command(typed, changes)}


def _planned(chosen: Plan, plans: Sequence[Plan]) -> dict[str, Any]:
    lines = chosen.lines
    return {
        "plan": chosen,
        "scheme_head": SCHEME,
        "heads": [head for head, _ in COMPARED.values()],
        "beside": [_beside(plan, chosen) for plan in plans],
        "groups": [
            (title, [_figure(line) for line in lines if line.group == group]) for group, title in GROUPS.items()
        ],
        "assumed": [(_assumed(row), row) for row in chosen.a.rows.values()],
        "not_counted": NOT_COUNTED,
    }


def _field(name: str, changes: Mapping[str, str]) -> Field:
    return Field(name, FIELDS[name], changes.get(name, f"{usual()[name]:g}"))


def _beside(plan: Plan, chosen: Plan) -> Beside:
    cells = [T(zh, en) for zh, en in zip(compared_cells(plan, "zh"), compared_cells(plan, "en"), strict=True)]
    hundredths = round(plan.loss.nines * 100)
    name = plan.scheme.name
    return Beside(plan.scheme.title, name, plan.scheme == chosen.scheme, cells, plan.costs.tb_year_fen, hundredths)


def _figure(line: Line) -> Told:
    return Told(line.name, line.title, _value(line.value, line.unit), line.formula)


def _assumed(row: Assumption) -> Told:
    return Told(row.name, row.title, _value(row.value, row.unit))


def _value(value: float, unit: str) -> T:
    return T(show(value, unit, "zh"), show(value, unit, "en"))


def _command(typed: Mapping[str, str], changes: Mapping[str, str]) -> str:
    words = ["cloudhall", "storage", "plan"]
    for name, text in typed.items():
        words += [f"--{name}", text]
    for name, text in changes.items():
        if text != f"{usual()[name]:g}":
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)
