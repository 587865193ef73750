"""What a list of one kind can be asked for: its indexed fields, and nothing that would read every row to answer.

Cost of a page at 3,000,000 rows: an index walk by id, name or an indexed field; a label reads its own entries; `q`
reads few rows whole, and of many their indexes (`saying`); facets read the rows that the other filters leave.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request

from cloudhall.api import params
from cloudhall.api.params import Param, Query
from cloudhall.api.saying import saying
from cloudhall.kernel import labels
from cloudhall.kernel.commands import Planner
from cloudhall.kernel.errors import Conflict, NotFound, Problem
from cloudhall.kernel.fields import JSON_SAFE_INTEGER, FieldInfo, fields_of
from cloudhall.kernel.kinds import Index, Kind, field_at, value_at
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.text import T

PAGE_SIZE_MAX = 1_000
PAGE_SIZE = 100
PAGE = (
    Param(
        name="page_size",
        title=T("每页条数", "Items a page"),
        shape="int",
        least=1,
        most=PAGE_SIZE_MAX,
        example=PAGE_SIZE,
    ),
    Param(name="page_token", title=T("上一页给出的翻页令牌", "Token that the page before gave")),
)
PLACE = {
    "project": Param(name="project", title=T("所在项目，名称或编号", "Project it lies in, by name or id")),
    "organisation": Param(
        name="organisation", title=T("所在单位，名称或编号", "Organisation it lies in, by name or id")
    ),
}
NAME = Param(name="name", title=T("名称，完全相同", "Name, exactly"))
LABEL = Param(
    name="label",
    title=T(
        "标签，写作 键:值 或 键；不同的键须都有，同一键的几个值任一即可",
        "Label as key:value or key; all of several keys, any of several values of one key",
    ),
    many=True,
    example="team:statistics",
)
IDS = Param(name="id", title=T("编号，可多个", "Id, any of several"), many=True)
Q = Param(
    name="q",
    title=T(
        "名称、标题、标签或索引文字中包含的字，或编号；超过 1 万行时只看名称的开头和完整的标签",
        "Part of name, title, labels or indexed text, or the id; of more than 10,000 rows how a name begins or a label",
    ),
)
_LOWEST = {"int": -(2**63), "bool": -1}


class Filters:
    """The questions that one kind's list answers; made once, at start."""

    def __init__(self, kind: AnyKind) -> None:
        """Name each index by its field; by its path where two fields share a name or the name means something else."""
        self.kind, meta = kind, kind.meta
        self.place = tuple(p for scope, p in PLACE.items() if scope == meta.scope)
        taken = {p.name for p in (*PAGE, *PLACE.values(), IDS, NAME, LABEL, Q, params.LANG)} | {"sort", "facets"}
        self.indexes: dict[str, tuple[Index, FieldInfo]] = {}
        for index in meta.indexes:
            info = field_at(meta, index.path)
            if info is not None:
                leaf = index.path.rpartition(".")[2]
                self.indexes[index.path if leaf in taken else leaf] = (index, info)
                taken.add(leaf)
        self.fields = {name: _param(name, index, info) for name, (index, info) in self.indexes.items()}
        plain = ("created_at", "name", *self.indexes)
        self.sorts = (*plain, *(f"-{n}" for n in plain))
        self.narrowing = (*self.place, IDS, NAME, LABEL, Q, *self.fields.values())
        self.params = (*PAGE, *self.place, NAME, LABEL, Q, *self._orders(), *self.fields.values())

    def read(self, request: Request, found: list[Problem], known: Sequence[Param] = ()) -> dict[str, Any]:
        """Read the query, of a list unless others are `known`; a field without an index is named as such."""
        wrong: list[Problem] = []
        query = params.read(request, known or self.params, wrong)
        fields = {*fields_of(self.kind.meta.spec), *fields_of(self.kind.meta.status)}
        for problem in wrong:
            name = problem.pointer.removeprefix("?")
            unknown = problem.code == "UNKNOWN" and name.rpartition(".")[2] in fields
            found.append(no_index(problem.pointer, name, self.fields) if unknown else problem)
        return query

    def where(self, planner: Planner, query: Query, found: list[Problem], within: Where = LIVE) -> Where:
        """Condition for a query, of the rows `within`; what names nothing goes to `found`."""
        where = within
        for param in self.place:
            if param.name in query:
                where = where & Where("place = ?", (planner.place_id(self.kind, query[param.name]),))
        if "id" in query:
            where = where & _among("id", [id_.lower() for id_ in query["id"]])
        if "name" in query:
            where = where & Where("name = ?", (query["name"],))
        for labelled in _labels(self.kind.meta.key, query.get("label", ())):
            where = where & labelled
        for name, (index, info) in self.indexes.items():
            if name in query:
                near = query.get(self.kind.meta.scope, "")
                values = [self._wanted(planner, name, info, value, near, found) for value in query[name]]
                where = where & _among(index.column, values)
        if "q" not in query:
            return where
        return where & saying(planner.kernel, planner.caller, self.kind, query["q"], where)

    def sort(self, query: Query) -> tuple[Sort, str]:
        """Order and the path that it goes by. Ids begin with the time of creation, so that they sort by it."""
        text = query.get("sort", "-created_at")
        name, descending = text.removeprefix("-"), text.startswith("-")
        if name == "created_at":
            return Sort("id", descending=descending), "id"
        if name == "name":
            return Sort("name", descending=descending), "name"
        index, info = self.indexes[name]
        return Sort(_ordered(index.column, info), descending=descending), index.path

    def position(self, row: Kind[Any, Any], path: str) -> list[Any]:
        """Where a page that ends with this row ends, as `Table.page` takes it."""
        if path == "id":
            return [row.id, row.id]
        info, value = field_at(self.kind.meta, path), value_at(row, path)
        if info is not None and value is None:
            return [_lowest(info), row.id]
        return [_stored(value), row.id]

    def facet_names(self, query: Query, found: list[Problem]) -> list[str]:
        """Fields to count by."""
        names = [n for n in query.get("facets", "").split(",") if n]
        found += [no_index("?facets", name, self.fields) for name in names if name not in self.fields]
        return [n for n in names if n in self.fields]

    def _orders(self) -> tuple[Param, ...]:
        sort = T("排序；前加 - 为倒序", "Order; a leading - turns it round")
        facets = T("按这些字段计数，逗号分隔", "Count by these fields, separated by commas")
        return (
            Param(name="sort", title=sort, shape="choice", choices=self.sorts, example="-created_at"),
            Param(name="facets", title=facets, example=",".join(self.fields) or None),
        )

    def _wanted(self, planner: Planner, name: str, info: FieldInfo, value: Any, near: str, found: list[Problem]) -> Any:
        """Value to compare with: a reference may be given by name, looked for in the same place first named."""
        if not info.f.ref or not isinstance(value, str):
            return _stored(value)
        other = planner.kernel.registry.kind(info.f.ref)
        try:
            return planner.find(other, value, near if other.meta.scope == self.kind.meta.scope else "").id
        except (NotFound, Conflict) as error:
            found.append(Problem("NO_SUCH", f"?{name}", error.text, error.how))
            return value


