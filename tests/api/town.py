"""A town with a few kinds and people, served over HTTP: what the tests of the interface talk to."""

import contextlib
import datetime
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import uvicorn
from starlette.testclient import TestClient

from cloudhall.api.app import create_app
from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import SCHEMAS as IDENTITY_SCHEMAS
from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import credentials, places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import (
    Blocked,
    Index,
    Kind,
    Look,
    Meter,
    NoArgs,
    Outcome,
    Quota,
    Ready,
    Spec,
    Status,
    T,
    action,
    check,
    controller,
    edit,
    field,
    preview,
)
from cloudhall.kernel.metering import MeterDef, define
from cloudhall.kernel.registry import Domain, Registry
from cloudhall.kernel.roles import ADMINISTRATORS, AUDIT_ADMIN, DEVELOPER, SYSTEM_ADMIN, VIEWER

ROOT = Caller(id="pe-root")
GIB = define(
    MeterDef(
        key="town.box_gib",
        title=T("箱容量", "Box space"),
        unit=T("GiB", "GiB"),
        aggregation="level",
        scale=T("百万分之一 GiB", "a millionth of a GiB"),
        precision=T("精确", "exact"),
        method=T("按申请", "as asked"),
        test="tests/api/test_usage.py",
    )
)
OPENED = define(
    MeterDef(
        key="town.opened",
        title=T("开箱次数", "Times opened"),
        unit=T("次", "times"),
        aggregation="sum",
        scale=T("百万分之一次", "a millionth of a time"),
        precision=T("精确", "exact"),
        method=T("计数", "counted"),
        test="tests/api/test_usage.py",
    )
)


class BoxSpec(Spec, frozen=True, kw_only=True):
    size_gib: Annotated[int, field("大小", "Size", unit="GiB", ge=1, le=1_000, example=20)]
    grade: Annotated[Literal["open", "internal", "secret"], field("级别", "Grade")] = "internal"
    sealed: Annotated[bool, field("已封", "Sealed", by=("seal",))] = False
    note: Annotated[str, field("备注", "Note", T("给人看的", "for people"), max_length=200)] = ""
    tags: Annotated[dict[str, str], field("标记", "Tags")] = {}  # noqa: RUF012  msgspec gives each instance its own
    opens_at: Annotated[datetime.datetime | None, field("启用时间", "Opens at")] = None
    colour: Annotated[str, field("颜色", "Colour", immutable=True)] = "brown"


class Box(
    Kind[BoxSpec, Status],
    title=T("箱", "Box"),
    prefix="bx",
    plural="boxes",
    doc=T("放东西", "Holds things"),
    allow={
        "read": (VIEWER, DEVELOPER),
        "create": (DEVELOPER,),
        "update": (DEVELOPER,),
        "delete": (DEVELOPER,),
    },
    indexes=(
        Index("spec.grade"),
        Index("spec.size_gib"),
        Index("spec.sealed"),
        Index("spec.opens_at"),
        Index("spec.note"),
    ),
    quotas=(Quota("box_gib", "spec.size_gib", T("箱容量", "Box space"), "GiB", 100_000),),
    meters=(Meter(GIB.key, "spec.size_gib"),),
    demo=({"name": "stats-2026", "spec": {"size_gib": 20}},),
):
    """A box."""


class Resize(Spec, frozen=True, kw_only=True):
    size_gib: Annotated[int, field("大小", "Size", unit="GiB", ge=1, le=1_000)]


@action(Box, T("改大小", "Resize"), allow=(DEVELOPER,))
def resize(box: Box, args: Resize, _look: Look) -> BoxSpec:
    return edit(box.spec, size_gib=args.size_gib)


@action(
    Box,
    T("封箱", "Seal"),
    allow=(DEVELOPER,),
    when=lambda b: not b.spec.sealed,
    why_not=T("已经封好", "Sealed already"),
)
def seal(box: Box, _args: NoArgs, _look: Look) -> BoxSpec:
    return edit(box.spec, sealed=True)


@check(Box)
def no_red_boxes(new: Box, _old: Box | None, _look: Look) -> Iterable[Problem]:
    if new.spec.colour == "red":
        yield Problem("COLOUR", "/spec/colour", T("不要红色", "Not in red"))


@preview(Box)
def how_big(new: Box, _look: Look) -> T:
    return T(f"将占 {new.spec.size_gib} GiB", f"Will take {new.spec.size_gib} GiB")


