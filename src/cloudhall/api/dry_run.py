"""What a change would do, before it is done: room, rates, price, and what else happens."""

from typing import Any

from cloudhall.api.bin import content
from cloudhall.kernel.commands import Charge, Plan
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.wire import safe_integers, to_wire


def to_preview(kernel: Kernel, plan: Plan) -> dict[str, Any]:
    """Render a plan. `price` is there where the installation sells."""
    preview = {
        "allowed": True,
        "operation": plan.operation,
        "resource": to_wire(plan.new),
        "policies": plan.policies,
        "quota": [_quota(c) for c in plan.charges],
        "rates": [_rate(kernel, meter, level) for meter, level in plan.rates],
        "preview": plan.previews,
        "goes_too": [{"kind": type(r).meta.key, "id": r.id, "name": r.name} for r in plan.goes_too],
    }
    if plan.destroys:
        preview["destroys"] = [content(c) for c in plan.destroys]
    if kernel.pricing is not None:
        preview["price"] = safe_integers(kernel.pricing(plan))
    return preview


def _quota(charge: Charge) -> dict[str, Any]:
    """`used` and `room` are those before the change, in the quota's unit."""
    return {
        "key": charge.quota.key,
        "title": charge.quota.title,
        "unit": charge.quota.unit,
        "used": charge.used,
        "room": charge.room,
        "asked": charge.amount,
    }


def _rate(kernel: Kernel, key: str, level: int) -> dict[str, Any]:
    """Return what a meter will count from now on, in the meter's unit."""
    meter = kernel.registry.meters[key]
    return {"meter": key, "title": meter.title, "unit": meter.unit, "level": level}
