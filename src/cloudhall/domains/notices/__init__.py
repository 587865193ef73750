"""Notices answer: who hears of it. Inboxes and mails for people, webhooks for programs."""

from pathlib import Path

from cloudhall.domains.notices.pages import PAGES
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.kernel.registry import Domain
from cloudhall.kernel.text import T

DOMAIN = Domain(
    name="notices",
    title=T("通知", "Notices"),
    question=T("谁会得知？", "Who hears of it?"),
    kinds=(Webhook,),
    depends_on=("identity",),
    clauses=("SYS-218",),
    pages=PAGES,
    policies=(Path(__file__).parent / "policies.cedar").read_text(encoding="utf-8"),
)
