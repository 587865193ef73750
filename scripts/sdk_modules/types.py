"""From declared fields to typed dictionaries: what is read has them all, what is sent leaves out what has a default."""

import keyword
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from cloudhall.cli.width import wrap
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Meta, field_at

COLUMNS = 110  # of documentation, which is indented by four at most
PLAIN = {"int": "int", "bool": "bool", "str": "str", "datetime": "str", "date": "str"}
READ = ""
SENT = "Input"


class Types:
    """Typed dictionaries of one module, each written once and before whoever uses it."""

    def __init__(self, prefix: str) -> None:
        """`prefix` begins every name: `Bucket`."""
        self.prefix = prefix
        self.written: dict[str, str] = {}

    def add(self, name: str, text: str, rows: Iterable[str], *, base: str = "TypedDict") -> None:
        """Write a dictionary of the given rows; `base` may say `TypedDict, total=False`."""
        body = "".join(f"    {row}\n" for row in rows)
        self.written[name] = f"class {name}({base}):\n{documented(text)}\n\n{body}"

    def rows(self, infos: Mapping[str, FieldInfo], mode: str, *, partial: bool = False) -> Iterator[str]:
        """Members of a dictionary with their documentation; `partial` as in a patch, where None takes away."""
        for name, info in infos.items():
            type_ = self.type_of(info, mode) + (" | None" if partial and not info.nullable else "")
            optional = mode == SENT and not info.required and not partial
            yield f"{name}: {f'NotRequired[{type_}]' if optional else type_}"
            yield f'"""{_field_doc(info)}"""'

    def type_of(self, info: FieldInfo, mode: str) -> str:
        """Type of one value."""
        return self._type(info, mode) + (" | None" if info.nullable else "")

    def _type(self, info: FieldInfo, mode: str) -> str:
        if info.shape == "enum":
            return f"Literal[{', '.join(map(repr, info.choices))}]"
        if info.item is not None:
            inner = self.type_of(info.item, mode)
            return f"list[{inner}]" if info.shape == "list" else f"dict[str, {inner}]"
        if info.struct is not None:
            return self._struct(info.struct, mode)
        return PLAIN[info.shape]

    def _struct(self, struct: type[msgspec.Struct], mode: str) -> str:
        fields = fields_of(struct)
        if fields.keys() == {"zh", "en"}:
            return "Texts"
        name = f"{self.prefix}{struct.__name__.removeprefix(self.prefix)}{mode}"
        if name not in self.written:
            rows = list(self.rows(fields, mode))
            self.add(name, (struct.__doc__ or name).splitlines()[0], rows)
        return name


def where_of(meta: Meta, types: Types) -> str:
    """Dictionary of what a list is filtered by; one whose names are no words of Python is written as a call."""
    rows = dict(_filters(meta, types))
    name = f"{types.prefix}Where"
    if all(word.isidentifier() and not keyword.iskeyword(word) for word in rows):
        typed = (f"{word}: {type_}" for word, type_ in rows.items())
        types.add(name, f"What a list of {meta.plural} is filtered by.", typed, base="TypedDict, total=False")
    else:
        members = ", ".join(f"{word!r}: {type_}" for word, type_ in rows.items())
        types.written[name] = f"{name} = TypedDict({name!r}, {{{members}}}, total=False)\n"
    return name


def _filters(meta: Meta, types: Types) -> Iterator[tuple[str, str]]:
    from cloudhall.cli.declared import filters_of

    for name, path in filters_of(meta).items():
        info = field_at(meta, path)
        assert info is not None, path
        one = types.type_of(info.item if info.shape == "list" and info.item else info, READ).removesuffix(" | None")
        yield name, one if info.shape == "bool" else f"{one} | Sequence[{one}]"


def documented(summary: str, *more: str, indent: int = 4) -> str:
    """Docstring: a sentence, and below it whatever else there is to say."""
    space = " " * indent
    ended = summary if summary.endswith(".") else f"{summary}."
    if not more:
        return f'{space}"""{ended}"""'
    lines = [line for said in more for line in wrap(said.replace("\\", "\\\\"), COLUMNS)]
    return "\n".join([f'{space}"""{ended}\n', *(f"{space}{line}" for line in lines), f'{space}"""'])


def _field_doc(info: FieldInfo) -> str:
    unit = f" ({info.f.unit})" if info.f.unit else ""
    said = [f"{info.title.en}{unit}", info.title.zh, *([info.f.help.en, info.f.help.zh] if info.f.help else [])]
    return "\n    ".join(wrap(" · ".join(dict.fromkeys(said)).replace("\\", "\\\\"), COLUMNS))
