"""The one path of a change, for people and domains alike: plan, then commit.

`plan` reads only and answers everything a dry run shows; it fails exactly as the real command would. `commit` writes
row, event, audit leaf, quota, work and stored answer in one transaction. A real command is planned under the write
lock, so that everything it was allowed for still holds when it is written. Order: validate → authorise → references and
checks → quota.
"""

import contextlib
import re
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cloudhall.kernel import bin as bin_
from cloudhall.kernel import events, places, quotas, recovery, sharing
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Conflict, Invalid, NotFound, Problem
from cloudhall.kernel.facts import Ruling
from cloudhall.kernel.fields import fields_of, is_text, problems
from cloudhall.kernel.ids import is_id, looks_like_id, new_id
from cloudhall.kernel.kinds import Action, Kind, Quota, Spec, value_at
from cloudhall.kernel.look import Reader
from cloudhall.kernel.patches import merge_patch, spec_patch
from cloudhall.kernel.recoverable import Content
from cloudhall.kernel.refusals import (
    LIST_NAMES_MAX,
    Blockers,
    blocked,
    by_problems,
    going,
    immutable_problems,
    limit_problems,
    name_question,
    not_found,
    refuse,
    scope_problems,
    stale,
    taken_problems,
)
from cloudhall.kernel.store import Question, Tx
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

