"""Kinds: one page a domain, with fields in both languages, who may what, rules, reasons to wait, and events."""

from collections.abc import Callable, Iterator
from typing import Any

from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.metering import MeterDef
from cloudhall.kernel.registry import AnyKind, Domain, Registry
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T
from reference_pages.events import event_names
from reference_pages.fields import fields_table
from reference_pages.markdown import both, code, codes, heading, join, page, section, table
from reference_pages.source import Saying, said_by, sayings

OUTCOMES = {"Wait": "会自行好转 · passes", "Blocked": "需要处理 · somebody must act", "condition": "状况 · condition"}


def pages(registry: Registry) -> dict[str, Callable[[Registry], str]]:
    """One page for each domain, by its path below docs/reference."""
    return {f"kinds/{d.name}.md": _renderer(d) for d in registry.domains.values()}


def _renderer(domain: Domain) -> Callable[[Registry], str]:
    def render(registry: Registry) -> str:
        return page(domain.title, domain.question, *(_kind(registry, kind) for kind in domain.kinds))

    return render


def _kind(registry: Registry, kind: AnyKind) -> str:
    meta = kind.meta
    return join(
        [
            heading(2, meta.key),
            f"**{both(meta.title)}**\n\n{meta.doc.zh}\n\n{meta.doc.en}\n",
            table(("", ""), _facts(registry, kind)),
            section(3, f"{meta.key}: spec", fields_table(meta.spec, "spec.")),
            section(3, f"{meta.key}: status", fields_table(meta.status, "status.")),
            section(3, f"{meta.key}: 操作 · actions", join(_actions(meta))),
            section(3, f"{meta.key}: 谁可以 · who may", table(("操作 · Verb", "角色 · Roles"), _allowed(meta))),
            section(3, f"{meta.key}: 规则 · rules", table(("规则 · Rule", "说法 · What it says"), _rules(meta))),
            section(3, f"{meta.key}: 为何未就绪 · why not ready", table(("reason", "", ""), _reasons(kind))),
        ]
    )


def _facts(registry: Registry, kind: AnyKind) -> Iterator[tuple[str, str]]:
    meta = kind.meta
    yield "所在 · Lies in", meta.scope
    yield "API", f"[`/api/v1/{meta.plural}`](../http.md)"
    yield "编号 · Id", code(f"{meta.prefix}-…")
    for quota in meta.quotas:
        room = f"{both(quota.title)}, {quota.unit}, 默认 · default {quota.default:,}"
        yield "配额 · Quota", f"{code(quota.key)} ← {code(quota.path)} ({room})"
    for meter in meta.meters:
        yield "计量 · Meter", f"{_meter(registry.meters[meter.key])} ← {code(meter.path)}"
    if meta.secret:
        yield "密钥 · Secret", "创建时显示一次 · shown once, when it is made"
    if filters := [i.path for i in meta.indexes if "." in i.path]:
        yield "筛选 · Filters", codes(filters)
    if children := registry.children(meta.key):
        yield "被引用 · Referred to by", codes(f"{child.meta.key} {path}" for child, path in children)
    yield "事件 · Events", ", ".join(f"[`{e}`](../events.md#{_anchor(e)})" for e in event_names(kind))
    if meta.clauses:
        yield "条款 · Clauses", ", ".join(meta.clauses)


def _meter(meter: MeterDef) -> str:
    return f"[`{meter.key}`](../meters.md#{_anchor(meter.key)})"


def _anchor(heading_: str) -> str:
    return heading_.replace(".", "").lower()


def _actions(meta: Meta) -> Iterator[str]:
    for name, action in meta.actions.items():
        lost = "; 不可撤销 · cannot be undone" if action.danger else ""
        refusal = f"否则 · else: {both(action.why_not)}"
        yield f"- {code(name)}: {both(action.title)} ({refusal}{lost})\n"
        yield fields_table(action.args)


def _allowed(meta: Meta) -> Iterator[tuple[str, str]]:
    rights = dict(meta.allow) | {name: a.allow for name, a in meta.actions.items()}
    for verb, roles in rights.items():
        titles = ", ".join(both(ROLES.get(role, T(role, role))) for role in roles)
        yield code(verb), titles or "只凭策略 · by policy alone"


def _rules(meta: Meta) -> Iterator[tuple[str, str]]:
    for rule in (*meta.checks, *meta.delete_checks):
        said = [s for s in said_by(rule.__module__, rule.__name__) if s.callee == "Problem" and s.text]
        texts = dict.fromkeys(f"{both(s.text)} ({_link(s)})" for s in said if s.text)
        yield rule.__name__.replace("_", " "), "<br>".join(texts) or (rule.__doc__ or "").strip().partition("\n")[0]


def _link(said: Saying) -> str:
    return f"[`{said.code}`](../errors.md#{said.code.lower()})"


def _reasons(kind: AnyKind) -> Iterator[tuple[str, str, str]]:
    runs: list[Any] = [kind.meta.controller, kind.meta.finalizer]
    where = {(run.__module__, run.__name__) for run in runs if run}
    modules = {module for module, _ in where}
    seen = set()
    for said in sayings():
        if said.module in modules and said.callee in OUTCOMES and said.text and said.code not in seen:
            seen.add(said.code)
            yield code(said.code), OUTCOMES[said.callee], both(said.text)
