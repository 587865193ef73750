"""Kinds: a declared resource, one typed class in one file, from which every surface follows.

    class Bucket(Kind[BucketSpec, BucketStatus], title=T("存储桶", "Bucket"), prefix="bk", …):
        …

Spec is everything people decided: frozen, written by create, update and actions alone. Status is everything the
program found out: written by the kind's one controller. There is no third place. An instance of the class *is* the row.
What a type checker cannot see (a path of no field, an action that does not exist) is refused when the registry freezes.
"""

import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar, get_args

import msgspec

from cloudhall.kernel.caller import SERVICE
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import F, FieldInfo, field, fields_of
from cloudhall.kernel.outcomes import Blocked, Condition, Outcome, Ready, Wait
from cloudhall.kernel.roles import ROLES, SYSTEM_ADMIN
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from dataclasses import replace as edit

    from cloudhall.kernel.bin import Kept
    from cloudhall.kernel.context import Context
    from cloudhall.kernel.store import Tx
else:
    edit = msgspec.structs.replace

__all__ = ["Blocked", "Condition", "F", "FieldInfo", "Outcome", "Ready", "T", "Wait", "edit", "field", "fields_of"]

AT_ONCE = 4
Scope = Literal["platform", "organisation", "project"]
OnPlaceDelete = Literal["block", "cascade", "keep"]
"""What becomes of rows when the project or organisation they lie in is deleted: they are named as what must go first,
they go with it, or they stay for the record."""


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything people decided about a resource."""


class Status(msgspec.Struct, kw_only=True):
    """Everything the program found out about a resource."""

    conditions: list[Condition] = []
    observed_generation: int = 0


class NoArgs(Spec, frozen=True, kw_only=True):
    """Arguments of an action that needs none."""


S = TypeVar("S", bound=Spec)
St = TypeVar("St", bound=Status)


class Index(msgspec.Struct, frozen=True):
    """A column for filters, facets and policies: `Index("spec.grade")`."""

    path: str
    unique: bool = False

    @property
    def column(self) -> str:
        """Name in the table."""
        return self.path.replace(".", "_")


class Quota(msgspec.Struct, frozen=True):
    """What a row uses up of its place's room: the number at `path`; `default` is the room before anyone gives more."""

    key: str
    path: str
    title: T
    unit: str
    default: int


class Limit(msgspec.Struct, frozen=True):
    """The counterpart: a kind whose rows give their place room under a quota key."""

    key_path: str
    amount_path: str


class Meter(msgspec.Struct, frozen=True):
    """A level that follows from the row while it lives: the number at `path`, under a meter of the domain."""

    key: str
    path: str


class Grants(msgspec.Struct, frozen=True):
    """A kind whose rows give roles on their place, or on the one resource named at `resource`: where each stands."""

    subject: str
    role: str
    expires_at: str
    resource: str


class Secret(msgspec.Struct, frozen=True):
    """Made at create, shown once. `kept` wraps it for the controller; otherwise only its hash stays."""

    prefix: str
    length: int = 40
    kept: bool = False


class Action(msgspec.Struct, frozen=True):
    """A named, pure edit: `run(resource, args, look)` answers the new spec."""

    name: str
    title: T
    args: type[Spec]
    allow: tuple[str, ...]
    when: Callable[[Any], bool]
    why_not: T
    run: Callable[[Any, Any, Any], Spec]
    danger: bool = False
    shy: bool = False  # where it does not apply, a page does not show it at all


