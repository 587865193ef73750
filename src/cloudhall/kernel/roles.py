"""Roles: who does what, by the words of the field. A role is granted on a place and holds for all below it.

The three administrators are separated (GB/T 22239 8.1.5: 系统管理, 审计管理, 安全管理): none has another's rights,
and policy forbids one person to use two of them on one thing.
"""

from cloudhall.kernel.text import T

VIEWER = "viewer"
DEVELOPER = "developer"
DATA_OFFICER = "data_officer"
ORG_ADMIN = "org_admin"
SYSTEM_ADMIN = "system_admin"
SECURITY_ADMIN = "security_admin"
AUDIT_ADMIN = "audit_admin"

ROLES: dict[str, T] = {
    VIEWER: T("查看者", "viewer"),
    DEVELOPER: T("开发者", "developer"),
    DATA_OFFICER: T("数据专员", "data officer"),
    ORG_ADMIN: T("单位管理员", "organisation administrator"),
    SYSTEM_ADMIN: T("系统管理员", "system administrator"),
    SECURITY_ADMIN: T("安全管理员", "security administrator"),
    AUDIT_ADMIN: T("审计管理员", "audit administrator"),
}

USERS = (VIEWER, DEVELOPER, DATA_OFFICER, ORG_ADMIN)
ADMINISTRATORS = (SYSTEM_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN)
EVERYBODY = (*USERS, *ADMINISTRATORS)
