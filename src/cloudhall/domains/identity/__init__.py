"""Identity answers: who are you, for whom do you act."""

from pathlib import Path

import cloudhall.domains.identity.sharing  # noqa: F401  adds its checks to grants
from cloudhall.domains.identity import attempts, factors, passwords, resets, rules, sessions, signing_up, views
from cloudhall.domains.identity.deciding import NEEDS
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.identity_provider import IdentityProvider
from cloudhall.domains.identity.invitation import Invitation
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.linked_account import LinkedAccount
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.pages import PAGES
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.quota_limit import QuotaLimit
from cloudhall.domains.identity.real_name_verification import RealNameVerification
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.domains.identity.token import Token
from cloudhall.kernel.registry import Domain
from cloudhall.kernel.text import T

SCHEMAS = (
    passwords.SCHEMA,
    resets.SCHEMA,
    sessions.SCHEMA,
    *factors.SCHEMAS,
    signing_up.SCHEMA,
    attempts.SCHEMA,
    views.SCHEMA,
)
"""Hot tables of the domain, for the kernel that opens it."""
DOMAIN = Domain(
    name="identity",
    title=T("身份与组织", "Identity"),
    question=T("你是谁，代表谁办事？", "Who are you, for whom do you act?"),
    kinds=(
        Organisation,
        Project,
        Person,
        ServiceAccount,
        Grant,
        Token,
        Invitation,
        JoinRequest,
        IdentityProvider,
        LinkedAccount,
        RealNameVerification,
        QuotaLimit,
    ),
    pages=(*PAGES, *NEEDS),
    clauses=("SYS-029", "SYS-072", "SYS-161"),
    rules=rules.FOLDER,
    policies=(Path(__file__).parent / "policies.cedar").read_text(encoding="utf-8"),
)