class Meta(msgspec.Struct, kw_only=True):
    """What a kind declares, and what decorators add to it."""

    name: str
    title: T
    prefix: str
    plural: str
    doc: T
    spec: type[Spec]
    status: type[Status]
    domain: str = ""
    scope: Scope = "project"
    place: bool = False
    on_place_delete: OnPlaceDelete = "block"
    auto_name: bool = False
    name_title: T = T("名称", "Name")
    clauses: tuple[str, ...] = ()
    allow: Mapping[str, tuple[str, ...]] = {}
    uses: Mapping[str, T] = {}
    """Verbs of `allow` that no command runs, with their titles: what is done with what the resource holds.

    They are decided and logged like any other, by whoever lets people at it.
    """
    indexes: tuple[Index, ...] = ()
    quotas: tuple[Quota, ...] = ()
    limits: tuple[Limit, ...] = ()
    meters: tuple[Meter, ...] = ()
    grants: Grants | None = None
    secret: Secret | None = None
    recoverable_days: int = 0
    """So long the recycle bin keeps what is deleted; 0 goes at once, as every credential must."""
    demo: tuple[Mapping[str, Any], ...] = ()
    columns: tuple[str, ...] = ()
    icon: str = "doc"
    group: str = ""
    within_s: float = 60.0
    at_once: int = AT_ONCE
    per_s: float | None = None
    actions: dict[str, Action] = {}
    checks: list[Callable[[Any, Any, Any], Iterable[Problem]]] = []
    delete_checks: list[Callable[[Any, Any], Iterable["Problem | Kind[Any, Any]"]]] = []
    purge_checks: list[Callable[[Any, Any], Iterable[Problem]]] = []
    previews: list[Callable[[Any, Any], T]] = []
    controller: Callable[[Any, Any], Outcome] | None = None
    withdrawal: Callable[[Any, Any], Outcome] | None = None
    contents: Callable[[Any], Iterable[Any]] | None = None
    finalizer: Callable[[Any, Any], Outcome] | None = None

    @property
    def key(self) -> str:
        """Full name, such as `storage.bucket`."""
        return f"{self.domain}.{self.name}"

    @property
    def noun(self) -> str:
        """Word for it on the command line."""
        return self.name.replace("_", "-")

    @property
    def table(self) -> str:
        """Table name. The domain stands first: `order`, `grant` and `case` are words of SQL."""
        return f"{self.domain}_{self.name}"

    @property
    def verbs(self) -> tuple[str, ...]:
        """Every operation that somebody may be allowed: read, create, update, delete, and the actions."""
        plain = tuple(v for v in ("read", "create", "update", "delete") if v in self.allow)
        return (*plain, *self.actions)

    @property
    def operations(self) -> tuple[str, ...]:
        """`verbs`, and the uses of what the resource holds."""
        return (*self.verbs, *self.uses)


class Kind(Generic[S, St]):
    """A resource. Subclasses declare it by class keywords; instances are rows."""

    meta: ClassVar[Meta]
    __slots__ = (
        "created_us",
        "deleting_us",
        "generation",
        "id",
        "kept",
        "labels",
        "name",
        "place",
        "revision",
        "spec",
        "status",
        "updated_us",
    )

    def __init__(  # noqa: PLR0913  a row has these columns
        self,
        *,
        id: str,
        place: str,
        name: str,
        spec: S,
        status: St,
        labels: Mapping[str, str] | None = None,
        generation: int = 1,
        revision: int = 0,
        created_us: int = 0,
        updated_us: int = 0,
        deleting_us: int | None = None,
    ) -> None:
        """A row as read; times in microseconds UTC; `place` is the id of the project or organisation it lies in."""
        self.id, self.place, self.name, self.labels = id, place, name, dict(labels or {})
        self.spec, self.status = spec, status
        self.generation, self.revision = generation, revision
        self.created_us, self.updated_us, self.deleting_us = created_us, updated_us, deleting_us
        self.kept: Kept | None = None  # how it lies in the recycle bin, where it does

    def __init_subclass__(  # noqa: PLR0913  the keywords are the declaration
        cls,
        *,
        title: T,
        prefix: str,
        doc: T,
        scope: Scope = "project",
        place: bool = False,
        on_place_delete: OnPlaceDelete = "block",
        auto_name: bool = False,
        name_title: T = T("名称", "Name"),  # noqa: B008  frozen
        plural: str = "",
        clauses: tuple[str, ...] = (),
        allow: Mapping[str, tuple[str, ...]] = {},
        uses: Mapping[str, T] = {},
        indexes: tuple[Index, ...] = (),
        quotas: tuple[Quota, ...] = (),
        limits: tuple[Limit, ...] = (),
        meters: tuple[Meter, ...] = (),
        grants: Grants | None = None,
        secret: Secret | None = None,
        recoverable_days: int = 0,
        demo: tuple[Mapping[str, Any], ...] = (),
        columns: tuple[str, ...] = (),
        icon: str = "doc",
        group: str = "",
        within_s: float = 60.0,
    ) -> None:
        """Declare a kind. Wrong keywords are found by the type checker, wrong paths when the registry freezes."""
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        base = next(b for b in cls.__orig_bases__ if typing.get_origin(b) is Kind)  # type: ignore[attr-defined]  # set by Generic
        spec, status = get_args(base)
        cls.meta = Meta(
            name=name,
            title=title,
            prefix=prefix,
            doc=doc,
            spec=spec,
            status=status,
            plural=plural or name.replace("_", "-") + "s",
            domain=_domain_of(cls.__module__),
            scope=scope,
            place=place,
            on_place_delete=on_place_delete,
            auto_name=auto_name,
            name_title=name_title,
            clauses=clauses,
            allow=allow,
            uses=uses,
            indexes=indexes + _reference_indexes(spec, indexes),
            quotas=quotas,
            limits=limits,
            meters=meters,
            grants=grants,
            secret=secret,
            recoverable_days=recoverable_days,
            demo=demo,
            columns=columns,
            icon=icon,
            group=group,
            within_s=within_s,
            actions={},
            checks=[],
            delete_checks=[],
            purge_checks=[],
            previews=[],
        )
        cls.meta.actions |= {a.name: a for a in _of_the_bin(cls.meta)} if recoverable_days else {}

    def condition(self, type_: str) -> Condition | None:
        """One condition by type, or None where nobody has said it yet."""
        return next((c for c in self.status.conditions if c.type == type_), None)

    @property
    def ready(self) -> bool:
        """Whether the last finished pass of this generation said Ready."""
        if type(self).meta.controller is None:
            return True
        c = self.condition("Ready")
        return bool(c and c.status and c.observed_generation == self.generation)

    @property
    def settled(self) -> bool:
        """Whether nothing is wanted of anybody: ready, and every condition as it should be."""
        fails = any(c.status == (c.type == "Stalled") for c in self.status.conditions)
        return self.ready and not fails and self.deleting_us is None


