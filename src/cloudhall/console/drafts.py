"""A resource that somebody is about to create: what has been typed so far, as controls and as a command.

Nothing of a draft is kept on the server; it is what the form holds.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cloudhall.console import forms
from cloudhall.console.equivalents import Call
from cloudhall.console.forms import Choice, Control
from cloudhall.console.names import display
from cloudhall.console.places import BY_NAME, SHOWN_MAX, creatable
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.fields import F, FieldInfo, fields_of
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

NAME_HELP = T(
    "小写字母、数字、点和连字符，1 到 63 个字符", "lower-case letters, digits, dots and hyphens, 1 to 63 characters"
)
AUTO_HELP = T("留空则自动命名", "left empty, one is made")
LABELS = FieldInfo(
    name="labels",
    shape="map",
    f=F(title=T("资源标签", "Labels"), help=T("每行一个 键=值", "one key=value a line")),
    default={},
    has_default=True,
    item=FieldInfo(name="", shape="str", f=F(title=T("值", "Value"))),
)
PLACE_TITLES = {"project": T("项目", "Project"), "organisation": T("单位", "Organisation")}


class Draft(NamedTuple):
    """What has been filled in so far."""

    kind: AnyKind
    place: str
    name: str
    labels: Any
    spec: dict[str, Any]
    texts: Mapping[str, str]

    def command(self, key: str = "") -> Command:
        """Make the command that would create it."""
        return Command(
            kind=self.kind, verb="create", place=self.place, name=self.name, labels=self.labels, spec=self.spec, key=key
        )


def draft_of(visit: "Visit", kind: AnyKind, pairs: Sequence[tuple[str, str]]) -> Draft:
    """Read what was typed, or what an address fills in; the place in use where none is named."""
    texts, meta = forms.texts_posted(pairs), kind.meta
    place = texts[meta.scope] if meta.scope in texts else _likely_place(visit, kind, texts)
    labels = forms.read_pairs(texts.get("labels", ""))
    sent = pairs is visit.form
    spec = ({} if sent else _suggested(meta)) | forms.read(meta.spec, "spec", pairs, sent=sent)
    return Draft(kind, place, texts.get("name", "").strip(), labels, spec, texts)


def _likely_place(visit: "Visit", kind: AnyKind, texts: Mapping[str, str]) -> str:
    """Place of what it refers to, where the address names that; else the place in use, or the first there is."""
    for name, info in forms.editable(kind.meta.spec).items():
        owner = texts.get(f"spec.{name}", "") if info.f.ref else ""
        row = visit.kernel.tables[info.f.ref].get(visit.tx, owner) if owner and visit.names.of(owner).href else None
        if row is not None and visit.kernel.registry.kind(info.f.ref).meta.scope == kind.meta.scope:
            return str(row.place)
    found = creatable(visit, kind)
    return found[0].id if found and not (kind.meta.place and kind.meta.scope == kind.meta.name) else ""


def _suggested(meta: Meta) -> dict[str, Any]:
    """What the form holds at first in fields that must be given and have a default all the same."""
    known = forms.editable(meta.spec)
    return {n: msgspec.to_builtins(i.default) for n, i in known.items() if i.required and i.has_default}


def controls_of(visit: "Visit", draft: Draft, *, fresh: bool) -> list[Control]:
    """Place and name, the kind's fields, labels. An unticked box counts only in a form that was sent."""
    meta, texts = draft.kind.meta, draft.texts
    unticked = {} if fresh else forms.unticked(meta.spec, "spec")
    fields = forms.controls(meta.spec, "spec", {**unticked, **texts}, references(visit, draft.kind))
    labels = Control("labels", LABELS, "pairs", texts.get("labels", ""), "", "wide")
    return [*_place_control(visit, draft), _name_control(meta, draft.name), *fields, labels]


def _name_control(meta: Meta, text: str) -> Control:
    help_ = AUTO_HELP if meta.auto_name else NAME_HELP
    f = F(title=meta.name_title, help=help_, required=not meta.auto_name)
    return Control(
        "name", FieldInfo(name="name", shape="str", f=f, has_default=meta.auto_name), "text", text, "", "medium"
    )


def _place_control(visit: "Visit", draft: Draft) -> list[Control]:
    """Where it will lie; nothing to ask for what lies on the platform."""
    meta = draft.kind.meta
    if meta.scope == "platform":
        return []
    rows = creatable(visit, draft.kind)
    top = meta.place and meta.scope == meta.name
    above = [Choice("", T("平台最上层", "Top of the platform"))] if top else []
    choices = (*above, *(Choice(r.id, _titles(r)) for r in rows))
    title = PLACE_TITLES[meta.scope] if not top else T("上级单位", "Above it")
    info = FieldInfo(name=meta.scope, shape="str", f=F(title=title, required=not top), has_default=top)
    widget = "select" if rows and len(rows) < SHOWN_MAX else "text"
    return [Control(meta.scope, info, widget, draft.place, "", "medium", choices)]


def references(visit: "Visit", kind: AnyKind) -> dict[str, tuple[Choice, ...]]:
    """Rows that a reference may name, where they are few enough to choose from; else their name or id is typed."""
    found = {}
    for name, info in forms.editable(kind.meta.spec).items():
        if info.f.ref:
            other = visit.kernel.registry.kind(info.f.ref)
            rows = visit.kernel.page(visit.caller, other, visit.place.where(other.meta), BY_NAME, limit=SHOWN_MAX)
            if len(rows) < SHOWN_MAX:
                found[f"spec.{name}"] = tuple(Choice(r.id, _titles(r)) for r in rows)
    return found


def _titles(r: Kind[Any, Any]) -> T:
    return T(display(r, "zh"), display(r, "en"))


def call_of(visit: "Visit", draft: Draft) -> Call:
    """Same creation for other hands: places by name, and only what differs from the defaults."""
    meta = draft.kind.meta
    known = fields_of(meta.spec)
    spec = {k: v for k, v in draft.spec.items() if known[k].required or v != msgspec.to_builtins(known[k].default)}
    labels = draft.labels if isinstance(draft.labels, dict) else {}
    return visit.console.equivalents.create(meta, visit.place_name(draft.place), draft.name, labels, spec)


def summary(fields: Sequence[Control], error: CloudhallError | None) -> list[tuple[str, T]]:
    """Every problem with the control that it leads to; one that belongs to no control leads nowhere."""
    if error is None:
        return []
    known = {c.name: c.info for c in fields}
    found = [(forms.control_of(p), p) for p in error.problems]
    listed = [(name if name in known else "", forms.worded(p, known.get(name))) for name, p in found]
    how = T(f"{error.text.zh}。{error.how.zh}", f"{error.text.en}. {error.how.en}")
    return listed or [("", how)]
