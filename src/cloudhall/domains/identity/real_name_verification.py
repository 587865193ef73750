"""Real names: how sure it is who a person is, with what shows it.

A verification is a record: its level, way, evidence and end never change; a better one is another row, a wrong one is
withdrawn with a reason, and both stay. The level of a person is the highest of those that hold; policies read it as
`principal.real_name_level`. What a level is worth is a dated rule (`identity.real_name_levels`).
Must never be here: the evidence itself. A row holds where it is filed and its hash.
"""

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from cloudhall.domains.identity import rules
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Index, Kind, Look, Spec, Status, T, action, check, edit, field
from cloudhall.kernel.look import equal
from cloudhall.kernel.roles import AUDIT_ADMIN, ORG_ADMIN, SYSTEM_ADMIN
from cloudhall.kernel.store import Question, Tx
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.wire import to_us
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

DAY_US = 86_400 * SECOND_US
NEWEST = 50  # of a person that are looked at; who was verified more often holds by the newest
Level = Literal["phone", "document", "presence"]
LEVELS = {
    "phone": T("手机号", "Phone number"),
    "document": T("证件", "Document"),
    "presence": T("人脸或现场", "Face or presence"),
}
Method = Literal["sms", "unified_login", "document_copy", "database", "face", "on_site"]
METHODS = {
    "sms": T("短信验证码", "Code by text message"),
    "unified_login": T("统一身份认证", "Unified log-in of the province"),
    "document_copy": T("核对证件", "Document looked at"),
    "database": T("与人口库比对", "Compared with the population register"),
    "face": T("人脸比对", "Face compared"),
    "on_site": T("现场核验", "In person"),
}


class RealNameVerificationSpec(Spec, frozen=True, kw_only=True):
    """Who was verified, how far, how, by whom, with what to show for it, and until when."""

    person: Annotated[str, field("人员", "Person", ref="identity.person", on_delete="cascade", immutable=True)]
    level: Annotated[Level, field("实名等级", "Level", choices=LEVELS, immutable=True)]
    method: Annotated[Method, field("核验方式", "Way", choices=METHODS, immutable=True)]
    evidence: Annotated[
        str,
        field("证据编号", "Evidence", T("档案号或受理号", "number of the file"), max_length=200, immutable=True),
    ]
    evidence_sha256: Annotated[
        str,
        field(
            "证据摘要",
            "Hash of the evidence",
            T("证据文件的 SHA-256", "SHA-256 of its file"),
            pattern=r"|[0-9a-f]{64}",
            immutable=True,
        ),
    ] = ""
    expires_at: Annotated[
        datetime.datetime | None,
        field("到期时间", "Expires", T("不填则为规则允许的最长", "left out, as long as may be"), immutable=True),
    ] = None
    verifier: Annotated[
        str,
        field(
            "核验人",
            "Verified by",
            T("就是你自己", "yourself"),
            pattern=r"|(pe|sa)-[0-9a-z]{17}",
            immutable=True,
            asker=True,
        ),
    ] = ""
    withdrawn: Annotated[bool, field("已撤销", "Withdrawn", by=("withdraw",))] = False
    withdrawn_why: Annotated[str, field("撤销理由", "Why withdrawn", max_length=300, by=("withdraw",))] = ""


class RealNameVerification(
    Kind[RealNameVerificationSpec, Status],
    title=T("实名核验", "Real-name verification"),
    prefix="rv",
    doc=T(
        "确认某人是谁：等级、方式、核验人、证据编号及摘要、有效期。不可修改，只可撤销，历史保留。",
        "Says how sure it is who somebody is: level, way, by whom, evidence and its hash, until when. Never edited, "
        "only withdrawn, it stays for the record.",
    ),
    scope="organisation",
    on_place_delete="cascade",
    auto_name=True,
    clauses=("SYS-029",),
    allow={"read": (ORG_ADMIN, SYSTEM_ADMIN, AUDIT_ADMIN), "create": (ORG_ADMIN, SYSTEM_ADMIN)},
    indexes=(Index("spec.level"), Index("spec.withdrawn")),
    columns=("name", "spec.person", "spec.level", "spec.method", "spec.withdrawn", "created_at"),
    icon="shield",
    group="organisation",
    demo=(
        {
            "spec": {
                "person": "chen-xiaolan",
                "level": "document",
                "method": "document_copy",
                "evidence": "实名〔2026〕17号",
            },
        },
    ),
):
    """One row a verification; nothing of it is a person's to change."""


