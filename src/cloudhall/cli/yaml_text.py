"""YAML as people write it here: the safe loader with the scalars of YAML 1.2, and plain, readable output.

`no`, `010` and `2026-12-31` are words, as in every other format we read; a key that stands twice is a mistake, not the
last one. Imported by the commands that read or write YAML alone: it costs 15 ms.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

LINE, DOUBLED = T("{} 第 {} 行：{}", "{}, line {}: {}"), T("“{}”出现了两次", "{!r} stands there twice")
LINE_COLUMNS = 100
# YAML 1.2.2, 10.3.2 (core schema), but for numbers in unusual forms, which stay words: what we write as a word is read
# as one. Beside each pattern, what it may begin with.
CORE = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "float": (r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?", "-+0123456789"),
}


class _Loader(yaml.SafeLoader):
    """Safe, and with no more kinds of scalars than JSON has."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  the loader's own way of being told

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  as in the class above
        """Refuse a key that stands twice."""
        keys: list[Node] = [key for key, _ in node.value]
        for n, key in enumerate(keys):
            if key.value in [other.value for other in keys[:n]]:
                raise yaml.constructor.ConstructorError(None, None, say(DOUBLED, key.value), key.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as one."""


def _as_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


for _name, (_pattern, _first) in CORE.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})$"), [*_first, ""])
_Dumper.add_representer(str, _as_text)


def read(text: str, source: str) -> list[Any]:
    """Every document of a text that is not empty; raises `Misuse` that names `source` and the line."""
    try:
        return [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Misuse(say(LINE, source, mark.line + 1 if mark else 1, error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise Misuse(say(LINE, source, 1, error)) from None


def written(value: Any) -> str:
    """One document, in the order in which it was put together."""
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=LINE_COLUMNS)
