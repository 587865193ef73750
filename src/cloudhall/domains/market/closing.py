"""Closing a statement, and rating a closed month again: what people decide, and what they see before they do.

Closing goes in order of the months, and not before a month is over. Neither is ever taken back.
"""

import datetime
from typing import Annotated

from cloudhall.domains.market import adjusting, rules, words
from cloudhall.domains.market.adjusting import Adjustment
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.statement import Statement, StatementSpec
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.kinds import Look, NoArgs, Spec, T, action, edit, field, preview
from cloudhall.kernel.roles import SYSTEM_ADMIN


class Reason(Spec, frozen=True, kw_only=True):
    """Why prices of a closed month are looked at again."""

    reason: Annotated[str, field("理由", "Reason", max_length=500, example="更正十月单价")]


@action(
    Statement,
    T("结账", "Close"),
    allow=(SYSTEM_ADMIN,),
    when=lambda s: s.spec.closed_at is None,
    why_not=T("已经结账", "Closed already"),
    danger=True,
)
def close(s: Statement, _args: NoArgs, look: Look) -> StatementSpec:
    """Let it stay as it is for ever; what comes later goes to the next one."""
    if look.now_us < rules.period_of(s.spec.period).to_us:
        text = T(f"{s.spec.period} 还没有结束", f"{s.spec.period} is not over")
        raise Conflict(text, mend=T("月末之后再结账", "Close it after the month"), reason="NOT_OVER")
    earlier = [x for x in of_project(look, s.place) if x.spec.period < s.spec.period and x.spec.closed_at is None]
    if earlier:
        first = earlier[0].spec.period
        raise Conflict(
            T(f"{first} 还没有结账", f"{first} is not closed"),
            mend=T(f"先结清：cloudhall statement close {first}", f"Close it first: cloudhall statement close {first}"),
            reason="EARLIER_OPEN",
        )
    return edit(s.spec, closed_at=_moment(look.now_us), priced_at=_moment(look.now_us))


@action(
    Statement,
    T("重新计价", "Rate again"),
    allow=(SYSTEM_ADMIN,),
    when=lambda s: s.status.closed_us > 0,
    why_not=T("未结账的账单本来就按最新价格计算", "What is not closed goes by the latest prices anyway"),
)
def rerate(s: Statement, args: Reason, look: Look) -> StatementSpec:
    """Let a closed month go by the prices of now; the difference becomes lines of the next statement."""
    return edit(s.spec, priced_at=_moment(look.now_us), reason=args.reason)


@preview(Statement)
def what_will_change(s: Statement, look: Look) -> T:
    """Line by line: old and new quantity, price and amount, and the sum."""
    if not s.status.closed_us:
        return (
            T("结账后不再变动", "Once closed it never changes")
            if s.spec.closed_at
            else T("随读数更新", "It follows the readings")
        )
    found = pending_of(s, look)
    rows = [_told(a) for a in found]
    difference = words.difference(sum(a.amount_fen for a in found))
    into = next((x.spec.period for x in of_project(look, s.place) if x.spec.closed_at is None), "")
    rows.append(
        T(
            f"差额合计 {difference} 元，计入{into or '下一张账单'}；{s.spec.period} 的账单不变",
            f"Difference CNY {difference}, on {into or 'the next statement'}; the statement of {s.spec.period} stays",
        )
    )
    return T("\n".join(row.zh for row in rows), "\n".join(row.en for row in rows))


def pending_of(s: Statement, look: Look) -> list[Adjustment]:
    """What is owed for a closed month and on no closed statement yet, under the prices that it goes by."""
    return adjusting.pending(look.tx, s, of_project(look, s.place), look.list(PricePlan, {}), look.now_us)


def pending_at(s: Statement, look: Look) -> list[Adjustment]:
    """The same under the prices of now: what rating it again would come to."""
    again = type(s)(
        id=s.id, place=s.place, name=s.name, spec=edit(s.spec, priced_at=_moment(look.now_us)), status=s.status
    )
    return pending_of(again, look)


def of_project(look: Look, project: str) -> list[Statement]:
    """Every statement of a project, in order of their months."""
    return sorted(look.list(Statement, {"place": project}), key=lambda s: s.spec.period)


def _moment(at_us: int) -> datetime.datetime:
    return rules.EPOCH + datetime.timedelta(microseconds=at_us)


def _told(a: Adjustment) -> T:
    was, now, difference = (
        words.yuan(a.before.amount_fen),
        words.yuan(a.after.amount_fen),
        words.difference(a.amount_fen),
    )
    return T(
        f"{a.title.zh}：{a.was.zh} = {was} 元 → {a.becomes.zh} = {now} 元（{difference}；{a.because.zh}）",
        f"{a.title.en}: {a.was.en} = CNY {was} → {a.becomes.en} = CNY {now} ({difference}; {a.because.en})",
    )
