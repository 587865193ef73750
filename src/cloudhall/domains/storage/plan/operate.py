"""What the command does: assumptions as given, plans of the schemes, and simulated years beside the formulas."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.storage.plan import report
from cloudhall.domains.storage.plan.assumptions import Assumptions, of_file, usual
from cloudhall.domains.storage.plan.planning import Plan, compared
from cloudhall.domains.storage.plan.quantity import bytes_of
from cloudhall.domains.storage.plan.scheme import Domain, scheme_of
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import Language, T

if TYPE_CHECKING:
    from cloudhall.domains.storage.plan.trial import Trial

YEARS_MAX = 1_000_000
OUTAGES_MAX = 20_000_000  # some minutes


class Asked(NamedTuple):
    """What a person asks. `changes` stand over the file's values, which stand over the usual ones."""

    capacity: str
    schemes: Sequence[str]
    domain: str
    file: str | None = None
    changes: Mapping[str, object] = {}
    years: int = 0
    seed: int = 7


def planned(asked: Asked) -> list[Plan]:
    """Plans of the schemes, the cheapest first; raises `Invalid`, and `Unavailable` for a file."""
    if asked.domain not in list(Domain):
        raise Invalid(
            T(f"没有故障域“{asked.domain}”", f"there is no failure domain {asked.domain!r}"),
            mend=T("可选：disk、server、rack", "one of disk, server, rack"),
        )
    schemes = [scheme_of(text) for text in asked.schemes]
    return compared(bytes_of(asked.capacity), schemes, Domain(asked.domain), _assumed(asked))


def answer(asked: Asked, language: Language) -> tuple[dict[str, Any], list[str]]:
    """Return the whole for programs, and lines for people."""
    plans = planned(asked)
    data: dict[str, Any] = {"plans": [plan.json() for plan in plans]}
    first, *others = plans
    lines = report.plan_lines(first, language) if not others else report.compared_lines(plans, language)
    if asked.years:
        for plan, shown in zip(plans, data["plans"], strict=True):
            trial = _tried(plan, asked)
            shown["simulation"] = trial.json()
            lines += [*([""] if others else []), *([plan.scheme.title.in_(language)] if others else [])]
            lines += report.trial_lines(trial, language)
    return data, lines


def _assumed(asked: Asked) -> Assumptions:
    kept = of_file(Path(asked.file)) if asked.file else {}
    return usual().changed({**kept, **asked.changes})


def _tried(plan: Plan, asked: Asked) -> "Trial":
    from cloudhall.domains.storage.plan.simulate import Chance  # NumPy: only where years are simulated
    from cloudhall.domains.storage.plan.trial import tried

    outages = plan.exposed.grid.disks * plan.a["disk_afr"] * asked.years
    if not 1 <= asked.years <= YEARS_MAX or outages > OUTAGES_MAX:
        raise Invalid(
            T(
                f"模拟不了 {asked.years} 年：约 {outages:,.0f} 次故障，最多 {OUTAGES_MAX:,}",
                f"{asked.years} years cannot be simulated: about {outages:,.0f} failures, at most {OUTAGES_MAX:,}",
            ),
            mend=T(
                "给 1 年以上、更少的年数，或缩小单元（cell_pb）",
                "give one year or more, but fewer, or smaller cells (cell_pb)",
            ),
        )
    return tried(plan.exposed, asked.years, Chance(seed=asked.seed))
