"""Pages that say more than the generated ones: a bucket with its curve and how to reach it, a new key ready to use."""

import datetime
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.storage import objects
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.domains.storage.plan import page as plan
from cloudhall.kernel import levels, usage
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.metering import Reading
from cloudhall.kernel.pages import Page, Tool
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

STEPS = 24
HOUR_US, DAY_US = 3_600 * SECOND_US, 86_400 * SECOND_US
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
STORED, WRITES, READS = "storage.stored_bytes", "storage.requests_a", "storage.requests_b"


class Point(NamedTuple):
    """One value of a chart; `label` names its place on the axis."""

    label: str
    value: int


def bucket(kernel: "Kernel", caller: Caller, b: Bucket, _query: Mapping[str, str]) -> dict[str, Any]:
    """Stored bytes and requests since the bucket was made, a month at most, and how clients reach it."""
    now, tx = kernel.world.now_us(), kernel.store.read()
    from_us = max(b.created_us, now - 30 * DAY_US)
    edges = [from_us + (now - from_us) * step // STEPS for step in range(STEPS + 1)]
    held = [*_readings(tx, b, STORED, from_us, now), *_open(tx, b, now)]
    writes, reads = (_readings(tx, b, meter, from_us, now) for meter in (WRITES, READS))
    asked = [_sum(writes, begin, end) + _sum(reads, begin, end) for begin, end in pairwise(edges)]
    return {
        "stored": [Point(_label(at, now - from_us), _level_at(held, at)) for at in edges[1:]],
        "requests": [Point(_label(at, now - from_us), n) for at, n in zip(edges[1:], asked, strict=True)],
        "requests_total": sum(asked),
        "browse": b.status.made and objects.may(kernel, caller, objects.LIST, b),
        "quota_bytes": b.spec.quota_gib * 1024**3,
    }


def key_created(kernel: "Kernel", _caller: Caller, key: AccessKey, _query: Mapping[str, str]) -> dict[str, Any]:
    """What a new key is good for: its bucket and where it listens."""
    of = kernel.tables[Bucket].get(kernel.store.read(), key.spec.bucket)
    return {"bucket": of}


def _readings(tx: Any, b: Bucket, meter: str, from_us: int, to_us: int) -> list[Reading]:
    return usage.standing(usage.readings(tx, b.place, meter, b.id, from_us, to_us, limit=10_000))


def _open(tx: Any, b: Bucket, now_us: int) -> list[Reading]:
    return [r for r in levels.open_stretches(tx, b.place, now_us) if r.resource == b.id and r.meter == STORED]


def _level_at(held: Sequence[Reading], at_us: int) -> int:
    """Bytes that held just before a time; the last known where the engine has not said yet."""
    known = [r for r in held if r.from_us < at_us]
    return max(known, key=lambda r: r.from_us).quantity_micro if known else 0


def _sum(readings: Sequence[Reading], from_us: int, to_us: int) -> int:
    return sum(r.quantity_micro for r in readings if from_us < r.to_us <= to_us) // 1_000_000


def _label(at_us: int, span_us: int) -> str:
    moment = datetime.datetime.fromtimestamp(at_us // SECOND_US, SHANGHAI)
    return moment.strftime("%H:%M:%S" if span_us < HOUR_US else "%H:%M" if span_us < 2 * DAY_US else "%m-%d")


PAGES = (
    Page(kind="storage.bucket", view="detail", template="bucket.html", context=bucket),
    Page(kind="storage.access_key", view="created", template="key_created.html", context=key_created),
)
TOOLS = (
    Tool(
        path="storage-plan",
        title=T("存储规划", "Storage plan"),
        about=T("要多少硬盘、机架和电，会丢多少", "how many disks and racks, how much power, how much is lost"),
        icon="rack",
        group="operate",
        template="storage/plan.html",
        context=plan.context,
    ),
)
