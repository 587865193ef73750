"""The market answers: what does it cost, is it any good."""

from pathlib import Path

from cloudhall.domains.market.pages import PAGES
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel.registry import Domain
from cloudhall.kernel.text import T

DOMAIN = Domain(
    name="market",
    title=T("市场", "Market"),
    question=T("多少钱，好不好？", "What does it cost, is it any good?"),
    kinds=(PricePlan, Statement),
    depends_on=("identity",),
    clauses=("SYS-118", "SYS-119"),
    policies=(Path(__file__).parent / "policies.cedar").read_text(encoding="utf-8"),
    pages=PAGES,
)