def no_index(pointer: str, name: str, known: Iterable[str]) -> Problem:
    """Say which fields can be filtered by."""
    names = list(known)
    text = T(f"不能按 {name} 筛选：它没有索引", f"Nothing can be filtered by {name}: it has no index")
    mend = T("可用：" + "、".join(names), "Indexed: " + ", ".join(names)) if names else None
    return Problem("NO_INDEX", pointer, text, mend)


def facet_value(info: FieldInfo, value: Any) -> Any:
    """Give a column's value back as the field has it."""
    return bool(value) if info.shape == "bool" and value is not None else value


def _param(name: str, index: Index, info: FieldInfo) -> Param:
    shapes: Mapping[str, params.Shape] = {"int": "int", "bool": "bool", "enum": "choice"}
    shape = shapes.get(info.shape, "text")
    return Param(
        name=name,
        alias=index.path,
        title=info.title,
        shape=shape,
        least=-JSON_SAFE_INTEGER,
        choices=info.choices,
        many=True,
    )


def _labels(kind: str, asked: Sequence[str]) -> list[Where]:
    """One condition a key: any of the values that were asked for it."""
    by_key: dict[str, list[Where]] = {}
    for text in asked:
        key, colon, value = text.partition(":")
        by_key.setdefault(key, []).append(labels.having(kind, key, value if colon else None))
    return [functools.reduce(Where.__or__, wheres) for wheres in by_key.values()]


def _among(column: str, values: Sequence[Any]) -> Where:
    return Where(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))


def _ordered(column: str, info: FieldInfo) -> str:
    """Rows without a value come before all others, so that a page can end among them."""
    lowest = _lowest(info)
    return f"coalesce({column}, {lowest!r})" if info.nullable else column


def _lowest(info: FieldInfo) -> Any:
    return _LOWEST.get(info.shape, "")


def _stored(value: Any) -> Any:
    """Value as the index column holds it."""
    plain = msgspec.to_builtins(value)
    return int(plain) if isinstance(plain, bool) else plain
