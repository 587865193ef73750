"""From the registry to the catalogue: what the command line needs of each declaration, as plain data."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from cloudhall.cli.catalogue import Action, Catalogue, Field, Noun
from cloudhall.kernel import kinds
from cloudhall.kernel.fields import F, FieldInfo, fields_of
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import STATES

COMMON = {
    info.name: info
    for info in (
        FieldInfo(name="id", shape="str", f=F(title=T("编号", "Id"))),
        FieldInfo(name="state", shape="enum", f=F(title=T("状态", "State"), choices=STATES)),
        FieldInfo(name="labels", shape="map", f=F(title=T("标签", "Labels"))),
        FieldInfo(name="revision", shape="int", f=F(title=T("版本", "Revision"))),
        FieldInfo(name="created_at", shape="datetime", f=F(title=T("创建时间", "Created"))),
        FieldInfo(name="updated_at", shape="datetime", f=F(title=T("更新时间", "Updated"))),
        FieldInfo(name="deleting_at", shape="datetime", f=F(title=T("开始删除", "Deleting since"))),
        FieldInfo(name="secret", shape="str", f=F(title=T("密钥", "Secret"))),
    )
}
ON_EVERY_STATUS = ("conditions", "observed_generation")  # on the wire they stand beside the status
TAKEN = {"page_size", "page_token", "project", "organisation", "name", "label", "q", "lang", "sort", "facets"}
PLACES = {
    "organisation": FieldInfo(name="organisation", shape="str", f=F(title=T("单位", "Organisation"))),
    "project": FieldInfo(name="project", shape="str", f=F(title=T("项目", "Project"))),
}


def catalogue_of(registry: Registry, made_from: str = "", reserved: frozenset[str] = frozenset()) -> Catalogue:
    """Every noun of a registry; a word that two kinds share, or that is `reserved`, gets its domain before it."""
    words = Counter(kind.meta.name for kind in registry) + Counter(reserved)
    nouns = [_noun(kind.meta, alone=words[kind.meta.name] == 1) for kind in registry]
    return Catalogue(
        made_from=made_from,
        domains={d.name: d.title.both() for d in registry.domains.values()},
        nouns={noun["noun"]: noun for noun in nouns},
    )


def _noun(meta: Meta, *, alone: bool) -> Noun:
    return Noun(
        noun=(meta.name if alone else f"{meta.domain}_{meta.name}").replace("_", "-"),
        kind=meta.key,
        plural=meta.plural,
        title=meta.title.both(),
        doc=meta.doc.both(),
        domain=meta.domain,
        scope=meta.scope,
        auto_name=meta.auto_name,
        example=str(meta.demo[0]["name"]) if meta.demo and not meta.auto_name else "",
        verbs=[v for v in meta.verbs if v not in meta.actions],
        clauses=list(meta.clauses),
        filters=filters_of(meta),
        columns=[meta.scope if c == "place" else c for c in meta.columns],
        common=_fields(_common(meta)),
        spec=_fields(fields_of(meta.spec)),
        status=_fields({n: i for n, i in fields_of(meta.status).items() if n not in ON_EVERY_STATUS}),
        actions={name: _action(a) for name, a in meta.actions.items()},
    )


def _common(meta: Meta) -> dict[str, FieldInfo]:
    """Fields that every kind has, the name as this one calls it, and its place."""
    name = FieldInfo(name="name", shape="str", f=F(title=meta.name_title))
    place = {meta.scope: PLACES[meta.scope]} if meta.scope in PLACES else {}
    return {"id": COMMON["id"], "name": name} | COMMON | place


def filters_of(meta: Meta) -> dict[str, str]:
    """Name each index by its field, or by its path where that name is taken: as the API does."""
    filters: dict[str, str] = {}
    for path in (i.path for i in meta.indexes if "." in i.path):
        name = path.rpartition(".")[2]
        filters[path if name in TAKEN or name in filters else name] = path
    return filters


def _action(action: kinds.Action) -> Action:
    return Action(title=action.title.both(), danger=action.danger, args=_fields(fields_of(action.args)))


def _fields(infos: Mapping[str, FieldInfo]) -> dict[str, Field]:
    return {name: _field(info) for name, info in infos.items()}


def _field(info: FieldInfo) -> Field:
    f = info.f
    return Field(
        name=info.name,
        shape=info.shape,
        title=f.title.both(),
        help=f.help.both() if f.help else None,
        unit=f.unit,
        example=msgspec.to_builtins(f.example),
        default=msgspec.json.decode(msgspec.json.encode(info.default)),  # a tuple is a list in the file
        required=info.required,
        nullable=info.nullable,
        immutable=f.immutable,
        by=list(f.by),
        ref=f.ref,
        ge=f.ge,
        le=f.le,
        choices={c: f.choices.get(c, T(c, c)).both() for c in info.choices or f.choices},
        item=_field(info.item) if info.item else None,
        fields=_fields(fields_of(info.struct)) if info.struct else {},
    )
