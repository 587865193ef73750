"""Resources made from the demos of their kinds: places, references and somebody who may, found from the declaration."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from cloudhall.domains.identity.project import Project
from cloudhall.kernel import metering
from cloudhall.kernel.caller import Caller, service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.corrections import Correction
from cloudhall.kernel.errors import Conflict, Forbidden, NotFound
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.metering import Reading
from cloudhall.kernel.registry import AnyKind
from tests.kit.hall import Hall


class Made(NamedTuple):
    """A resource that was made, and who made it."""

    id: str
    body: dict[str, Any]
    by: Caller


class Demos:
    """What a kind's demo needs, made once a place; `suffix` tells the names of two places apart."""

    def __init__(self, hall: Hall, suffix: str = "") -> None:
        """Nothing is made yet but an organisation and a project to put it in."""
        self.hall, self.kernel, self.suffix = hall, hall.kernel, suffix
        self.project = hall.project(f"kit-project{suffix}", f"kit-organisation{suffix}")
        self.organisation = hall.row(Project, self.project).place
        self._made: dict[str, Made] = {}

    def place(self, kind: AnyKind) -> str:
        """Where a resource of a kind is put."""
        return {"project": self.project, "organisation": self.organisation, "platform": ""}[kind.meta.scope]

    def input(self, kind: AnyKind, suffix: str = "") -> dict[str, Any]:
        """Name and spec of the demo, with what it refers to made before; `suffix` makes it another one."""
        demo, suffix = kind.meta.demo[0], self.suffix + suffix
        spec = dict(demo.get("spec", {}))
        if kind is Correction:
            spec["reading"] += suffix
            self._read(*spec["reading"].split("/", 1))
        for name, info in fields_of(kind.meta.spec).items():
            if info.f.ref and name in spec:
                spec[name] = self.made(self.kernel.registry.kind(info.f.ref)).id
        for index in kind.meta.indexes:
            name = index.path.removeprefix("spec.")
            if suffix and index.unique and isinstance(spec.get(name), str):
                spec[name] += suffix
        return {"name": f"{demo.get('name', kind.meta.name.replace('_', '-'))}{suffix}", "spec": spec}

    def create(self, kind: AnyKind, suffix: str = "", **more: Any) -> Command:
        """The command that makes the demo."""
        return Command(kind=kind, verb="create", place=self.place(kind), **self.input(kind, suffix), **more)

    def make(self, kind: AnyKind, suffix: str = "", *, settle: bool = True) -> Made:
        """Make a resource from its demo and let it settle."""
        command = self.create(kind, suffix)
        by = self.who(command)
        assert by is not None, f"nobody may create {kind.meta.key}"
        body = self.kernel.execute(by, command).result(10).body
        if settle:
            self.hall.settle()
        return Made(body["id"], body, by)

    def made(self, kind: AnyKind) -> Made:
        """The one that others refer to."""
        if kind.meta.key not in self._made:
            self._made[kind.meta.key] = self.make(kind)
        return self._made[kind.meta.key]

    def who(self, command: Command) -> Caller | None:
        """Somebody who may do this, however the policies put it; None where nobody may."""
        for caller in self.callers(command.kind):
            with contextlib.suppress(Forbidden, NotFound):
                with contextlib.suppress(Conflict):
                    self.kernel.plan(caller, command)
                return caller
        return None

    def callers(self, kind: AnyKind) -> Iterator[Caller]:
        """Every role, every controller, and whoever the demo is about."""
        yield from self.hall.staff.values()
        yield from (service(k.meta.key) for k in self.kernel.registry)
        for value in kind.meta.demo[0].get("spec", {}).values():
            if isinstance(value, str) and value.startswith("pe-"):
                yield Caller(id=value, attrs={"organisation": self.organisation})

    def made_by(self, command: Command) -> Caller:
        """Who may do this; that somebody may is part of the demo's being valid."""
        caller = self.who(command)
        assert caller is not None, f"nobody may {command.verb} {command.kind.meta.key}"
        return caller

    def _read(self, source: str, source_id: str) -> None:
        """Deliver a reading, which is what a correction is about; a repeated one changes nothing."""
        reading = Reading(
            source=source,
            source_id=source_id,
            meter="storage.requests_a",
            resource="bk-00000000000000000",
            project=self.project,
            from_us=0,
            to_us=1,
            quantity_micro=7,
        )
        self.kernel.store.write(lambda tx: metering.record(tx, [reading], now_us=1)).result(10)

    def another_value(self, kind: AnyKind, name: str, made: Made) -> Any:
        """Another value of a field: one that is made up, or another resource."""
        info = fields_of(kind.meta.spec)[name]
        row = self.row(kind, made)
        value = another(info, getattr(row.spec, name))
        return self.make(self.kernel.registry.kind(info.f.ref), "-other").id if info.f.ref else value

    def row(self, kind: AnyKind, made: Made) -> Kind[Any, Any]:
        """The resource as it stands."""
        return self.hall.row(kind, made.id)


def another(info: FieldInfo, value: Any) -> Any:
    """Another value that a field would take, or None where none is known."""
    match info.shape:
        case "int":
            low, high = info.f.ge if info.f.ge is not None else 0, info.f.le
            return value - 1 if value == high else max(low, value + 1)
        case "bool":
            return not value
        case "enum":
            return next((c for c in info.choices if c != value), None)
        case "str" if not info.f.pattern and not info.f.ref:
            return f"{value}x"[-info.f.max_length :]
        case "map":
            return {**value, "kit": "x"}
    return None


def another_of(info: FieldInfo) -> Any:
    """A value of a field's type that is not its default."""
    plain = {"bool": not info.default, "int": 7, "str": "x", "datetime": "2026-12-31T16:00:00Z", "date": "2026-12-31"}
    return next(c for c in info.choices if c != info.default) if info.shape == "enum" else plain[info.shape]


def arguments(kind: AnyKind, verb: str) -> dict[str, Any]:
    """Whatever an action must be given: the example of a field, else any value of its type."""
    action = kind.meta.actions.get(verb)
    asked = fields_of(action.args) if action else {}
    return {name: info.f.example or another_of(info) for name, info in asked.items() if info.required}


def editable(kind: AnyKind, row: Kind[Any, Any]) -> dict[str, Any]:
    """One field that people may change, with another value; empty where there is none."""
    for name, info in fields_of(kind.meta.spec).items():
        value = another(info, getattr(row.spec, name))
        if not info.f.by and not info.f.immutable and value is not None:
            return {name: value}
    return {}


def wrong(info: FieldInfo) -> Any:
    """A value of no type that a field takes."""
    return 0.5 if info.shape in {"int", "bool", "str", "enum", "datetime", "date"} else "wrong"