class Withdrawal(Spec, frozen=True, kw_only=True):
    """Why a verification no longer holds."""

    reason: Annotated[str, field("理由", "Reason", max_length=300, example="证件已挂失")]


@check(RealNameVerification)
def evidence_reaches_the_level(
    new: RealNameVerification, old: RealNameVerification | None, look: Look
) -> Iterable[Problem]:
    """The rule in force names the ways to each level, and how long one lasts."""
    if old is not None:
        return
    spec, known = new.spec, rules.methods(new.spec.level, look.now_us)
    if spec.method not in known:
        names = [METHODS[m] for m in known]
        text = T(f"“{METHODS[spec.method].zh}”达不到此等级", f"{METHODS[spec.method].en} does not reach this level")
        mend = T("可用：" + "、".join(n.zh for n in names), "What does: " + ", ".join(n.en for n in names))
        yield Problem("RULE", "/spec/method", text, mend)
    most = rules.days(spec.level, look.now_us)
    if spec.expires_at and not 0 < to_us(spec.expires_at) - look.now_us <= most * DAY_US:
        yield Problem("RANGE", "/spec/expires_at", T(f"须在今后 {most} 天内", f"Must lie within the next {most} days"))


@check(RealNameVerification)
def people_vouch_in_their_own_name(
    new: RealNameVerification, old: RealNameVerification | None, look: Look
) -> Iterable[Problem]:
    """Whoever vouches is who asks, for somebody else, in the organisation where that person lives."""
    if old is not None:
        return
    person = look.get(Person, new.spec.person)
    if new.spec.verifier != look.actor:
        yield Problem("OWN_NAME", "/spec/verifier", T("只能以自己的名义核验", "Verify in your own name"))
    if new.spec.person == look.actor:
        yield Problem("SEPARATION", "/spec/person", T("不能核验自己", "Nobody verifies themselves"))
    if person is not None and person.place != new.place:
        text = T("此人不属于该单位", "This person does not live in this organisation")
        yield Problem("NO_SUCH", "/spec/person", text)


@action(
    RealNameVerification,
    T("撤销", "Withdraw"),
    allow=(ORG_ADMIN, SYSTEM_ADMIN),
    when=lambda v: not v.spec.withdrawn,
    why_not=T("已经撤销", "Withdrawn already"),
    danger=True,
)
def withdraw(verification: RealNameVerification, args: Withdrawal, _look: Look) -> RealNameVerificationSpec:
    """Say that it no longer holds; the row stays."""
    return edit(verification.spec, withdrawn=True, withdrawn_why=args.reason)


def ends_us(verification: RealNameVerification) -> int:
    """When it stops to hold."""
    spec, made_us = verification.spec, verification.created_us
    return to_us(spec.expires_at) if spec.expires_at else made_us + rules.days(spec.level, made_us) * DAY_US


def level_of(kernel: "Kernel", tx: Tx, person: str) -> int:
    """Rank of the highest level that holds for a person now, 0 for none. Cost: one index, a row a verification."""
    now_us = kernel.world.now_us()
    found = kernel.tables[RealNameVerification].page(tx, *_newest(person))
    return max((rules.rank(v.spec.level, v.created_us) for v in found if now_us < ends_us(v)), default=0)


def level_question(kernel: "Kernel", tx: Tx, person: str) -> Question:
    """What `level_of` asks."""
    return kernel.tables[RealNameVerification].page_question(tx, *_newest(person))


def _newest(person: str) -> tuple[Where, Sort, None, int]:
    return LIVE & equal({"spec.person": person, "spec.withdrawn": False}), Sort("id"), None, NEWEST
