"""A kernel with one kind of platform resources, for tests of the way of a change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Index, Kind, Spec, Status, T, field
from cloudhall.kernel.registry import Domain, Registry
from cloudhall.kernel.roles import SYSTEM_ADMIN, VIEWER

KEEPER = Caller(id="pe-keeper")
READER = Caller(id="pe-reader")


class ParcelSpec(Spec, frozen=True, kw_only=True):
    weight_kg: Annotated[int, field("重量", "Weight", unit="kg", ge=1, le=1_000)]
    colour: Annotated[str, field("颜色", "Colour")] = "brown"
    stamps: Annotated[dict[str, int], field("邮票", "Stamps")] = {}  # noqa: RUF012  msgspec gives each instance its own
    sender: Annotated[str | None, field("寄件人", "Sender")] = None


class Parcel(
    Kind[ParcelSpec, Status],
    title=T("包裹", "Parcel"),
    prefix="zp",
    doc=T("测试用", "For tests"),
    scope="platform",
    allow={"read": (SYSTEM_ADMIN, VIEWER), "create": (SYSTEM_ADMIN,), "update": (SYSTEM_ADMIN,)},
    indexes=(Index("spec.colour"),),
):
    """A thing with a weight."""


SHELF = Domain(name="shelf", title=T("货架", "Shelf"), question=T("在哪里？", "Where is it?"), kinds=(Parcel,))


def opened(home: Path) -> Kernel:
    """Open a kernel whose keeper may change parcels and whose reader may look at them."""
    kernel = Kernel(Registry([SHELF]), home)
    for who, role in ((KEEPER, SYSTEM_ADMIN), (READER, VIEWER)):
        kernel.store.write(
            lambda tx, who=who, role=role: places.set_grant(tx, f"gr-{role}", who.id, role, places.PLATFORM, None)  # type: ignore[misc]  # bound in the default
        ).result()
    return kernel


def create(name: str = "box", key: str = "", **spec: Any) -> Command:
    return Command(kind=Parcel, verb="create", name=name, spec={"weight_kg": 2, **spec}, key=key)


def update(spec: Mapping[str, Any] | None = None, target: str = "box", **more: Any) -> Command:
    return Command(kind=Parcel, verb="update", target=target, spec=spec, **more)
