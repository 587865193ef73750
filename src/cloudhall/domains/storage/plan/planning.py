"""A plan put together, and several side by side. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cloudhall.domains.storage.plan.assumptions import Assumptions
from cloudhall.domains.storage.plan.costs import Costs, costs_of
from cloudhall.domains.storage.plan.durability import Exposed, Loss, exposed, loss_of
from cloudhall.domains.storage.plan.figures import Line, lines_of
from cloudhall.domains.storage.plan.repair import Repair, repair_of
from cloudhall.domains.storage.plan.scheme import Domain, Scheme
from cloudhall.domains.storage.plan.sizing import Layout, layout_of


class Plan(NamedTuple):
    """Everything that follows from a capacity, a scheme and assumptions."""

    scheme: Scheme
    domain: Domain
    layout: Layout
    repair: Repair
    costs: Costs
    loss: Loss
    exposed: Exposed
    a: Assumptions

    @property
    def lines(self) -> list[Line]:
        """Every figure with unit and formula."""
        return lines_of(self)

    def json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "scheme": self.scheme.name,
            "domain": str(self.domain),
            "capacity_bytes": self.layout.capacity_bytes,
            "lines": [line.json() for line in self.lines],
            "causes": [cause.json() for cause in self.loss.causes],
            "assumptions": [row.json() for row in self.a.rows.values()],
        }


def plan_of(capacity_bytes: int, scheme: Scheme, domain: Domain, a: Assumptions) -> Plan:
    """Plan a store; raises `Invalid` where the assumptions cannot be met."""
    layout = layout_of(capacity_bytes, scheme, domain, a)
    repair = repair_of(layout, scheme, a)
    costs = costs_of(layout, repair.failures_year, a)
    at_stake = exposed(scheme, domain, layout, repair, a)
    return Plan(scheme, domain, layout, repair, costs, loss_of(at_stake), at_stake, a)


def compared(capacity_bytes: int, schemes: Sequence[Scheme], domain: Domain, a: Assumptions) -> list[Plan]:
    """Plans of several schemes, the cheapest first."""
    plans = [plan_of(capacity_bytes, scheme, domain, a) for scheme in dict.fromkeys(schemes)]
    return sorted(plans, key=lambda plan: plan.costs.year_fen)
