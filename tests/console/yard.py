"""A yard with a few kinds and people, behind the console: what its tests visit.

Names of things are invented words, so that a test can tell a name (data) from a word that the console says.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from starlette.applications import Starlette
from starlette.testclient import TestClient

from cloudhall.api.app import create_app
from cloudhall.console.app import console_routes
from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import SCHEMAS as IDENTITY_SCHEMAS
from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import credentials, places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command, Plan
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import (
    Blocked,
    Index,
    Kind,
    Look,
    NoArgs,
    Outcome,
    Quota,
    Ready,
    Secret,
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
from cloudhall.kernel.pages import Page
from cloudhall.kernel.registry import Domain, Registry
from cloudhall.kernel.roles import AUDIT_ADMIN, DEVELOPER, SECURITY_ADMIN, SYSTEM_ADMIN, VIEWER

ROOT = Caller(id="pe-root")
PASSWORD = "horse-battery"
Colour = Literal["red", "green", "blue"]
COLOURS = {"red": T("红", "Red"), "green": T("绿", "Green"), "blue": T("蓝", "Blue")}


class ShedSpec(Spec, frozen=True, kw_only=True):
    """One field of each shape that a form knows."""

    area_m2: Annotated[int, field("面积", "Area", T("占地", "on the ground"), unit="m²", ge=1, le=9_000, example=20)]
    colour: Annotated[Colour, field("颜色", "Colour", choices=COLOURS)] = "green"
    roofed: Annotated[bool, field("有顶", "Roofed")] = True
    note: Annotated[str, field("备注", "Note", max_length=2_000)] = ""
    tags: Annotated[dict[str, str], field("标记", "Tags")] = {}  # noqa: RUF012  msgspec gives each instance its own
    keepers: Annotated[list[str], field("看守", "Keepers")] = []  # noqa: RUF012  as above
    uses: Annotated[list[Colour], field("用途色", "Use colours", choices=COLOURS)] = []  # noqa: RUF012  as above
    opens_at: Annotated[datetime.datetime | None, field("启用", "Opens")] = None
    built: Annotated[datetime.date | None, field("建成", "Built")] = None
    grade: Annotated[str, field("等次", "Grade", immutable=True)] = "z9"
    locked: Annotated[bool, field("已锁", "Locked", by=("lock",))] = False


class ShedStatus(Status, kw_only=True):
    stored_bytes: Annotated[int, field("存量", "Stored")] = 0
    rent_fen: Annotated[int, field("租金", "Rent")] = 0
    seen_us: Annotated[int, field("最近查看", "Last seen")] = 0


class Shed(
    Kind[ShedSpec, ShedStatus],
    title=T("棚", "Shed"),
    prefix="sx",
    doc=T("放工具的棚子。", "A place for tools."),
    allow={
        "read": (VIEWER, DEVELOPER),
        "create": (DEVELOPER,),
        "update": (DEVELOPER,),
        "delete": (DEVELOPER,),
    },
    indexes=(Index("spec.colour"), Index("spec.roofed"), Index("spec.area_m2")),
    quotas=(Quota("yard_m2", "spec.area_m2", T("场地", "Ground"), "m²", 500),),
    columns=("name", "state", "spec.colour", "spec.area_m2", "status.stored_bytes", "status.rent_fen"),
    icon="dc",
    group="use",
):
    """A shed."""


@check(Shed)
def blue_sheds_are_small(new: Shed, _old: Shed | None, _look: Look) -> Iterable[Problem]:
    if new.spec.colour == "blue" and new.spec.area_m2 > 100:
        yield Problem("SIZE", "/spec/area_m2", T("蓝色的不超过 100", "Blue ones have at most 100"))


@preview(Shed)
def who_will_see_it(_new: Shed, _look: Look) -> T:
    return T("从街上可见", "Seen from the street")


@controller(Shed)
def keep(shed: Shed, ctx: Context) -> Outcome:
    shed.status.stored_bytes, shed.status.rent_fen = 3 * 1024**2, 123_456
    ctx.condition("Dry", shed.spec.roofed, "NoRoof", T("没有顶，会漏雨", "no roof, rain comes in"))
    return Ready() if shed.spec.colour != "red" else Blocked("Painting", T("等待上漆", "waits for paint"))


class Paint(Spec, frozen=True, kw_only=True):
    colour: Annotated[Colour, field("颜色", "Colour", choices=COLOURS)]
    coats: Annotated[int, field("遍数", "Coats", ge=1, le=5, example=2)]


@action(Shed, T("上漆", "Paint"), allow=(DEVELOPER,))
def paint(shed: Shed, args: Paint, _look: Look) -> ShedSpec:
    return edit(shed.spec, colour=args.colour)


@action(
    Shed,
    T("上锁", "Lock"),
    allow=(DEVELOPER,),
    when=lambda s: not s.spec.locked,
    why_not=T("已经锁好", "Locked already"),
)
def lock(shed: Shed, _args: NoArgs, _look: Look) -> ShedSpec:
    return edit(shed.spec, locked=True)


class ToolSpec(Spec, frozen=True, kw_only=True):
    shed: Annotated[str, field("所在棚", "Shed", ref="yard.shed", on_delete="cascade", immutable=True)]


class Tool(
    Kind[ToolSpec, Status],
    title=T("工具", "Tool"),
    prefix="tx",
    doc=T("带密码的工具。", "A tool with a secret."),
    auto_name=True,
    allow={"read": (VIEWER, DEVELOPER), "create": (DEVELOPER,), "delete": (DEVELOPER,)},
    secret=Secret(prefix="tool"),
    icon="key",
    group="use",
):
    """Its secret is shown once."""


class SignSpec(Spec, frozen=True, kw_only=True):
    title_zh: Annotated[str, field("中文字", "Chinese words", max_length=20)]
    title_en: Annotated[str, field("英文字", "English words", max_length=20)] = ""


class Sign(
    Kind[SignSpec, Status],
    title=T("牌", "Sign"),
    prefix="sg",
    doc=T("立在路口的牌子。", "It stands at the corner."),
    scope="platform",
    allow={"read": (VIEWER, DEVELOPER, SYSTEM_ADMIN), "create": (SYSTEM_ADMIN,)},
    icon="flag",
    group="organisation",
):
    """Has a list page of its own, and can never be deleted."""


def _sheds(kernel: Kernel, caller: Caller, _resource: Any, query: Mapping[str, str]) -> dict[str, Any]:
    return {"sheds": kernel.count(caller, Shed, most=100), "where": query.get("in", "")}


def _tool(_kernel: Kernel, _caller: Caller, _tool: Any, query: Mapping[str, str]) -> dict[str, Any]:
    return {"word": query["secret"]}


YARD = Domain(
    name="yard",
    title=T("院子", "Yard"),
    question=T("院里有什么？", "What is in the yard?"),
    kinds=(Shed, Tool, Sign),
    pages=(
        Page(kind="yard.shed", view="home", template="home_sheds.html", context=_sheds),
        Page(kind="yard.sign", view="list", template="signs.html", context=_sheds),
        Page(kind="yard.tool", view="created", template="tool_made.html", context=_tool),
    ),
)
for kind_ in YARD.kinds:
    kind_.meta.domain = "yard"


def price(plan: Plan) -> dict[str, Any]:
    """A fixed price a square metre; what is stored costs by use."""
    area = getattr(plan.new.spec, "area_m2", None)
    unit = {"unit": {"zh": "m²·月", "en": "m²-month"}, "unit_nano": 500_000_000}
    by_use = {"title": {"zh": "存量", "en": "Stored"}, "unit": {"zh": "GiB", "en": "GiB"}, "unit_nano": 120_000_000}
    if area is None:
        return {"month_fen": 0, "lines": [], "by_use": []}
    line = {"title": {"zh": "面积", "en": "Area"}, **unit, "quantity": area, "amount_fen": area * 50}
    return {"month_fen": area * 50, "lines": [line], "by_use": [by_use]}


class Yard:
    """A kernel with two projects, and people who hold roles there."""

    def __init__(self, home: Path) -> None:
        """Found the yard; nothing reconciles until `settle` is called."""
        self.kernel = Kernel(Registry([IDENTITY, YARD]), home, schemas=IDENTITY_SCHEMAS)
        self.kernel.pricing = price
        self.kernel.demo_logins = (("devon", T("开发者", "developer"), PASSWORD),)
        self.app: Starlette = create_app(self.kernel, routes=console_routes(self.kernel))
        for role in (SYSTEM_ADMIN, DEVELOPER):
            self.grant(ROOT.id, role, places.PLATFORM)
        self.bureau = self.make(Organisation, "bureau", spec={"title_zh": "园林局", "title_en": "Parks"})
        self.north = self.make(Project, "north", "bureau", {"title_zh": "北苑", "title_en": "North yard"})
        self.south = self.make(Project, "south", "bureau", {"title_zh": "南苑", "title_en": "South yard"})
        self.people: dict[str, str] = {}
        for login, zh, role, place in (
            ("devon", "德文", DEVELOPER, self.north),
            ("vera", "薇拉", VIEWER, self.bureau),
            ("stan", "斯坦", DEVELOPER, self.south),
            ("audra", "奥德拉", AUDIT_ADMIN, places.PLATFORM),
            ("admina", "阿德明", SYSTEM_ADMIN, places.PLATFORM),
            ("secura", "塞库拉", SECURITY_ADMIN, places.PLATFORM),
        ):
            spec = {"display_name": zh, "display_name_en": login.title()}
            self.people[login] = self.make(Person, login, "bureau", spec)
            self.grant(self.people[login], role, place)

    def make(self, kind: type[Kind[Any, Any]], name: str, place: str = "", spec: Mapping[str, Any] = {}) -> str:
        """Create something as root; answers its id."""
        command = Command(kind=kind, verb="create", name=name, place=place, spec=dict(spec))
        return str(self.kernel.execute(ROOT, command).result().body["id"])

    def shed(self, name: str, **spec: Any) -> str:
        """Create a shed in the north."""
        return self.make(Shed, name, "north", {"area_m2": 20, **spec})

    def change(self, kind: type[Kind[Any, Any]], target: str, **spec: Any) -> None:
        """Somebody else edits it."""
        self.kernel.execute(ROOT, Command(kind=kind, verb="update", target=target, spec=spec)).result()

    def settle(self) -> None:
        """Reconcile until nothing is due, and sign the log."""
        self.kernel.reconciler.run_due()
        self.kernel.seal()

    def grant(self, who: str, role: str, place: str) -> None:
        """Give a role."""
        self.kernel.store.write(
            lambda tx: places.set_grant(tx, f"{who}/{role}/{place}", who, role, place, None)
        ).result()

    def session(self, login: str) -> str:
        """Open a session without the price of a password hash."""
        secret = credentials.make(sessions.SESSION_PREFIX, sessions.SESSION_LENGTH, self.kernel.world)
        row = (credentials.digest(secret), self.people[login], 0, 2**52, 0, "password", "", "")
        insert = "INSERT INTO identity_login VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self.kernel.store.write(lambda tx: tx.execute(insert, row)).result()
        return secret

    def visitor(self, login: str = "", language: str = "en", *, address: str = "127.0.0.1") -> "Visitor":
        """Return a browser without scripts, logged in where a name is given."""
        client = TestClient(self.app, client=(address, 50_000), follow_redirects=False)
        client.cookies.set("lang", language)
        if login:
            client.cookies.set("cloudhall_session", self.session(login))
        return Visitor(client)


class Visitor:
    """What a person without scripts can do: open addresses, and send the forms that pages hold."""

    def __init__(self, client: TestClient) -> None:
        """`client` keeps the cookies."""
        self.client = client
        self.status = 0
        self.html = ""
        self.headers: Mapping[str, str] = {}

    def open(self, path: str) -> str:
        """GET a page; answers its HTML."""
        return self._take(self.client.get(path))

    def send(self, path: str, **fields: str | list[str]) -> str:
        """POST a form with the token of the page that was open last; answers the HTML of the answer."""
        token = re.search(r'name="csrf" value="([^"]*)"', self.html)
        data = {"csrf": token[1] if token else ""} | {name.replace("__", "."): v for name, v in fields.items()}
        return self._take(self.client.post(path, data=data))

    def submit(self, path: str, hidden: Iterable[str] = (), **fields: str | list[str]) -> str:
        """POST with the hidden fields of the page along."""
        kept = {name: self.hidden(name) for name in hidden}
        return self.send(path, **kept, **fields)

    def hidden(self, name: str) -> str:
        """Value of a hidden field of the page."""
        import html

        found = re.search(rf'type="hidden" name="{re.escape(name)}" value="([^"]*)"', self.html.partition("<main")[2])
        assert found, name
        return html.unescape(found[1])

    @property
    def location(self) -> str:
        """Where the last answer leads."""
        return self.headers["location"]

    def _take(self, response: Any) -> str:
        self.status, self.headers = response.status_code, response.headers
        self.html = response.text
        return self.html