NAME_PATTERN = r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?"
LABELS_MAX = 32
LABEL_LENGTH_MAX = 256
CHILDREN_MAX = 100_000  # that go with an owner in one transaction
AnyKind = type[Kind[Any, Any]]
K = TypeVar("K", bound=Kind[Any, Any])


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. `target` is a name or id; `place` a project or organisation, by name or id.

    An update replaces each field of `spec` that it names, and the labels as a whole; with `merge` both are patches
    (RFC 7396), in which maps are merged and null takes away.
    """

    kind: AnyKind
    verb: str
    place: str = ""
    target: str = ""
    name: str | None = None
    labels: Mapping[str, str] | None = None
    spec: Any = None
    args: Any = None
    merge: bool = False
    if_match: int | None = None
    key: str = ""


class Charge(msgspec.Struct, frozen=True):
    """Room that a command takes (or gives back) of a quota, as it stood when planned."""

    quota: Quota
    amount: int
    used: int
    room: int


class Plan(msgspec.Struct, kw_only=True):
    """A command decided but not written: old and new row, room, rates per meter, and what the domain foresees.

    `goes_too` shares the fate of the row; `left_behind` is destroyed while the rest is restored. `kept_us`: how long a
    deletion leaves all of it in the recycle bin; `destroys` is what a purge ends.
    """

    command: Command
    caller: Caller
    old: Kind[Any, Any] | None
    new: Kind[Any, Any]
    policies: Ruling
    charges: tuple[Charge, ...] = ()
    rates: tuple[tuple[str, int], ...] = ()
    previews: tuple[T, ...] = ()
    goes_too: tuple[Kind[Any, Any], ...] = ()
    left_behind: tuple[Kind[Any, Any], ...] = ()
    destroys: tuple[Content, ...] = ()
    kept_us: int = 0

    @property
    def operation(self) -> str:
        """What policy and audit call it."""
        return f"{type(self.new).meta.key}:{self.command.verb}"


class Planner:
    """Plans commands over one snapshot, or one after the other in a transaction that changes neither places nor roles.

    A place that was found once by its name is not looked for again: a fifth of the cost of an item of a batch.
    """

    def __init__(self, kernel: "Kernel", tx: Tx, caller: Caller) -> None:
        """`kernel` gives registry, tables, authority and world."""
        self.kernel, self.tx, self.caller = kernel, tx, caller
        self.look = Reader(tx, kernel.tables, caller.id, kernel.world.now_us())
        self._places: dict[tuple[AnyKind, str], str] = {}
        self.unused_names: set[str] = set()

    def plan(self, command: Command) -> Plan:
        """Decide a command; raises what the real one would raise."""
        if command.verb == "create":
            return self._create(command)
        if command.verb in recovery.VERBS and command.kind.meta.recoverable_days:
            return recovery.plan(self, command)
        old = self.find(command.kind, command.target, command.place)
        if command.if_match is not None and self._decided_since(old, command.if_match):
            raise stale(old, command.spec, command.if_match)
        if command.verb == "delete":
            return self._delete(command, old)
        if command.verb != "update":
            return self._act(command, old)
        if old.deleting_us is not None:
            raise going(old)
        return self._update(command, old)

    def questions(self, command: Command) -> list[Question]:
        """What planning a create will ask about the row to be; nothing where its place cannot be told yet."""
        if command.verb != "create" or not command.name:
            return []
        with contextlib.suppress(CloudhallError):
            place = self.place_id(command.kind, command.place)
            rooms = [quotas.question(place, quota) for quota in command.kind.meta.quotas]
            return [name_question(command.kind, place, command.name), *rooms]
        return []

    def _decided_since(self, old: Kind[Any, Any], revision: int) -> bool:
        """Whether somebody has changed the resource since; what its controller saw meanwhile is in nobody's way."""
        return revision > old.revision or events.decided_after(self.tx, old.id, revision)

    def find(self, kind: type[K], target: str, place: str = "") -> K:
        """Row by id, or by name within a place or among all that the caller may see."""
        authority, table = self.kernel.authority, self.kernel.tables[kind]
        if is_id(target):
            row = table.get(self.tx, target.lower())
            if row is not None and authority.may(self.tx, self.caller, "read", row):
                return row
            raise recovery.missing(self, kind, target)
        visible = authority.visible(self.tx, self.caller, kind)
        where = LIVE if not place else Where("place = ?", (self.place_id(kind, place),))
        found = table.named(self.tx, target, where & visible)
        if not found:
            raise recovery.missing(self, kind, target)
        if len(found) > 1:
            raise Conflict(
                T(
                    f"有 {len(found)} 个名为 {target} 的{kind.meta.title.zh}",
                    f"{len(found)} resources are named {target}",
                ),
                mend=T("请指明所在项目，或用编号", "Name the project, or use the id"),
                candidates=[r.id for r in found],
            )
        return found[0]

    def place_id(self, kind: AnyKind, place: str) -> str:
        """Id of the project or organisation that a name or id means; 404 where unknown or hidden."""
        if kind.meta.scope == "platform":
            return places.PLATFORM
        if not place and kind.meta.place and kind.meta.scope == kind.meta.name:
            return places.PLATFORM
        if not place:
            pointer, title = f"/{kind.meta.scope}", T("缺少所在项目或单位", f"Name the {kind.meta.scope} it lies in")
            raise Invalid(title, problems=(Problem("MISSING", pointer, title),))
        if place == places.PLATFORM:
            return place
        if (kind, place) not in self._places:
            self._places[kind, place] = self._find_place(kind, place).id
        return self._places[kind, place]

    def _find_place(self, kind: AnyKind, place: str) -> Kind[Any, Any]:
        """By the scope first; what lies in organisations (a grant, a token) may lie in a project as well."""
        candidates = [k for k in self.kernel.registry if k.meta.place and k.meta.name == kind.meta.scope]
        if kind.meta.scope == "organisation" and not kind.meta.place:
            candidates += [k for k in self.kernel.registry if k.meta.place and k not in candidates]
        whole = msgspec.structs.replace(
            self.caller, scopes=None
        )  # a token for buckets may name the project they lie in
        planner = self if self.caller.scopes is None else Planner(self.kernel, self.tx, whole)
        missing: list[NotFound] = []
        for candidate in candidates:
            try:
                return planner.find(candidate, place)
            except NotFound as error:
                missing.append(error)
        around = [row for candidate in candidates for row in planner.around(kind, candidate, place)]
        if len(around) == 1:
            return around[0]
        raise next((e for e in missing if e.reason == recovery.BINNED), missing[0])

    def around(self, kind: AnyKind, candidate: AnyKind, place: str) -> list[Kind[Any, Any]]:
        """Places of a name or id, hidden themselves, in which the caller sees something of a kind: shared alone."""
        table = self.kernel.tables[candidate]
        row = table.get(self.tx, place.lower()) if is_id(place) else None
        rows = [row] if row is not None else table.named(self.tx, place)
        visible = self.kernel.authority.visible(self.tx, self.caller, kind)
        return [r for r in rows if self.kernel.tables[kind].page(self.tx, inside(r.id), Sort(), None, 1, visible)]

    def _create(self, command: Command) -> Plan:
        meta, kernel = command.kind.meta, self.kernel
        id_ = new_id(meta.prefix, kernel.world)
        name = command.name or (f"{meta.name.replace('_', '-')}-{id_[-8:]}" if meta.auto_name else "")
        found = [
            *_name_problems(name),
            *_label_problems(command.labels),
            *problems(meta.spec, command.spec or {}, "/spec"),
        ]
        found += [p for p in by_problems(meta.spec, command.spec or {}) if p.pointer not in {f.pointer for f in found}]
        refuse(found)
        place = self._place_of(command)
        self.refuse_going(place)
        given = self._with_asker(meta.spec, command.spec or {})
        spec = msgspec.convert(self._with_ids(meta.spec, given, place), meta.spec)
        now = self.look.now_us
        new = command.kind(
            id=id_,
            place=place,
            name=name,
            labels=command.labels,
            spec=spec,
            status=meta.status(),
            created_us=now,
            updated_us=now,
        )
        policies = kernel.authority.require(self.tx, self.caller, "create", new)
        return self.finished(command, None, new, policies, found)

    def _place_of(self, command: Command) -> str:
        """Place that a new resource lies in: the one named; for a grant on one resource, that one's own in it."""
        target = sharing.named_by(command.kind.meta, command.spec)
        own = sharing.place_of(self.look, target) if target else ""
        if command.place or not target:
            named = self.place_id(command.kind, command.place)
            return own if own and named in places.ancestors(self.tx, own) else named
        if own:
            with contextlib.suppress(NotFound):
                return self.place_id(command.kind, own)
        raise sharing.hidden(command.kind.meta, target)

    def refuse_going(self, place: str) -> None:
        """Nothing new is put into a place that is on its way out."""
        kind = self.kernel.registry.by_prefix.get(place[:2])
        row = self.kernel.tables[kind].get(self.tx, place) if kind is not None and place != places.PLATFORM else None
        if row is not None and row.deleting_us is not None:
            raise going(row)

    def _with_asker(self, spec: type[Spec], given: Mapping[str, Any]) -> dict[str, Any]:
        """Fill fields that mean whoever asks where nothing else is given."""
        own = {name: self.caller.id for name, info in fields_of(spec).items() if info.f.asker and not given.get(name)}
        return {**given, **own}

    def _with_ids(self, spec: type[Spec], given: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Turn references by name into ids; one that finds nothing stays, and is named as a problem later."""
        resolved = dict(given)
        for name, info in fields_of(spec).items():
            target = given.get(name) if info.f.ref else None
            if isinstance(target, str) and target and not is_id(target):
                found = self.kernel.tables[info.f.ref].named(
                    self.tx, target, Where("place IN (?, ?)", (place, places.PLATFORM))
                )
                resolved[name] = found[0].id if len(found) == 1 else target
        return resolved

    def _update(self, command: Command, old: Kind[Any, Any]) -> Plan:
        command = _whole(command, old) if command.merge else command
        meta, patch = command.kind.meta, command.spec or {}
        found = problems(meta.spec, patch, "/spec", partial=True)
        found += [*_label_problems(command.labels), *by_problems(meta.spec, patch, old.spec)]
        if command.name is not None:
            found += _name_problems(command.name)
        refuse(found)
        patch = self._with_ids(meta.spec, patch, old.place)
        spec = msgspec.convert(msgspec.to_builtins(old.spec) | patch, meta.spec)
        new = self.changed(old, spec)
        new.name = old.name if command.name is None else command.name
        new.labels = old.labels if command.labels is None else dict(command.labels)
        policies = self.kernel.authority.require(self.tx, self.caller, "update", old)
        self.kernel.authority.require(self.tx, self.caller, "update", new)
        return self.finished(command, old, new, policies, immutable_problems(old.spec, spec))

    def _act(self, command: Command, old: Kind[Any, Any]) -> Plan:
        act: Action | None = command.kind.meta.actions.get(command.verb)
        if act is None:
            raise not_found(command.kind, f"{command.target}:{command.verb}")
        refuse(problems(act.args, command.args or {}, "/args"))
        policies = self.kernel.authority.require(self.tx, self.caller, command.verb, old)
        if not act.when(old):
            raise Conflict(act.why_not, reason="NOT_NOW")
        spec = act.run(old, msgspec.convert(command.args or {}, act.args), self.look)
        if spec == old.spec:  # nothing is decided anew, so there is nothing to check anew
            return Plan(command=command, caller=self.caller, old=old, new=self.changed(old, spec), policies=policies)
        return self.finished(command, old, self.changed(old, spec), policies, [])

    def _delete(self, command: Command, old: Kind[Any, Any]) -> Plan:
        policies = self.kernel.authority.require(self.tx, self.caller, "delete", old)
        asked = [p for ask in command.kind.meta.delete_checks for p in ask(old, self.look)]
        first = [p for p in asked if isinstance(p, Problem)]
        blockers = Blockers([r for r in asked if isinstance(r, Kind)])
        goes_too = tuple({r.id: r for r in self._children(old, blockers)}.values())
        if first or blockers.count:
            raise blocked(old, blockers, first)
        new = self.changed(old, old.spec)
        kept_us = bin_.kept_us(self.kernel, command.kind.meta) if old.deleting_us is None else 0
        if not kept_us:
            new.deleting_us = old.deleting_us or self.look.now_us
        return Plan(
            command=command,
            caller=self.caller,
            old=old,
            new=new,
            policies=policies,
            previews=recovery.previews_of_deletion(old, kept_us // bin_.DAY_US) if kept_us else (),
            goes_too=goes_too,
            kept_us=kept_us,
        )

    def _children(self, owner: Kind[Any, Any], blockers: Blockers) -> list[Kind[Any, Any]]:
        """Collect what goes with an owner, and in `blockers` what must go before it."""
        cascade: list[Kind[Any, Any]] = []
        for kind, path in self.kernel.registry.children(type(owner).meta.key):
            rows = list(self.look.list(kind, {path: owner.id}, limit=CHILDREN_MAX))
            if fields_of(kind.meta.spec)[path.partition(".")[2]].f.on_delete == "block":
                blockers.add(rows)
            else:
                cascade += [c for r in rows if r.deleting_us is None for c in (*self._children(r, blockers), r)]
        if type(owner).meta.place:
            return [*cascade, *self._inhabitants(owner, blockers)]
        return [*cascade, *sharing.upon(self.look, owner)]

    def _inhabitants(self, place: Kind[Any, Any], blockers: Blockers) -> list[Kind[Any, Any]]:
        """Collect what goes with a place, and what must go before it, be it in the recycle bin."""
        cascade: list[Kind[Any, Any]] = []
        where = Where("place = ?", (place.id,))
        for kind in self.kernel.registry:
            if (then := kind.meta.on_place_delete) == "keep":
                continue
            limit = CHILDREN_MAX if then == "cascade" else LIST_NAMES_MAX
            rows = self.kernel.tables[kind].page(self.tx, where, Sort("id", descending=False), None, limit)
            if then == "cascade":
                cascade += [r for r in rows if r.deleting_us is None]
            elif rows:
                blockers.add(rows, self.kernel.tables[kind].count(self.tx, where))
        blockers.add(bin_.within(self.kernel.tables, self.tx, place.id))
        return cascade

    def changed(self, old: Kind[Any, Any], spec: Spec) -> Kind[Any, Any]:
        """Copy a row with another spec; a new generation where that differs."""
        return type(old)(
            id=old.id,
            place=old.place,
            name=old.name,
            labels=old.labels,
            spec=spec,
            status=old.status,
            generation=old.generation + (spec != old.spec),
            revision=old.revision,
            created_us=old.created_us,
            updated_us=self.look.now_us,
            deleting_us=old.deleting_us,
        )

    def finished(
        self,
        command: Command,
        old: Kind[Any, Any] | None,
        new: Kind[Any, Any],
        policies: Ruling,
        found: list[Problem],
    ) -> Plan:
        """Ask everything that is asked of a row to be written; raises all problems at once, then what lacks room."""
        meta = command.kind.meta
        found += [*self._taken_problems(old, new), *self.reference_problems(old, new)]
        found += [*limit_problems(self.kernel, self.tx, new), *scope_problems(self.kernel, new)]
        if old is None and meta.grants:
            found += sharing.problems(self.look, self.kernel.authority.policies, new)
        if not found:
            found += [p for ask in meta.checks for p in ask(new, old, self.look)]
        refuse(found)
        charges = tuple(self._charge(q, old, new) for q in meta.quotas)
        for c in charges:
            if c.amount > 0 and c.used + c.amount > c.room:
                raise quotas.exceeded(c.quota, quotas.Room(c.used, c.room), c.amount)
        return Plan(
            command=command,
            caller=self.caller,
            old=old,
            new=new,
            policies=policies,
            charges=charges,
            rates=tuple((m.key, int(value_at(new, m.path))) for m in meta.meters),
            previews=tuple(ask(new, self.look) for ask in meta.previews),
        )

    def _taken_problems(self, old: Kind[Any, Any] | None, new: Kind[Any, Any]) -> list[Problem]:
        """Names and values that are taken; a name that is known to be unused is so for the first that is made."""
        if old is None and new.name in self.unused_names:
            self.unused_names.remove(new.name)
            return []
        return taken_problems(self.kernel, self.tx, old, new)

    def reference_problems(
        self, old: Kind[Any, Any] | None, new: Kind[Any, Any], besides: Container[str] = ()
    ) -> list[Problem]:
        """References to what is not there, is going away, or is not the caller's to see; `besides` are sure to be."""
        found = []
        for name, info in fields_of(type(new.spec)).items():
            target = getattr(new.spec, name) if info.f.ref else None
            if not target or target in besides or (old is not None and getattr(old.spec, name) == target):
                continue
            row = self.kernel.tables[info.f.ref].get(self.tx, target)
            if row is None or row.deleting_us is not None or not self._may_read(row):
                text = T(
                    f"没有“{info.title.zh}”{target}，或你无权查看",
                    f"There is no {info.title.en.lower()} {target}, or not yours to see",
                )
                found.append(Problem("NO_SUCH", f"/spec/{name}", text))
        return found

    def _may_read(self, row: Kind[Any, Any]) -> bool:
        """Whether a reference may name a row; a token's scopes do not narrow that."""
        return bool(self.kernel.authority.decide(self.tx, self.caller, "read", row).allowed)

    def _charge(self, quota: Quota, old: Kind[Any, Any] | None, new: Kind[Any, Any]) -> Charge:
        before = int(value_at(old, quota.path)) if old else 0
        now = quotas.room(self.tx, new.place, quota)
        return Charge(quota, int(value_at(new, quota.path)) - before, now.used, now.room)


def inside(place: str) -> Where:
    """What lies in a place, not below it."""
    return Where("place = ?", (place,))


def _whole(command: Command, old: Kind[Any, Any]) -> Command:
    """Make a patch into the values that it leads to."""
    labels = None if command.labels is None else merge_patch(old.labels, command.labels)
    spec = spec_patch(old.spec, command.spec) if isinstance(command.spec, Mapping) else command.spec
    return msgspec.structs.replace(command, labels=labels, spec=spec)


def _name_problems(name: str | None) -> list[Problem]:
    if not name:
        return [
            Problem(
                "MISSING", "/name", T("缺少名称", "A name is missing"), T("例如 stats-2026", "For example stats-2026")
            )
        ]
    if not re.fullmatch(NAME_PATTERN, name):
        text = T(
            "名称只用小写字母、数字、点和连字符，1 到 63 个字符",
            "A name has lower-case letters, digits, dots and hyphens, 1 to 63 characters",
        )
        return [Problem("PATTERN", "/name", text, T("例如 stats-2026", "For example stats-2026"))]
    if looks_like_id(name):
        return [Problem("PATTERN", "/name", T("名称不能像编号", "A name must not look like an id"))]
    return []


def _label_problems(labels: Any) -> list[Problem]:
    if labels is None:
        return []
    if not isinstance(labels, Mapping) or not all(
        isinstance(x, str) and is_text(x) for pair in labels.items() for x in pair
    ):
        return [Problem("TYPE", "/labels", T("标签是文字键值对", "Labels map text to text"))]
    if len(labels) > LABELS_MAX or any(len(x) > LABEL_LENGTH_MAX for pair in labels.items() for x in pair):
        text = T(
            f"最多 {LABELS_MAX} 个标签，键和值各不超过 {LABEL_LENGTH_MAX} 个字符",
            f"At most {LABELS_MAX} labels, keys and values of at most {LABEL_LENGTH_MAX} characters",
        )
        return [Problem("TOO_LONG", "/labels", text)]
    return []
