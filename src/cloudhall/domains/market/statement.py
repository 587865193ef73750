"""Statements: what a project owes for a month so far, a line a meter, down to the readings. Not yet an invoice."""

from typing import TYPE_CHECKING, Annotated

from cloudhall.domains.market import rating, rules
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.rating import Line
from cloudhall.kernel import usage
from cloudhall.kernel.kinds import Index, Kind, Outcome, Ready, Spec, Status, T, controller, field
from cloudhall.kernel.roles import SYSTEM_ADMIN, USERS
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

RATE_EVERY_S = 30  # while the month runs
AS_OF_STEP_US = 3_600 * SECOND_US  # an unchanged statement says again how fresh it is; each time is a write
LATE_EVERY_S = 3_600  # afterwards: late readings still change what is owed, until an invoice is issued from it


class StatementSpec(Spec, frozen=True, kw_only=True):
    """Which month."""

    period: Annotated[str, field("账期", "Period", immutable=True, pattern=r"\d{4}-\d{2}", example="2026-11")]


class StatementStatus(Status, kw_only=True):
    """What the readings so far amount to."""

    total_fen: Annotated[int, field("合计", "Total", unit="fen")] = 0
    as_of_us: Annotated[int, field("截至", "As of", unit="µs")] = 0
    lines: Annotated[list[Line], field("明细", "Lines")] = []  # noqa: RUF012  msgspec gives each instance its own
    gaps: Annotated[int, field("缺口", "Gaps", T("没有测到的时段，不收费", "stretches not measured, not charged"))] = 0


class Statement(
    Kind[StatementSpec, StatementStatus],
    title=T("账单", "Statement"),
    prefix="st",
    doc=T(
        "项目当月至今应付多少：每行是数量 × 单价 × 时间，可查到每次读数。读数迟到会重新计算。",
        "What a project owes this month so far: each line is quantity × price × time, down to its readings.",
    ),
    on_place_delete="keep",
    clauses=("SYS-119",),
    allow={"read": (*USERS, SYSTEM_ADMIN), "create": ("service:market.statement",)},
    indexes=(Index("spec.period"),),
    columns=("name", "spec.period", "status.total_fen", "status.gaps"),
    icon="bill",
    group="market",
    demo=({"name": "2026-11", "spec": {"period": "2026-11"}},),
):
    """One row a project and month, opened when its first reading comes in. 3,000 projects: 100 ratings a second."""


@controller(Statement)
def reconcile(s: Statement, ctx: "Context") -> Outcome:
    """Rate the month again from all readings: late, repeated or reordered ones end in the same amount."""
    period = rules.period_of(s.spec.period)
    before = (s.status.lines, s.status.gaps)
    s.status.lines = rating.lines(ctx.tx, s.place, ctx.list(PricePlan), period, ctx.now_us)
    s.status.total_fen = sum(line.amount_fen for line in s.status.lines)
    gaps = usage.gaps(ctx.tx, s.place, period.from_us, period.to_us)
    s.status.gaps = len({(gap.resource, gap.from_us, gap.to_us) for gap in gaps})  # one stretch, however many meters
    as_of_us = min(ctx.now_us, period.to_us)
    if (s.status.lines, s.status.gaps) != before or as_of_us - s.status.as_of_us >= AS_OF_STEP_US:
        s.status.as_of_us = as_of_us
    return Ready(next_s=RATE_EVERY_S if ctx.now_us < period.to_us else LATE_EVERY_S)