class Look(Protocol):
    """What a check or an action may read; it never writes."""

    actor: str
    now_us: int
    tx: "Tx"  # for a domain's own hot tables

    def get(self, kind: "type[K]", id: str) -> "K | None":
        """Row by id, or None."""

    def list(self, kind: "type[K]", where: Mapping[str, object], limit: int = ...) -> "Sequence[K]":
        """Live rows by indexed paths."""


K = TypeVar("K", bound=Kind[Any, Any])
A = TypeVar("A", bound=Spec)
Run = Callable[[K, A, Look], Spec]
RETRY = "retry"
RESTORE, PURGE = "restore", "purge"  # of what lies in the recycle bin
NOT_NOW = T("现在不适用", "Does not apply now")
ALWAYS: Callable[[Any], bool] = lambda _resource: True  # noqa: E731  a named default


def action(
    kind: type[K],
    title: T,
    *,
    allow: tuple[str, ...],
    when: Callable[[K], bool] = ALWAYS,
    why_not: T = NOT_NOW,
    danger: bool = False,
) -> Callable[[Run[K, A]], Run[K, A]]:
    """Add a named, pure edit to a kind; the function's name is the verb, its second parameter's type the arguments."""

    def add(run: Run[K, A]) -> Run[K, A]:
        args = list(typing.get_type_hints(run).values())[1]
        kind.meta.actions[run.__name__] = Action(run.__name__, title, args, allow, when, why_not, run, danger)
        return run

    return add


def check(kind: type[K]) -> Callable[[Callable[[K, K | None, Look], Iterable[Problem]]], Any]:
    """Add a rule that is asked at each command: `(new, old, look)` yields problems. Its name is its documentation."""
    return _appender(kind.meta.checks)


def check_delete(kind: type[K]) -> Callable[[Callable[[K, Look], Iterable[Problem | Kind[Any, Any]]]], Any]:
    """Add a rule that is asked before a deletion: `(resource, look)` yields problems, and resources that go first."""
    return _appender(kind.meta.delete_checks)


def preview(kind: type[K]) -> Callable[[Callable[[K, Look], T]], Any]:
    """Add a sentence to the dry run that only the domain can foresee."""
    return _appender(kind.meta.previews)


