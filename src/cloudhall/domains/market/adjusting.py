"""Adjustments: what a closed statement would come to now, against what has been billed for its month.

A closed statement never changes. Usage that came or was corrected after it was closed is a fact and goes by itself to
the project's earliest open statement, as lines that lead back to their cause. A price is a decision: a closed month
keeps the prices that were known when it was closed, until somebody asks for it to be rated again (`rerate`).

Invariant: for every closed month, what it was closed with and all its adjustments add up to what it comes to from its
readings and the prices it goes by; so nothing is billed twice, whatever comes in whatever order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec

from cloudhall.domains.market import rating, rules
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.rating import Line, Piece
from cloudhall.kernel import amendments, usage
from cloudhall.kernel.kinds import field
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_us

if TYPE_CHECKING:
    from cloudhall.domains.market.statement import Statement

CAUSES_SHOWN = 10
Why = Literal["late", "correction", "price"]
NOTHING = T("无", "nothing")


class Cause(msgspec.Struct, frozen=True):
    """Why a line came out differently; `ref` names the reading, the correction or the price plan."""

    why: Why
    text: T
    ref: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was billed, or as it is now: quantities and prices by tier, and the amount."""

    plan: str = ""
    pieces: tuple[Piece, ...] = ()
    reckoning: T = NOTHING
    amount_fen: int = 0


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """The difference of one line of a closed statement: old and new quantity, price and amount, and why."""

    statement: str
    period: Annotated[str, field("账期", "Period")]
    meter: str
    title: Annotated[T, field("项目", "Item")]
    from_us: int
    to_us: int
    before: Side
    after: Side
    was: Annotated[T, field("原为", "Was")]
    becomes: Annotated[T, field("改为", "Is now")]
    causes: tuple[Cause, ...] = ()
    because: Annotated[T, field("原因", "Because")] = T("", "")
    amount_fen: Annotated[int, field("差额", "Difference", unit="fen")]


class Key(NamedTuple):
    """What makes two lines the same one."""

    meter: str
    from_us: int
    to_us: int


class Billed(NamedTuple):
    """What has been billed last for a line, and when."""

    side: Side
    title: T
    at_us: int


def known(plans: Iterable[PricePlan], at_us: int) -> list[PricePlan]:
    """Price plans that had been published at a time."""
    return [plan for plan in plans if plan.created_us <= at_us]


def pending(
    tx: Tx, closed: "Statement", statements: Sequence["Statement"], plans: Sequence[PricePlan], now_us: int
) -> list[Adjustment]:
    """What is owed for a closed month beyond what all closed statements of the project have billed for it.

    Cost: the month rated once; where it differs, a look at its readings of that meter.
    """
    period = rules.period_of(closed.spec.period)
    assert closed.spec.priced_at is not None
    prices = known(plans, to_us(closed.spec.priced_at))
    now = {_key(line): line for line in rating.lines(tx, closed.place, prices, period, now_us)}
    billed = _billed(closed, statements)
    keys = sorted(now.keys() | billed.keys())
    return [a for key in keys for a in _difference(tx, closed, key, billed.get(key), now.get(key))]


def _billed(closed: "Statement", statements: Sequence["Statement"]) -> dict[Key, Billed]:
    """Fold the closed statements in order: the month itself, then what later ones have adjusted."""
    found = {_key(line): Billed(_side(line), line.title, closed.status.closed_us) for line in closed.status.lines}
    for later in sorted(statements, key=lambda s: s.spec.period):
        if later.status.closed_us:
            for a in later.status.adjustments:
                if a.statement == closed.id:
                    found[Key(a.meter, a.from_us, a.to_us)] = Billed(a.after, a.title, later.status.closed_us)
    return found


def _difference(tx: Tx, closed: "Statement", key: Key, was: Billed | None, line: Line | None) -> Iterator[Adjustment]:
    before, after = was.side if was else Side(), _side(line) if line else Side()
    if (before.pieces, before.amount_fen) == (after.pieces, after.amount_fen):
        return
    since_us = was.at_us if was else closed.status.closed_us
    causes = tuple(_causes(tx, closed.place, key, before, after, since_us))
    title = line.title if line else was.title if was else T("", "")
    yield Adjustment(
        statement=closed.id,
        period=closed.spec.period,
        meter=key.meter,
        title=title,
        from_us=key.from_us,
        to_us=key.to_us,
        before=before,
        after=after,
        was=before.reckoning,
        becomes=after.reckoning,
        causes=causes,
        because=T("；".join(c.text.zh for c in causes), "; ".join(c.text.en for c in causes)),
        amount_fen=after.amount_fen - before.amount_fen,
    )


def _causes(tx: Tx, place: str, key: Key, before: Side, after: Side, since_us: int) -> Iterator[Cause]:
    """What has changed since the line was billed: prices, corrections, readings that came later."""
    if _prices(before) != _prices(after) and before.pieces and after.pieces:
        yield Cause("price", T(f"价格表 {after.plan}", f"price plan {after.plan}"), after.plan)
    begin_us = key.from_us - usage.look_back_us(key.meter)
    for row in amendments.within(tx, place, key.meter, begin_us, key.to_us):
        if row.sign > 0 and row.recorded_us > since_us:
            yield Cause("correction", T(f"更正：{row.reason}", f"corrected: {row.reason}"), row.id)
    late = usage.recorded_after(tx, place, key.meter, key.from_us, key.to_us, since_us, limit=CAUSES_SHOWN)
    for reading in late:
        name = f"{reading.source}/{reading.source_id}"
        yield Cause("late", T(f"结账后到达：{name}", f"came after closing: {name}"), name)


def _prices(side: Side) -> Mapping[int, None]:
    return dict.fromkeys(piece.unit_nano for piece in side.pieces)


def _side(line: Line) -> Side:
    return Side(plan=line.plan, pieces=line.pieces, reckoning=line.reckoning, amount_fen=line.amount_fen)


def _key(line: Line) -> Key:
    return Key(line.meter, line.from_us, line.to_us)
