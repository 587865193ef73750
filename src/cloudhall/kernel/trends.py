"""How use went over time: what each step of a period adds, with what still holds and is in no reading yet.

For people who look, in micro-units: a sum as it is, a level as its average over the step, rounded down. Never for
prices, which take level x time exactly (`usage.py`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from cloudhall.kernel import levels, usage
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.metering import METERS, MeterDef
from cloudhall.kernel.store import Tx


def trend(tx: Tx, project: str, meter: MeterDef, spans: Sequence[Span], now_us: int) -> Mapping[str, tuple[int, ...]]:
    """Use of one meter in each span, by resource. Cost: the project's readings of this meter in all of them."""
    held = [r for r in levels.open_stretches(tx, project, now_us) if r.meter == meter.key]
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(spans))
    for i, span in enumerate(spans):
        for total in usage.of_meter(tx, project, meter.key, span):
            found[total.resource][i] += total.quantity
        for r in held:
            found[r.resource][i] += usage.share(r, *span)
    return {id_: tuple(_shown(meter, q, s) for q, s in zip(found[id_], spans, strict=True)) for id_ in sorted(found)}


def amounts(tx: Tx, project: str, window: Span, now_us: int) -> Mapping[str, int]:
    """Use of a project in a period, by meter."""
    found: dict[str, int] = defaultdict(int)
    for total in usage.totals(tx, project, *window):
        found[total.meter] += total.quantity
    for r in levels.open_stretches(tx, project, now_us):
        found[r.meter] += usage.share(r, *window)
    return {key: _shown(METERS[key], quantity, window) for key, quantity in found.items()}


def whole(meter: MeterDef, amounts: Sequence[int], spans: Sequence[Span]) -> int:
    """Amount of all spans together: the sum of a sum, the average of a level."""
    if meter.aggregation == "sum":
        return sum(amounts)
    times = sum(a * span.length_us for a, span in zip(amounts, spans, strict=True))
    return times // max(sum(span.length_us for span in spans), 1)


def _shown(meter: MeterDef, quantity: int, span: Span) -> int:
    return quantity // max(span.length_us, 1) if meter.aggregation == "level" else quantity