def controller(
    kind: type[K], *, at_once: int = AT_ONCE, per_s: float | None = None, retry: tuple[str, ...] = ()
) -> Callable[[Callable[[K, "Context"], Outcome]], Callable[[K, "Context"], Outcome]]:
    """Make a function the kind's one controller: look, write what was seen, then at most one effect a branch.

    In each process `at_once` of its passes run at a time, each in a thread, and no more than `per_s` begin a second:
    what its engine can bear. Other kinds never wait for them. The kind gets the action
    `retry`: for whoever may change it, who runs the system, and roles that are named besides.
    """

    def add(run: Callable[[K, "Context"], Outcome]) -> Callable[[K, "Context"], Outcome]:
        kind.meta.controller, kind.meta.at_once, kind.meta.per_s = run, at_once, per_s
        kind.meta.actions[RETRY] = _retry(kind.meta, retry)
        return run

    return add


def _look_again(r: Kind[Any, Any], _args: NoArgs, _look: "Look") -> Spec:
    """Look again now, whatever was tried before; nothing is decided anew."""
    spec: Spec = r.spec
    return spec


def _retry(meta: Meta, besides: tuple[str, ...]) -> Action:
    """Make the action that every controlled kind has."""
    allowed = (role for verb in ("create", "update", "delete") for role in meta.allow.get(verb, ()) if role in ROLES)
    operators = (role for role in (SYSTEM_ADMIN,) if role in meta.allow.get("read", ()))
    return Action(
        RETRY,
        T("立即重试", "Retry now"),
        NoArgs,
        tuple(dict.fromkeys((*allowed, *besides, *operators))),
        lambda r: not r.settled,
        T("一切正常，无需重试", "Everything is as it should be; there is nothing to retry"),
        _look_again,
        shy=True,
    )


def _of_the_bin(meta: Meta) -> tuple[Action, Action]:
    """Declare what is done to what lies in the bin; whoever may delete may do both, and time may purge."""
    allowed = meta.allow["delete"]
    no = T("不在回收站中", "It is not in the recycle bin")

    def act(name: str, title: T, allow: tuple[str, ...], *, danger: bool) -> Action:
        return Action(name, title, NoArgs, allow, lambda _r: False, no, _look_again, danger=danger, shy=True)

    return (
        act(RESTORE, T("从回收站恢复", "Restore from the recycle bin"), allowed, danger=False),
        act(PURGE, T("彻底销毁", "Destroy for good"), (*allowed, f"{SERVICE}{meta.key}"), danger=True),
    )


def finalizer(kind: type[K]) -> Callable[[Callable[[K, "Context"], Outcome]], Callable[[K, "Context"], Outcome]]:
    """Make a function run, pass by pass, before a deleted row goes; `Ready()` lets it go."""

    def add(run: Callable[[K, "Context"], Outcome]) -> Callable[[K, "Context"], Outcome]:
        kind.meta.finalizer = run
        return run

    return add


def value_at(resource: Kind[Any, Any], path: str) -> Any:
    """Value at a declared path: `name`, `place`, `spec.quota_gib`, `status.writable`."""
    value: Any = resource
    for part in path.split("."):
        value = getattr(value, part)
    return value


def field_at(meta: Meta, path: str) -> FieldInfo | None:
    """Field that a path of spec or status names, or None."""
    part, _, name = path.partition(".")
    struct = {"spec": meta.spec, "status": meta.status}.get(part)
    return fields_of(struct).get(name) if struct else None


def _appender(where: list[Any]) -> Callable[[Any], Any]:
    def add(run: Any) -> Any:
        where.append(run)
        return run

    return add


def _domain_of(module: str) -> str:
    """The folder a kind lies in: `cloudhall.domains.storage.bucket` is of `storage`, the kernel's own of `kernel`."""
    parts = module.split(".")
    return parts[parts.index("domains") + 1] if "domains" in parts else parts[-2] if len(parts) > 1 else parts[0]


def _reference_indexes(spec: type[Spec], declared: tuple[Index, ...]) -> tuple[Index, ...]:
    """References are always indexed: existence, children and deletion ask for them."""
    have = {i.path for i in declared}
    references = (f"spec.{name}" for name, info in fields_of(spec).items() if info.f.ref)
    return tuple(Index(p) for p in references if p not in have)
