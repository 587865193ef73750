"""The policy map: each system that the policy texts ask for, what serves it here, and how far that is.

What is asked for stands in `policy.toml`; who serves it in the declarations (`clauses`); how far, in the `[rows]` of
each domain's quality.toml; a test is a module beside the domain's own that works with the kind.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.rule_files import tables_in
from cloudhall.kernel.text import T
from reference_pages.markdown import both, code, codes, heading, join, page, table

TITLE = T("政策对照", "Policy map")
ABOUT = T(
    "政策文件要求的每个系统：由哪些资源类型和规则承担，哪些测试验证，做到哪一步。没有承担者的一行就是还没有做。",
    "Each system that the policy texts ask for: which kinds and rules serve it, which tests hold it, and how far it "
    "is. A row that nothing serves is not built.",
)
ROOT = Path(__file__).resolve().parents[2]
STATES = {
    "done": T("完成", "done"),
    "todo": T("部分", "in part"),
    "exempt": T("不适用", "exempt"),
    "": T("未做", "not built"),
}
HEAD = ("", "系统 · System", "出处 · Source", "类型 · Kinds", "规则 · Rules", "测试 · Tests", "状态 · State")
TESTS_MAX = 4


def render(registry: Registry) -> str:
    """Render the page."""
    asked = tomllib.loads((Path(__file__).parent / "policy.toml").read_text("utf-8"))
    quality, tests = _quality(registry), _tests(registry)
    blocks = [table(("", "文件 · Text"), [(name, _text(text)) for name, text in asked["texts"].items()])]
    for group, zh in asked["groups"].items():
        rows = [
            _row(registry, id_, system, quality.get(id_, {}), tests)
            for id_, system in asked["systems"].items()
            if system["group"] == group
        ]
        blocks += [heading(2, f"{zh} · {group[0].upper()}{group[1:]}"), table(HEAD, rows)]
    return page(TITLE, ABOUT, join(blocks))


def _row(
    registry: Registry, id_: str, system: Mapping[str, Any], quality: Mapping[str, str], tests: Mapping[str, list[str]]
) -> list[str]:
    kinds = [kind for kind in registry if id_ in kind.meta.clauses]
    serving = [d for d in registry.domains.values() if id_ in d.clauses and d.name != "kernel"]  # its rules serve all
    rules = [t.id for d in serving if d.rules for t in tables_in(d.rules)]
    held = list(dict.fromkeys(test for kind in kinds for test in tests[kind.meta.key]))
    state = both(STATES[quality.get("status", "todo" if kinds else "")])
    return [
        code(id_),
        both(T(system["zh"], system["en"])),
        "; ".join(system["sources"]),
        ", ".join(f"[{both(k.meta.title)}](kinds/{k.meta.domain}.md#{k.meta.key.replace('.', '')})" for k in kinds),
        codes(rules),
        codes(held[:TESTS_MAX]),
        ": ".join(filter(None, (state, quality.get("reason", "")))),
    ]


def _text(text: Mapping[str, str]) -> str:
    return " ".join(filter(None, (text["title"], text.get("number", ""))))


def _quality(registry: Registry) -> dict[str, dict[str, str]]:
    """Rows of all domains; of one that several serve the reasons of each."""
    found: dict[str, dict[str, str]] = {}
    for name in registry.domains:
        file = ROOT / "src/cloudhall/domains" / name / "quality.toml"
        rows = tomllib.loads(file.read_text("utf-8")).get("rows", {}) if file.exists() else {}
        for id_, row in rows.items():
            before = found.get(id_, {}).get("reason", "")
            found[id_] = {**row, "reason": "; ".join(filter(None, (before, row.get("reason", ""))))}
    return found


def _tests(registry: Registry) -> dict[str, list[str]]:
    """Test modules of a kind's own domain that work with it, those named after it first."""
    return {k.meta.key: sorted(_modules(k), key=lambda path: (k.meta.name not in path, path)) for k in registry}


def _modules(kind: AnyKind) -> Iterator[str]:
    names = re.compile(rf"\b{kind.__name__}\b")
    domain = kind.meta.domain
    folder = ROOT / "tests" / ("kernel" if domain == "kernel" else f"domains/{domain}")
    for path in sorted(folder.rglob("test_*.py")):
        if names.search(path.read_text("utf-8")):
            yield path.relative_to(ROOT).as_posix()
