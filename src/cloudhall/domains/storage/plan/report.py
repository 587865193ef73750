"""A plan as lines for a terminal: figures with their formulas, causes, assumptions with source and mark. Pure."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cloudhall.domains.storage.plan.assumptions import Assumption
from cloudhall.domains.storage.plan.durability import TITLES
from cloudhall.domains.storage.plan.figures import GROUPS
from cloudhall.domains.storage.plan.planning import Plan
from cloudhall.domains.storage.plan.quantity import number, show
from cloudhall.domains.storage.plan.scheme import DOMAINS
from cloudhall.kernel.text import Language, T

if TYPE_CHECKING:
    from cloudhall.domains.storage.plan.trial import Trial  # brings NumPy

GAP = "  "
ASSUMED = T("假定", "Assumptions")
NOT_COUNTED = T(
    "不在损失之内：整个场地的灾害、人为破坏、程序错误。它们靠另一地区的副本和演练过的恢复。",
    "Not counted as loss: disaster of a whole site, people who destroy, bugs. A copy in another region and rehearsed "
    "restores stand against them.",
)
SCHEME = T("方案", "Scheme")
COMPARED = {  # figures of the comparison: heads, and the units that their heads leave to say
    "disks": (T("硬盘", "Disks"), "1"),
    "racks": (T("机架", "Racks"), "1"),
    "site_kw": (T("用电", "Power"), "kW"),
    "tb_year_fen": (T("每 TB 一年", "TB and year"), "fen"),
    "loss_bytes": (T("年损失", "Lost a year"), "B"),
    "loss_any": (T("一年内有损失", "Any loss a year"), "share"),
    "nines": (T("几个 9", "Nines"), "1"),
}
Row = Sequence[str]


def plan_lines(plan: Plan, language: Language) -> list[str]:
    """Every figure of a plan, then what it assumes."""
    title = T(
        f"{plan.scheme.title.zh}，每个{DOMAINS[plan.domain].zh}至多一份",
        f"{plan.scheme.title.en}, at most one part in a {DOMAINS[plan.domain].en}",
    )
    lines = [title.in_(language)]
    figures = plan.lines
    for group, heading in GROUPS.items():
        rows = [
            (GAP + line.title.in_(language), show(line.value, line.unit, language), line.formula.in_(language))
            for line in figures
            if line.group == group
        ]
        lines += ["", heading.in_(language), *_columns(rows)]
    lines += ["", ASSUMED.in_(language), *_columns(_assumed(row, language) for row in plan.a.rows.values())]
    return [*lines, "", NOT_COUNTED.in_(language)]


def compared_lines(plans: Sequence[Plan], language: Language) -> list[str]:
    """Several schemes side by side, one a line."""
    rows = [[head.in_(language) for head in (SCHEME, *(head for head, _ in COMPARED.values()))]]
    rows += [[plan.scheme.title.in_(language), *compared_cells(plan, language)] for plan in plans]
    return _columns(rows)


def compared_cells(plan: Plan, language: Language) -> list[str]:
    """Figures of one scheme in the comparison."""
    value = {line.name: line.value for line in plan.lines}
    return [show(value[name], unit, language) for name, (_, unit) in COMPARED.items()]


def trial_lines(trial: "Trial", language: Language) -> list[str]:
    """What the formula says of one cell beside what its simulated years say."""
    years = T(
        f"模拟一个单元 {number(trial.years)} 年（种子 {trial.seed}）",
        f"One cell, {number(trial.years)} years simulated (seed {trial.seed})",
    )
    rows = [
        (GAP + TITLES["disks"].in_(language), number(trial.formula_disks), ""),
        (GAP + T("公式，全部原因", "Formula, every cause").in_(language), number(trial.formula), ""),
        (
            GAP + T("模拟", "Simulation").in_(language),
            number(trial.simulated),
            f"95 %: {number(trial.low)} – {number(trial.high)}",
        ),
    ]
    unit = T("每年损失的卷", "Volumes lost a year").in_(language)
    return ["", years.in_(language), GAP + unit, *_columns(rows), trial.verdict.in_(language)]


def _assumed(row: Assumption, language: Language) -> Row:
    value = show(row.value, row.unit, language)
    said = T(
        f"{row.title.zh}；{row.source.zh}（{row.as_of}）",
        f"{row.title.en}; {row.source.en} ({row.as_of})",
    )
    return (GAP + row.name, value, row.mark.in_(language), said.in_(language))


def _columns(rows: Iterable[Row]) -> list[str]:
    """Columns by the width that a terminal gives them; the last one is left as it is."""
    kept = [list(row) for row in rows]
    widths = [max(map(_width, column)) for column in zip(*kept, strict=True)][:-1]
    return [
        GAP.join([*(_pad(cell, wide) for cell, wide in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in kept
    ]


def _pad(text: str, wide: int) -> str:
    return text + " " * (wide - _width(text))


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
