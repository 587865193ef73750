"""What the program says and where: texts beside the codes that it raises, read from its source.

A text with values in it shows `…` for each. Texts that are put together elsewhere are left out rather than guessed.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cloudhall import kernel
from cloudhall.kernel.text import T

PACKAGE = Path(kernel.__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Names = list[ast.Assign]


class Saying(NamedTuple):
    """One call that says something: `callee("CODE", …, T(zh, en), reason="…")` within a function of a module."""

    module: str
    function: str
    callee: str
    code: str
    reason: str
    text: T | None


@functools.cache
def sayings() -> tuple[Saying, ...]:
    """Every call with a code or a reason, in the order of files and lines."""
    return tuple(s for module, tree in _modules().items() for s in _of_module(module, tree))


def said_by(module: str, function: str) -> list[Saying]:
    """What a function says, itself or through functions of the same package that it calls."""
    package, reached, ahead = module.rpartition(".")[0], set[str](), [function]
    while ahead:
        name = ahead.pop()
        reached.add(name)
        ahead += [callee for callee in _calls(package).get(name, ()) if callee not in reached]
    return [s for s in sayings() if s.function in reached and s.module.rpartition(".")[0] == package]


@functools.cache
def _modules() -> dict[str, ast.Module]:
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    return {name: ast.parse(path.read_text("utf-8")) for name, path in zip(names, paths, strict=True)}


@functools.cache
def _calls(package: str) -> dict[str, set[str]]:
    """Names that each function of a package's modules calls."""
    trees = [tree for name, tree in _modules().items() if name.rpartition(".")[0] == package]
    functions = [n for tree in trees for n in ast.walk(tree) if isinstance(n, Function)]
    return {f.name: {_last_name(n.func) for n in ast.walk(f) if isinstance(n, ast.Call)} for f in functions}


def _of_module(module: str, tree: ast.Module) -> Iterator[Saying]:
    constants = _assigned(tree.body)
    for function in (n for n in ast.walk(tree) if isinstance(n, Function)):
        names = constants + _assigned(ast.walk(function))
        for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
            code, reason = _code(call, names), _reason(call)
            if code or reason:
                yield Saying(module, function.name, _last_name(call.func), code, reason, _text(call, names))


def _assigned(nodes: Iterable[ast.AST]) -> Names:
    return [n for n in nodes if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]


def _code(call: ast.Call, names: Names) -> str:
    first = _followed(call.args[0], names) if call.args else None
    word = first.value if isinstance(first, ast.Constant) else ""
    return word if isinstance(word, str) and re.fullmatch(r"[A-Za-z][A-Za-z_]{2,}", word) else ""


def _reason(call: ast.Call) -> str:
    values = [k.value for k in call.keywords if k.arg == "reason"]
    return next((str(v.value) for v in values if isinstance(v, ast.Constant)), "")


def _text(call: ast.Call, names: Names) -> T | None:
    """First text among the arguments."""
    return next((found for arg in call.args if (found := _as_text(_followed(arg, names)))), None)


def _as_text(node: ast.expr) -> T | None:
    """`T(zh, en)`, also with `.format(…)` behind it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        node = node.func.value
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "T"):
        return None
    words = [_words(arg) for arg in node.args]
    return T(*words) if len(words) == 2 and all(words) else None


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return re.sub(r"{[^}]*}", "…", node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _followed(node: ast.expr, names: Names) -> ast.expr:
    """What was put into a name last above the place where it stands; a module's constants hold everywhere."""
    if not isinstance(node, ast.Name):
        return node
    known = [n for n in names if isinstance(n.targets[0], ast.Name) and n.targets[0].id == node.id]
    above = [n for n in known if n.lineno <= node.lineno]
    return (above or known)[-1].value if known else node


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]
