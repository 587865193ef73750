"""Roles: who may what, role by role, and the policies that say more than the roles do."""

import re
from collections.abc import Iterator

from cloudhall.kernel.registry import Registry
from cloudhall.kernel.roles import ADMINISTRATORS, ROLES
from cloudhall.kernel.text import T
from reference_pages.markdown import both, code, codes, heading, page, table

TITLE = T("角色与权限", "Roles and rights")
ABOUT = T(
    "角色授予在单位或项目上，对其下的一切有效。没有一条允许的，就是不允许；看不到的答复 404。"
    "系统、安全、审计三员分设，一人不能兼任。`cloudhall explain bucket --may delete` 说明某个判断的依据。",
    "A role is granted on an organisation or project and holds for everything below. What nothing allows is not "
    "allowed; what one may not see answers 404. System, security and audit administrators are three different people. "
    "`cloudhall explain bucket --may delete` says what a decision rests on.",
)
POLICIES = T("其他策略", "Further policies")
POLICY = re.compile(r'@id\("([^"]+)"\)\s*@zh\("([^"]+)"\)\s*@en\("([^"]+)"\)\s*(permit|forbid)')


def render(registry: Registry) -> str:
    """Render the page."""
    roles = [_role(registry, role) for role in ROLES]
    policies = table(("", "策略 · Policy", "内容 · What it says"), _policies(registry))
    return page(TITLE, ABOUT, *roles, heading(2, both(POLICIES)), policies)


def _role(registry: Registry, role: str) -> str:
    separated = " 三员之一 · One of the three administrators." if role in ADMINISTRATORS else ""
    rights = table(("种类 · Kind", "可以 · May"), _rights(registry, role))
    return f"{heading(2, role)}\n{both(ROLES[role])}.{separated}\n\n{rights}"


def _rights(registry: Registry, role: str) -> Iterator[tuple[str, str]]:
    for kind in registry:
        meta = kind.meta
        rights = dict(meta.allow) | {name: a.allow for name, a in meta.actions.items()}
        if verbs := [verb for verb, roles in rights.items() if role in roles]:
            yield f"[{both(meta.title)}](kinds/{meta.domain}.md#{meta.key.replace('.', '')})", codes(verbs)


def _policies(registry: Registry) -> Iterator[tuple[str, str, str]]:
    for domain in registry.domains.values():
        for id_, zh, en, effect in POLICY.findall(domain.policies):
            yield effect, code(f"{domain.name}: {id_}"), both(T(zh, en))
