"""Editing: only what somebody changed is written; what somebody else changed meanwhile is shown, not overwritten.

For that the form sends along what it started from. A revision that moved because a controller observed something is
no conflict: the edit goes on top of it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.responses import Response

from cloudhall.console import drafts, forms, values
from cloudhall.console.details import frame
from cloudhall.console.forms import Control
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError, Invalid, Stale
from cloudhall.kernel.fields import F, FieldInfo, fields_of
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

FORM_ONLY = {"csrf", "base", "if_match"}
Row = Kind[Any, Any]
Changes = Mapping[str, Any]


class Base(msgspec.Struct, frozen=True):
    """What people can edit of a resource, as plain values: what a form starts from, and sends along."""

    name: str
    labels: dict[str, str]
    spec: dict[str, Any]


class Difference(NamedTuple):
    """One field that moved under an edit: as the edit found it, as it is now, as the edit wants it."""

    title: T
    was: values.Shown
    now: values.Shown
    wanted: values.Shown


def form(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Form with what stands now."""
    r = visit.kernel.find(visit.caller, kind, target)
    visit.kernel.authority.require(visit.tx, visit.caller, "update", r)
    return _form_page(visit, r, _now(r), {}, None)


def submit(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Write what was changed; show the difference where somebody came between."""
    r = visit.kernel.find(visit.caller, kind, target)
    visit.kernel.authority.require(visit.tx, visit.caller, "update", r)
    base = _base(visit, kind.meta)
    changed = _changed(visit, kind.meta, base)
    revision = r.revision if _now(r) == base else _posted_revision(visit)
    command = Command(kind=kind, verb="update", target=r.id, if_match=revision, **changed)
    try:
        visit.kernel.execute(visit.caller, command).result()
    except Stale:
        return _conflict_page(visit, visit.kernel.find(visit.caller, kind, r.id), base, changed)
    except CloudhallError as error:
        return _form_page(visit, r, base, changed, error)
    return visit.go(f"/{kind.meta.plural}/{r.id}?done=update")


def _form_page(visit: "Visit", r: Row, base: Base, changed: Changes, error: CloudhallError | None) -> Response:
    meta = type(r).meta
    fields = forms.with_problems(_controls(visit, r, base), error.problems if error else ())
    return visit.page(
        "edit.html",
        status=error.status if error else 200,
        call=visit.console.equivalents.update(meta, visit.target(r), r.revision, changed),
        controls=fields,
        fixed=[(i.title, _shown(visit, i, getattr(r.spec, i.name))) for i in _fixed(meta)],
        summary=drafts.summary(fields, error),
        base=msgspec.json.encode(base).decode(),
        revision=_posted_revision(visit) or r.revision,
        **frame(visit, r),
    )


def _conflict_page(visit: "Visit", r: Row, base: Base, changed: Changes) -> Response:
    """Every field that is not what the edit found: whoever edits decides, with one press."""
    return visit.page(
        "conflict.html",
        status=Stale.status,
        differences=_differences(visit, type(r).meta, base, _now(r), changed),
        posted=[(k, v) for k, v in visit.form if k not in FORM_ONLY],
        base=msgspec.json.encode(_now(r)).decode(),
        **frame(visit, r),
    )


def _differences(visit: "Visit", meta: Meta, base: Base, now: Base, changed: Changes) -> list[Difference]:
    """Fields that either side has changed."""
    spec = {i.name: (i, base.spec.get(i.name), now.spec.get(i.name)) for i in _open(meta)}
    sides = [(*side, changed.get("spec", {}).get(name, side[1])) for name, side in spec.items()]
    sides.append((_name(meta), base.name, now.name, changed.get("name", base.name)))
    sides.append((drafts.LABELS, base.labels, now.labels, changed.get("labels", base.labels)))
    return [
        Difference(info.title, *(_shown(visit, info, v) for v in (was, is_, mine)))
        for info, was, is_, mine in sides
        if not was == is_ == mine
    ]


def _name(meta: Meta) -> FieldInfo:
    return FieldInfo(name="name", shape="str", f=F(title=meta.name_title, help=drafts.NAME_HELP, required=True))


def _controls(visit: "Visit", r: Row, base: Base) -> list[Control]:
    """Name, fields that may change, labels; with what was typed, where something was."""
    meta = type(r).meta
    texts = _texts(meta, base)
    if visit.form:
        texts |= forms.unticked(meta.spec, "spec") | forms.texts_posted(visit.form)
    fields = forms.controls(meta.spec, "spec", texts, drafts.references(visit, type(r)))
    name = Control("name", _name(meta), "text", texts["name"], "", "medium")
    labels = Control("labels", drafts.LABELS, "pairs", texts["labels"], "", "wide")
    return [name, *(c for c in fields if not c.info.f.immutable), labels]


def _changed(visit: "Visit", meta: Meta, base: Base) -> dict[str, Any]:
    """What was typed otherwise than the form had it, as a command takes it.

    Compared as texts: a time to the minute that nobody touched is the time to the microsecond that it stands for.
    """
    before = _texts(meta, base)
    after = before | forms.unticked(meta.spec, "spec") | forms.texts_posted(visit.form)
    typed = forms.read(meta.spec, "spec", visit.form)
    spec = {i.name: typed.get(i.name, "") for i in _open(meta) if after[f"spec.{i.name}"] != before[f"spec.{i.name}"]}
    found: dict[str, Any] = {"spec": spec} if spec else {}
    if after["name"].strip() != before["name"]:
        found["name"] = after["name"].strip()
    if after["labels"] != before["labels"]:
        found["labels"] = forms.read_pairs(after["labels"])
    return found


def _now(r: Row) -> Base:
    spec = msgspec.to_builtins(r.spec)
    return Base(r.name, r.labels, {i.name: spec[i.name] for i in _open(type(r).meta)})


def _base(visit: "Visit", meta: Meta) -> Base:
    """What the form started from; raises `Invalid` where it does not say."""
    try:
        base = msgspec.json.decode(visit.posted("base"), type=Base)
    except msgspec.DecodeError:
        base = Base("", {}, {})
    if base.spec.keys() != {i.name for i in _open(meta)}:
        mend = T("重新打开编辑页面再提交", "Open the edit page anew")
        raise Invalid(T("表单不完整", "The form is not whole"), mend=mend)
    return base


def _texts(meta: Meta, base: Base) -> dict[str, str]:
    labels = forms.text_of(drafts.LABELS, base.labels)
    return {**forms.texts_of(meta.spec, "spec", base.spec), "name": base.name, "labels": labels}


def _open(meta: Meta) -> list[FieldInfo]:
    """Fields that may change after creation."""
    return [i for i in forms.editable(meta.spec).values() if not i.f.immutable]


def _fixed(meta: Meta) -> list[FieldInfo]:
    return [i for i in fields_of(meta.spec).values() if i.f.immutable and not i.f.by]


def _posted_revision(visit: "Visit") -> int:
    given = visit.posted("if_match")
    return int(given) if given.isdecimal() else 0


def _shown(visit: "Visit", info: FieldInfo, value: Any) -> values.Shown:
    return values.Values(visit.language, visit.now_us, visit.names).show(info, value)
