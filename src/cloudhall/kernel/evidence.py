"""What lies behind one amount: readings, what still holds, and the gaps between, the newest first.

Read for people, never for a sum: `usage.py` and prices add up from the rows themselves.
"""

from typing import NamedTuple

from cloudhall.kernel import levels, usage
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.metering import Gap
from cloudhall.kernel.store import Tx
from cloudhall.kernel.usage import Booked

READ_MAX = 10_000


class Evidence(NamedTuple):
    """One row: a reading that counts, or `gap` where nobody measured. `still_holds` is cut when it ends."""

    span: Span
    booked: Booked | None = None
    gap: Gap | None = None
    still_holds: bool = False


def behind(tx: Tx, project: str, meter: str, resource: str, window: Span, now_us: int, *, limit: int) -> list[Evidence]:
    """Newest rows behind the use of one resource in a period. Cost: its readings in it, `READ_MAX` at most."""
    mine = (meter, resource)
    read = usage.readings(tx, project, *mine, *window, limit=READ_MAX)
    held = levels.open_stretches(tx, project, min(now_us, window.to_us))
    found = [Evidence(Span(b.reading.from_us, b.reading.to_us), b) for b in read]
    found += [
        Evidence(Span(r.from_us, r.to_us), Booked(r), still_holds=True)
        for r in held
        if (r.meter, r.resource) == mine and r.to_us > window.from_us
    ]
    found += [
        Evidence(Span(g.from_us, g.to_us), gap=g)
        for g in usage.gaps(tx, project, *window)
        if (g.meter, g.resource) == mine
    ]
    return sorted(found, key=lambda e: e.span, reverse=True)[:limit]