class LidSpec(Spec, frozen=True, kw_only=True):
    box: Annotated[str, field("箱", "Box", ref="town.box", on_delete="cascade", immutable=True)]
    fits: Annotated[bool, field("合适", "Fits")] = True


class Lid(
    Kind[LidSpec, Status],
    title=T("盖", "Lid"),
    prefix="ld",
    doc=T("盖箱子", "Closes a box"),
    allow={"read": (VIEWER, DEVELOPER), "create": (DEVELOPER,), "update": (DEVELOPER,), "delete": (DEVELOPER,)},
):
    """A lid: its controller is ready when it fits, blocked when not."""


@controller(Lid)
def close(lid: Lid, _ctx: Context) -> Outcome:
    return Ready() if lid.spec.fits else Blocked("DoesNotFit", T("盖不上", "does not fit"))


class BadgeSpec(Spec, frozen=True, kw_only=True):
    rank: Annotated[int, field("级", "Rank", ge=1)] = 1


class Badge(
    Kind[BadgeSpec, Status],
    title=T("徽章", "Badge"),
    prefix="bd",
    scope="platform",
    doc=T("全平台的", "Of the platform"),
    allow={"read": (*ADMINISTRATORS, VIEWER), "create": (SYSTEM_ADMIN,)},
):
    """Cannot be edited or deleted."""


TOWN = Domain(
    name="town",
    title=T("小镇", "Town"),
    question=T("有什么？", "What is there?"),
    kinds=(Box, Lid, Badge),
    meters=(GIB, OPENED),
)
for kind_ in TOWN.kinds:
    kind_.meta.domain = "town"


class Town:
    """A kernel with two projects, and people who hold roles there."""

    def __init__(self, home: Path, database: str = "") -> None:
        """Found the town."""
        self.kernel = Kernel(Registry([IDENTITY, TOWN]), home, schemas=IDENTITY_SCHEMAS, database=database)
        self.app = create_app(self.kernel)
        for role in (SYSTEM_ADMIN, "org_admin", DEVELOPER):
            self.grant(ROOT.id, role, places.PLATFORM)
        self.bureau = self.make(Organisation, "bureau", spec={"title_zh": "局"})
        self.project = self.make(Project, "census", "bureau", {"title_zh": "普查"})
        self.other = self.make(Project, "harbour", "bureau", {"title_zh": "港口"})
        self.people: dict[str, str] = {}
        for name, role, place in (
            ("dev", DEVELOPER, self.project),
            ("viewer", VIEWER, self.project),
            ("stranger", DEVELOPER, self.other),
            ("auditor", AUDIT_ADMIN, places.PLATFORM),
            ("admin", SYSTEM_ADMIN, places.PLATFORM),
        ):
            self.people[name] = self.make(Person, name, "bureau", {"display_name": name.title()})
            self.grant(self.people[name], role, place)

    def make(self, kind: type[Kind[Any, Any]], name: str, place: str = "", spec: Mapping[str, Any] = {}) -> str:
        """Create something as root; answers its id."""
        command = Command(kind=kind, verb="create", name=name, place=place, spec=dict(spec))
        return str(self.kernel.execute(ROOT, command).result().body["id"])

    def grant(self, who: str, role: str, place: str) -> None:
        self.kernel.store.write(
            lambda tx: places.set_grant(tx, f"{who}/{role}/{place}", who, role, place, None)
        ).result()

    def token(self, name: str) -> str:
        """Open a session without the price of a password hash."""
        secret = credentials.make(sessions.SESSION_PREFIX, sessions.SESSION_LENGTH, self.kernel.world)
        row = (credentials.digest(secret), self.people[name], 0, 2**52, 0, "password", "", "")
        insert = "INSERT INTO identity_login VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self.kernel.store.write(lambda tx: tx.execute(insert, row)).result()
        return secret

    def client(self, name: str = "", **headers: str) -> TestClient:
        """Return a client of the interface, logged in where a name is given; it answers errors instead of raising."""
        bearer = {"Authorization": f"Bearer {self.token(name)}"} if name else {}
        base = "http://testserver/api/v1"
        return TestClient(self.app, base_url=base, headers=bearer | headers, raise_server_exceptions=False)

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Serve over a real socket of loopback, for streams; answers the address."""
        config = uvicorn.Config(self.app, port=0, log_level="warning", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            self.app.state.host.bell.close()
            server.should_exit = True
            thread.join()
