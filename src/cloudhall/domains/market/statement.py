"""Statements: what a project owes for a month, a line a meter, down to the readings. Who closes one: `closing.py`.

Invariant: what was closed (lines, adjustments, total) is never written again; `digest` shows it.
"""

import datetime
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec

from cloudhall.domains.market import adjusting, rating, rules
from cloudhall.domains.market.adjusting import Adjustment
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.rating import Line
from cloudhall.kernel import amendments, usage
from cloudhall.kernel.kinds import (
    Index,
    Kind,
    Outcome,
    Ready,
    Spec,
    Status,
    T,
    controller,
    field,
)
from cloudhall.kernel.roles import SYSTEM_ADMIN, USERS
from cloudhall.kernel.wire import to_us
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

RATE_EVERY_S = 30  # while the month runs
AS_OF_STEP_US = 3_600 * SECOND_US  # an unchanged statement says again how fresh it is; each time is a write
LATE_EVERY_S = 3_600  # afterwards: late readings still change what is owed, until the statement is closed
ADJUST_EVERY_US = LATE_EVERY_S * SECOND_US  # how often closed months are looked at again where nobody decided anything


class StatementSpec(Spec, frozen=True, kw_only=True):
    """Which month; whether somebody has closed it, and which prices it goes by since."""

    period: Annotated[str, field("账期", "Period", immutable=True, pattern=r"\d{4}-\d{2}", example="2026-11")]
    closed_at: Annotated[datetime.datetime | None, field("结账时间", "Closed at", by=("close",))] = None
    priced_at: Annotated[
        datetime.datetime | None,
        field(
            "价格截至", "Prices as of", T("按此时已公布的价格", "by what was published then"), by=("close", "rerate")
        ),
    ] = None
    reason: Annotated[str, field("重新计价的理由", "Why rated again", by=("rerate",))] = ""


class StatementStatus(Status, kw_only=True):
    """What the readings so far amount to, and what is owed beyond it for months that were closed before."""

    total_fen: Annotated[int, field("合计", "Total", unit="fen")] = 0
    as_of_us: Annotated[int, field("截至", "As of", unit="µs")] = 0
    closed_us: Annotated[int, field("已结账", "Closed", unit="µs")] = 0
    lines: Annotated[list[Line], field("明细", "Lines")] = []  # noqa: RUF012  msgspec gives each instance its own
    adjustments: Annotated[list[Adjustment], field("前期调整", "Adjustments")] = []  # noqa: RUF012  as above
    adjusted_us: Annotated[int, field("前期核对于", "Earlier months looked at", unit="µs")] = 0
    gaps: Annotated[int, field("缺口", "Gaps", T("没有测到的时段，不收费", "stretches not measured, not charged"))] = 0
    digest: Annotated[str, field("摘要", "Digest", T("结账内容的 SHA-256", "SHA-256 of what was closed"))] = ""


class Statement(
    Kind[StatementSpec, StatementStatus],
    title=T("账单", "Statement"),
    prefix="st",
    doc=T(
        "项目当月应付多少：每行是数量 × 单价 × 时间，可查到每次读数。结账后不再变动，差额作为调整计入下一张。",
        "What a project owes for a month: each line is quantity × price × time, down to its readings. Closed, it never "
        "changes; a difference goes to the next one as an adjustment.",
    ),
    on_place_delete="keep",
    clauses=("SYS-119",),
    allow={"read": (*USERS, SYSTEM_ADMIN), "create": ("service:market.statement",)},
    indexes=(Index("spec.period"),),
    columns=("name", "spec.period", "status.total_fen", "spec.closed_at", "status.gaps"),
    icon="bill",
    group="market",
    demo=({"name": "2026-11", "spec": {"period": "2026-11"}},),
):
    """One row a project and month, opened when its first reading comes in. 3,000 projects: 100 ratings a second."""


@controller(Statement)
def reconcile(s: Statement, ctx: "Context") -> Outcome:
    """Rate the month again from all readings: late, repeated or reordered ones end in the same amount."""
    if s.status.closed_us:
        return Ready()
    period = rules.period_of(s.spec.period)
    plans = ctx.list(PricePlan)
    before = (s.status.lines, s.status.gaps, s.status.adjustments)
    if s.spec.priced_at is not None:
        plans = adjusting.known(plans, to_us(s.spec.priced_at))
    s.status.lines = rating.lines(ctx.tx, s.place, plans, period, ctx.now_us)
    _adjust(s, ctx)
    s.status.total_fen = sum(x.amount_fen for x in s.status.lines) + sum(x.amount_fen for x in s.status.adjustments)
    gaps = usage.gaps(ctx.tx, s.place, period.from_us, period.to_us)
    s.status.gaps = len({(gap.resource, gap.from_us, gap.to_us) for gap in gaps})  # one stretch, however many meters
    as_of_us = min(ctx.now_us, period.to_us)
    changed = (s.status.lines, s.status.gaps, s.status.adjustments) != before
    if changed or as_of_us - s.status.as_of_us >= AS_OF_STEP_US:
        s.status.as_of_us = as_of_us
    if s.spec.closed_at is not None:
        s.status.closed_us, s.status.digest = ctx.now_us, digest(s)
    return Ready(next_s=RATE_EVERY_S if ctx.now_us < period.to_us else LATE_EVERY_S)


def digest(s: Statement) -> str:
    """Fingerprint of what was closed: month, lines, adjustments and total."""
    content = (s.spec.period, s.status.lines, s.status.adjustments, s.status.total_fen)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _adjust(s: Statement, ctx: "Context") -> None:
    """Take over what is owed for closed months, where this is the earliest statement that is open.

    Cost: each closed month of the project rated once an hour, and when somebody has decided something.
    """
    mine = ctx.beside(Statement)
    closed = [x for x in mine if x.status.closed_us]
    if any(x.spec.period < s.spec.period and not x.status.closed_us for x in mine):
        s.status.adjustments, s.status.adjusted_us = [], 0
        return
    if not closed or not (s.spec.closed_at or _due(s, closed, ctx)):
        return
    plans = ctx.list(PricePlan)
    s.status.adjustments = [a for x in closed for a in adjusting.pending(ctx.tx, x, mine, plans, ctx.now_us)]
    s.status.adjusted_us = ctx.now_us


def _due(s: Statement, closed: Sequence[Statement], ctx: "Context") -> bool:
    decided_us = max(
        *(to_us(x.spec.priced_at) for x in closed if x.spec.priced_at), *(x.status.closed_us for x in closed)
    )
    decided_us = max(decided_us, amendments.last_us(ctx.tx, s.place))
    return s.status.adjusted_us <= decided_us or ctx.now_us - s.status.adjusted_us >= ADJUST_EVERY_US
