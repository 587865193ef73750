"""Statement · 账单. Written by `make docs` from the declaration of market.statement."""

from collections.abc import Sequence
from typing import ClassVar, Literal, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource, Texts


class StatementSpec(TypedDict):
    """What people decided."""

    period: str
    """Period · 账期"""
    closed_at: str | None
    """Closed at · 结账时间"""
    priced_at: str | None
    """Prices as of · 价格截至 · by what was published then · 按此时已公布的价格"""
    reason: str
    """Why rated again · 重新计价的理由"""


class StatementPiece(TypedDict):
    """Quantity (millionths of the priced unit) × unit price (nano-yuan) of one tier; both shown, neither summed."""

    quantity_micro: int
    """quantity_micro"""
    unit_nano: int
    """unit_nano"""
    amount_nano: int
    """amount_nano"""
    included: bool
    """included"""


class StatementRow(TypedDict):
    """One resource's share of a line."""

    resource: str
    """resource"""
    quantity_micro: int
    """quantity_micro"""
    amount_fen: int
    """amount_fen"""


class StatementLine(TypedDict):
    """One meter under one version of its price. `lot` of `counted` are one priced `unit`; people count in `counted`."""

    meter: str
    """meter"""
    title: Texts
    """Item · 项目"""
    plan: str
    """plan"""
    unit: Texts
    """unit"""
    counted: Texts
    """counted"""
    lot: int
    """lot"""
    from_us: int
    """from_us"""
    to_us: int
    """to_us"""
    pieces: list[StatementPiece]
    """pieces"""
    rows: list[StatementRow]
    """rows"""
    reckoning: Texts
    """Quantity × price · 数量 × 单价"""
    amount_fen: int
    """Amount (fen) · 金额"""


class StatementSide(TypedDict):
    """A line as it was billed, or as it is now: quantities and prices by tier, and the amount."""

    plan: str
    """plan"""
    pieces: list[StatementPiece]
    """pieces"""
    reckoning: Texts
    """reckoning"""
    amount_fen: int
    """amount_fen"""


class StatementCause(TypedDict):
    """Why a line came out differently; `ref` names the reading, the correction or the price plan."""

    why: Literal["late", "correction", "price"]
    """why"""
    text: Texts
    """text"""
    ref: str
    """ref"""


class StatementAdjustment(TypedDict):
    """The difference of one line of a closed statement: old and new quantity, price and amount, and why."""

    statement: str
    """statement"""
    period: str
    """Period · 账期"""
    meter: str
    """meter"""
    title: Texts
    """Item · 项目"""
    from_us: int
    """from_us"""
    to_us: int
    """to_us"""
    before: StatementSide
    """before"""
    after: StatementSide
    """after"""
    was: Texts
    """Was · 原为"""
    becomes: Texts
    """Is now · 改为"""
    causes: list[StatementCause]
    """causes"""
    because: Texts
    """Because · 原因"""
    amount_fen: int
    """Difference (fen) · 差额"""


class StatementStatus(TypedDict):
    """What the program found out."""

    total_fen: int
    """Total (fen) · 合计"""
    as_of_us: int
    """As of (µs) · 截至"""
    closed_us: int
    """Closed (µs) · 已结账"""
    lines: list[StatementLine]
    """Lines · 明细"""
    adjustments: list[StatementAdjustment]
    """Adjustments · 前期调整"""
    adjusted_us: int
    """Earlier months looked at (µs) · 前期核对于"""
    gaps: int
    """Gaps · 缺口 · stretches not measured, not charged · 没有测到的时段，不收费"""
    digest: str
    """Digest · 摘要 · SHA-256 of what was closed · 结账内容的 SHA-256"""


class Statement(Resource):
    """Statement · 账单."""

    project: str
    spec: StatementSpec
    status: StatementStatus


class StatementWhere(TypedDict, total=False):
    """What a list of statements is filtered by."""

    period: str | Sequence[str]


class StatementInput(TypedDict):
    """What a new one is made from."""

    period: str
    """Period · 账期"""


class StatementRerate(TypedDict):
    """Arguments of statement rerate."""

    reason: str
    """Reason · 理由"""


class Statements(Reads[Statement, StatementWhere], Makes[Statement, StatementInput]):
    """Statement · 账单.

    What a project owes for a month: each line is quantity × price × time, down to its readings. Closed, it never
    changes; a difference goes to the next one as an adjustment.
    项目当月应付多少：每行是数量 × 单价 × 时间，可查到每次读数。结账后不再变动，差额作为调整计入下一张。
    """

    kind: ClassVar[str] = "market.statement"
    plural: ClassVar[str] = "statements"
    scope: ClassVar[str] = "project"

    def retry(self, target: str, **how: Unpack[How]) -> Statement:
        """Retry now · 立即重试."""
        return cast("Statement", self._act(target, "retry", {}, how))

    def close(self, target: str, **how: Unpack[How]) -> Statement:
        """Close · 结账."""
        return cast("Statement", self._act(target, "close", {}, how))

    def rerate(self, target: str, args: StatementRerate, **how: Unpack[How]) -> Statement:
        """Rate again · 重新计价."""
        return cast("Statement", self._act(target, "rerate", args, how))
