"""Errors: each code with status, exit code, what to do, its reasons, and what may be wrong with a field."""

import importlib
import pkgutil
from collections.abc import Iterator

import cloudhall
from cloudhall.cli.errors import BY_STATUS, FAILED
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from reference_pages.markdown import both, code, heading, join, page, table
from reference_pages.source import Saying, sayings

TITLE = T("错误", "Errors")
ABOUT = T(
    "接口以 RFC 9457 答复错误：`code` 不变，`reason` 说明是哪一种情形，`problems` 一次列出全部字段的问题，"
    "`docs` 指到本页的对应标题。命令行据此给出退出码。",
    "The interface answers errors as RFC 9457: `code` never changes, `reason` says which case it is, `problems` names "
    "everything that is wrong with the fields at once, and `docs` leads to the heading here. The command line derives "
    "its exit code from it.",
)
FIELDS = T("字段的问题", "What is wrong with a field")
FIELDS_ABOUT = T(
    "`problems` 的每一项都有 `code`、指向字段的 JSON 指针 `pointer`、`detail` 和 `mend`。",
    "Each of `problems` has a `code`, a JSON `pointer` to the field, `detail` and `mend`.",
)
REPORTERS = {"Problem", "_report", "_known"}  # calls whose first word is the code of a problem


def render(_registry: Registry) -> str:
    """Render the page."""
    classes = error_classes()
    overview = table(
        ("code", "HTTP", "exit", "标题 · Title"),
        ([f"[`{c.code}`](#{c.code.lower()})", str(c.status), _exit(c), both(c.title)] for c in classes),
    )
    errors = [_error(c) for c in classes]
    problems = [_problem(code_, said) for code_, said in sorted(problem_sayings().items())]
    fields = [heading(2, both(FIELDS)), f"{FIELDS_ABOUT.zh}\n\n{FIELDS_ABOUT.en}\n"]
    return page(TITLE, ABOUT, overview, *errors, *fields, *problems)


def error_classes() -> list[type[CloudhallError]]:
    """Every class of errors in the program, the root first, then by status and code."""
    for module in pkgutil.walk_packages(cloudhall.__path__, "cloudhall."):
        importlib.import_module(module.name)
    ours = [c for c in _tree(CloudhallError) if c.__module__.startswith("cloudhall.")]
    return sorted(ours, key=lambda c: (c is not CloudhallError, c.status, c.code))


def problem_sayings() -> dict[str, list[T]]:
    """Codes of problems with what is said under each."""
    found: dict[str, list[T]] = {}
    for saying in sayings():
        if saying.callee in REPORTERS and saying.code.isupper():
            texts = found.setdefault(saying.code, [])
            texts += [saying.text] if saying.text and saying.text not in texts else []
    return found


def _tree(root: type[CloudhallError]) -> Iterator[type[CloudhallError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _error(c: type[CloudhallError]) -> str:
    return join(
        [
            heading(2, c.code),
            f"{both(c.title)}: HTTP {c.status}, exit {_exit(c)}\n",
            f"- {c.mend.zh}\n- {c.mend.en}\n",
            table(("reason", "何时", "When"), ([code(s.reason), s.text.zh, s.text.en] for s in _reasons(c) if s.text)),
        ]
    )


def _problem(code_: str, texts: list[T]) -> str:
    return join([heading(3, code_), "".join(f"- {both(text)}\n" for text in texts)])


def _reasons(c: type[CloudhallError]) -> list[Saying]:
    by_reason = {s.reason: s for s in sayings() if s.callee == c.__name__ and s.reason}
    return [by_reason[reason] for reason in sorted(by_reason)]


def _exit(c: type[CloudhallError]) -> str:
    return str(BY_STATUS.get(c.status, FAILED))
