"""Real-name verification · 实名核验. Written by `make docs` from the declaration of identity.real_name_verification."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource


class RealNameVerificationSpec(TypedDict):
    """What people decided."""

    person: str
    """Person · 人员"""
    level: Literal["phone", "document", "presence"]
    """Level · 实名等级"""
    method: Literal["sms", "unified_login", "document_copy", "database", "face", "on_site"]
    """Way · 核验方式"""
    evidence: str
    """Evidence · 证据编号 · number of the file · 档案号或受理号"""
    evidence_sha256: str
    """Hash of the evidence · 证据摘要 · SHA-256 of its file · 证据文件的 SHA-256"""
    expires_at: str | None
    """Expires · 到期时间 · left out, as long as may be · 不填则为规则允许的最长"""
    verifier: str
    """Verified by · 核验人 · yourself · 就是你自己"""
    withdrawn: bool
    """Withdrawn · 已撤销"""
    withdrawn_why: str
    """Why withdrawn · 撤销理由"""


class RealNameVerificationStatus(TypedDict):
    """What the program found out."""


class RealNameVerification(Resource):
    """Real-name verification · 实名核验."""

    organisation: str
    spec: RealNameVerificationSpec
    status: RealNameVerificationStatus


class RealNameVerificationWhere(TypedDict, total=False):
    """What a list of real-name-verifications is filtered by."""

    level: Literal["phone", "document", "presence"] | Sequence[Literal["phone", "document", "presence"]]
    withdrawn: bool
    person: str | Sequence[str]


class RealNameVerificationInput(TypedDict):
    """What a new one is made from."""

    person: str
    """Person · 人员"""
    level: Literal["phone", "document", "presence"]
    """Level · 实名等级"""
    method: Literal["sms", "unified_login", "document_copy", "database", "face", "on_site"]
    """Way · 核验方式"""
    evidence: str
    """Evidence · 证据编号 · number of the file · 档案号或受理号"""
    evidence_sha256: NotRequired[str]
    """Hash of the evidence · 证据摘要 · SHA-256 of its file · 证据文件的 SHA-256"""
    expires_at: NotRequired[str | None]
    """Expires · 到期时间 · left out, as long as may be · 不填则为规则允许的最长"""
    verifier: NotRequired[str]
    """Verified by · 核验人 · yourself · 就是你自己"""


class RealNameVerificationWithdraw(TypedDict):
    """Arguments of real_name_verification withdraw."""

    reason: str
    """Reason · 理由"""


class RealNameVerifications(
    Reads[RealNameVerification, RealNameVerificationWhere], Makes[RealNameVerification, RealNameVerificationInput]
):
    """Real-name verification · 实名核验.

    Says how sure it is who somebody is: level, way, by whom, evidence and its hash, until when. Never edited,
    only withdrawn, it stays for the record.
    确认某人是谁：等级、方式、核验人、证据编号及摘要、有效期。不可修改，只可撤销，历史保留。
    """

    kind: ClassVar[str] = "identity.real_name_verification"
    plural: ClassVar[str] = "real-name-verifications"
    scope: ClassVar[str] = "organisation"

    def withdraw(self, target: str, args: RealNameVerificationWithdraw, **how: Unpack[How]) -> RealNameVerification:
        """Withdraw · 撤销."""
        return cast("RealNameVerification", self._act(target, "withdraw", args, how))
