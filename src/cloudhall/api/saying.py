"""Which rows say a text, at a cost that does not grow with the table.

Where a question leaves few rows, each of them is read, and may say the text anywhere in its name, labels, indexed text
or the titles that people know it by. Among many rows only indexes are asked: how a name or an indexed text begins, a
whole label, an id. Cost: `FEW_MAX` rows read, or as many entries of an index, at 3,000,000 rows as at 10,000.
"""

from typing import TYPE_CHECKING

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kinds import field_at
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.tables import LIVE, Where

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

FEW_MAX = 10_000  # read in about 8 ms
TITLES = (("title_zh", "title_en"), ("display_name", "display_name_en"))
"""Fields of a spec that people know a resource by, where it has them."""
LAST = "\U0010ffff"


def saying(kernel: "Kernel", caller: Caller, kind: AnyKind, text: str, among: Where = LIVE) -> Where:
    """Rows among those of a question that say a text, or have it as their id."""
    if is_id(text):
        return Where("id = ?", (text.lower(),))
    if few(kernel, caller, kind, among):
        return _anywhere(kernel, kind, text)
    return _indexed(kernel, caller, kind, text, among)


def few(kernel: "Kernel", caller: Caller, kind: AnyKind, among: Where = LIVE) -> bool:
    """Whether a question leaves the caller so few rows that each of them is read."""
    return kernel.count(caller, kind, among, FEW_MAX + 1) <= FEW_MAX


def _anywhere(kernel: "Kernel", kind: AnyKind, text: str) -> Where:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    columns = ("name", "labels", *_text_columns(kind), *_titles(kernel, kind))
    said = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns)
    return Where(said, (f"%{escaped}%",) * len(columns))


def _indexed(kernel: "Kernel", caller: Caller, kind: AnyKind, text: str, among: Where) -> Where:
    """The first rows of each index that begin with it. What the question leaves and the caller sees stands within.

    So a page of what was found sorts `FEW_MAX` rows of an index at most, and loses none that a narrower text finds.
    """
    visible = kernel.authority.visible(kernel.store.read(), caller, kind)
    parts = [_beginning(kind, column, text, among & visible) for column in ("name", *_text_columns(kind))]
    parts.append(_labelled(kind, text))
    ids = " UNION ".join(part.sql for part in parts)
    return Where(f"id IN ({ids})", tuple(param for part in parts for param in part.params))


def _beginning(kind: AnyKind, column: str, text: str, among: Where) -> Where:
    begins = Where(f"{column} >= ? AND {column} < ?", (text, text + LAST))
    return _first(kind.meta.table, LIVE & begins & among, f"by_{column}")


def _labelled(kind: AnyKind, text: str) -> Where:
    """Label `key`, `key:value` or `key=value`."""
    key, mark, value = text.partition(":" if ":" in text else "=")
    said, params = (" AND value = ?", (value,)) if mark else ("", ())
    return _first("label", Where(f"kind = ? AND key = ?{said}", (kind.meta.key, key, *params)), "by_label")


def _first(table: str, where: Where, alias: str) -> Where:
    inner = f"SELECT id FROM {table} WHERE {where.sql} LIMIT {FEW_MAX}"  # noqa: S608  names from the declaration
    return Where(f"SELECT id FROM ({inner}) AS {alias}", where.params)  # noqa: S608  the line above


def _text_columns(kind: AnyKind) -> list[str]:
    return [i.column for i in kind.meta.indexes if _is_text(field_at(kind.meta, i.path))]


def _titles(kernel: "Kernel", kind: AnyKind) -> list[str]:
    """Titles lie in the spec's JSON, in no column."""
    there = fields_of(kind.meta.spec)
    names = [name for pair in TITLES for name in pair if name in there]
    return [kernel.store.dialect.member.format("spec", name) for name in names]


def _is_text(info: FieldInfo | None) -> bool:
    return info is not None and info.shape == "str" and not info.f.ref
