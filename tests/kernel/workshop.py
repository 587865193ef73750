"""A domain of throw-away kinds: engines whose controller a test writes, parts that go with them, permits that block.

Their full names begin with `kernel.`, after the folder they lie in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

from cloudhall.installation import DOMAINS
from cloudhall.kernel.context import Context
from cloudhall.kernel.kinds import (
    Condition,
    Index,
    Kind,
    Look,
    NoArgs,
    Outcome,
    Quota,
    Ready,
    Spec,
    Status,
    T,
    action,
    controller,
    edit,
    field,
    finalizer,
)
from cloudhall.kernel.ports import Port, reads
from cloudhall.kernel.registry import Domain
from cloudhall.kernel.roles import DEVELOPER, VIEWER
from tests.kit.hall import Hall, opened

ALLOW = {"read": (DEVELOPER, VIEWER), "create": (DEVELOPER,), "update": (DEVELOPER,), "delete": (DEVELOPER,)}


class EngineSpec(Spec, frozen=True, kw_only=True):
    speed: Annotated[int, field("转速", "Speed", unit="rpm", ge=0, le=9_000)] = 0
    serial: Annotated[str, field("序列号", "Serial")] = ""
    braked: Annotated[bool, field("已刹车", "Braked", by=("brake",))] = False


class EngineStatus(Status, kw_only=True):
    speed: Annotated[int, field("实际转速", "Speed seen", unit="rpm")] = 0


class Engine(
    Kind[EngineSpec, EngineStatus],
    title=T("发动机", "Engine"),
    prefix="zg",
    doc=T("测试用", "For tests"),
    allow=ALLOW,
    indexes=(Index("spec.serial", unique=True), Index("spec.speed")),
    quotas=(Quota("speed", "spec.speed", T("转速", "Speed"), "rpm", default=10_000),),
    within_s=60,
):
    """Has a controller that the test writes."""


@action(Engine, T("刹车", "Brake"), allow=(DEVELOPER,), when=lambda e: not e.spec.braked)
def brake(e: Engine, _args: NoArgs, _look: Look) -> EngineSpec:
    return edit(e.spec, braked=True, speed=0)


class PartSpec(Spec, frozen=True, kw_only=True):
    engine: Annotated[str, field("发动机", "Engine", ref="kernel.engine", on_delete="cascade")]


class Part(
    Kind[PartSpec, Status],
    title=T("零件", "Part"),
    prefix="zq",
    doc=T("测试用", "For tests"),
    auto_name=True,
    allow=ALLOW,
):
    """Goes with its engine."""


class ScrewSpec(Spec, frozen=True, kw_only=True):
    part: Annotated[str, field("零件", "Part", ref="kernel.part", on_delete="cascade")]


class Screw(
    Kind[ScrewSpec, Status],
    title=T("螺丝", "Screw"),
    prefix="zs",
    doc=T("测试用", "For tests"),
    auto_name=True,
    allow=ALLOW,
):
    """Goes with its part."""


class PermitSpec(Spec, frozen=True, kw_only=True):
    engine: Annotated[str, field("发动机", "Engine", ref="kernel.engine")]


class Permit(
    Kind[PermitSpec, Status],
    title=T("许可", "Permit"),
    prefix="zt",
    doc=T("测试用", "For tests"),
    allow=ALLOW,
):
    """Keeps its engine from being deleted."""


class Motors(Protocol):
    """What turns."""

    @reads
    def speed(self, id: str) -> int:
        """Speed that an engine turns at."""

    def turn(self, id: str, speed: int) -> None:
        """Turn from now on."""


MOTORS = Port[Motors]("motors", Motors)


class MemoryMotors:
    """Motors that a test can look into."""

    def __init__(self) -> None:
        self.speeds: dict[str, int] = {}
        self.turned: list[tuple[str, int]] = []

    def speed(self, id: str) -> int:
        return self.speeds.get(id, 0)

    def turn(self, id: str, speed: int) -> None:
        self.speeds[id] = speed
        self.turned.append((id, speed))


Reconcile = Callable[[Engine, Context], Outcome]


def follow(e: Engine, ctx: Context) -> Outcome:
    """The well-behaved controller: look, compare, one effect."""
    motors = ctx.use(MOTORS)
    e.status.speed = motors.speed(e.id)
    if e.status.speed != e.spec.speed:
        motors.turn(e.id, e.spec.speed)
    return Ready()


def stop(e: Engine, ctx: Context) -> Outcome:
    """The well-behaved finalizer."""
    motors = ctx.use(MOTORS)
    if motors.speed(e.id):
        motors.turn(e.id, 0)
    return Ready()


class Written:
    """The controller and finalizer in use; a test puts its own in."""

    reconcile: Reconcile = staticmethod(follow)
    finalize: Reconcile = staticmethod(stop)


@controller(Engine)
def reconcile(e: Engine, ctx: Context) -> Outcome:
    return Written.reconcile(e, ctx)


@finalizer(Engine)
def finalize(e: Engine, ctx: Context) -> Outcome:
    return Written.finalize(e, ctx)


WORKSHOP = Domain(
    name="workshop",
    title=T("车间", "Workshop"),
    question=T("什么在转？", "What turns?"),
    kinds=(Engine, Part, Screw, Permit),
)


class Shop:
    """A hall with the workshop in it, a project, and a developer."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.kernel, self.world = hall, hall.kernel, hall.world
        self.motors = MemoryMotors()
        hall.kernel.drivers["motors"] = self.motors
        self.project = hall.project()
        self.developer = hall.staff[DEVELOPER]

    def do(self, kind: type[Kind[Any, Any]], verb: str, **what: Any) -> dict[str, Any]:
        if verb == "create":
            what.setdefault("place", self.project)
        return self.hall.do(self.developer, kind, verb, **what)

    def engine(self, name: str = "motor", **spec: Any) -> str:
        return str(self.do(Engine, "create", name=name, spec={"serial": name, **spec})["id"])

    def part(self, engine: str) -> str:
        return str(self.do(Part, "create", spec={"engine": engine})["id"])

    def one_round(self) -> int:
        """Run one round of passes."""
        return self.kernel.reconciler.run_due(rounds=1)

    def passes(self) -> int:
        """Run what is due now and count."""
        return self.kernel.reconciler.run_due()

    def condition(self, engine: str, type_: str = "Ready") -> Condition:
        found = self.row(engine).condition(type_)
        assert found is not None
        return found

    def row(self, id_: str) -> Engine:
        row = self.hall.row(Engine, id_)
        assert isinstance(row, Engine)
        return row


@contextmanager
def well_behaved() -> Iterator[None]:
    """Put the well-behaved controller in for a while."""
    before, Written.reconcile = Written.reconcile, follow
    try:
        yield
    finally:
        Written.reconcile = before


@contextmanager
def working(reconcile: Reconcile = follow, finalize: Reconcile = stop) -> Iterator[Shop]:
    """Open a workshop whose engines have this controller."""
    Written.reconcile, Written.finalize = reconcile, finalize
    with opened((*DOMAINS, WORKSHOP)) as hall:
        yield Shop(hall)
