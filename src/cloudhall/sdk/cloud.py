"""The session with every kind of this release. Written by `make docs` from the declarations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from cloudhall.sdk.session import Session

if TYPE_CHECKING:
    from cloudhall.sdk.kinds.identity_grant import Grants
    from cloudhall.sdk.kinds.identity_identity_provider import IdentityProviders
    from cloudhall.sdk.kinds.identity_invitation import Invitations
    from cloudhall.sdk.kinds.identity_join_request import JoinRequests
    from cloudhall.sdk.kinds.identity_linked_account import LinkedAccounts
    from cloudhall.sdk.kinds.identity_organisation import Organisations
    from cloudhall.sdk.kinds.identity_person import People
    from cloudhall.sdk.kinds.identity_project import Projects
    from cloudhall.sdk.kinds.identity_quota_limit import QuotaLimits
    from cloudhall.sdk.kinds.identity_real_name_verification import RealNameVerifications
    from cloudhall.sdk.kinds.identity_service_account import ServiceAccounts
    from cloudhall.sdk.kinds.identity_token import Tokens
    from cloudhall.sdk.kinds.kernel_correction import Corrections
    from cloudhall.sdk.kinds.kernel_finding import Findings
    from cloudhall.sdk.kinds.kernel_key_destruction import KeyDestructions
    from cloudhall.sdk.kinds.kernel_key_rotation import KeyRotations
    from cloudhall.sdk.kinds.kernel_operation import Operations
    from cloudhall.sdk.kinds.market_price_plan import PricePlans
    from cloudhall.sdk.kinds.market_statement import Statements
    from cloudhall.sdk.kinds.notices_webhook import Webhooks
    from cloudhall.sdk.kinds.storage_access_key import AccessKeys
    from cloudhall.sdk.kinds.storage_bucket import Buckets


class Cloudhall(Session):
    """A log-in at a server: `Cloudhall().buckets.list()`. See `Session` for how it is made."""

    modules: ClassVar[Mapping[str, str]] = {
        "access_keys": "storage_access_key:AccessKeys",
        "buckets": "storage_bucket:Buckets",
        "corrections": "kernel_correction:Corrections",
        "findings": "kernel_finding:Findings",
        "grants": "identity_grant:Grants",
        "identity_providers": "identity_identity_provider:IdentityProviders",
        "invitations": "identity_invitation:Invitations",
        "join_requests": "identity_join_request:JoinRequests",
        "key_destructions": "kernel_key_destruction:KeyDestructions",
        "key_rotations": "kernel_key_rotation:KeyRotations",
        "linked_accounts": "identity_linked_account:LinkedAccounts",
        "operations": "kernel_operation:Operations",
        "organisations": "identity_organisation:Organisations",
        "people": "identity_person:People",
        "price_plans": "market_price_plan:PricePlans",
        "projects": "identity_project:Projects",
        "quota_limits": "identity_quota_limit:QuotaLimits",
        "real_name_verifications": "identity_real_name_verification:RealNameVerifications",
        "service_accounts": "identity_service_account:ServiceAccounts",
        "statements": "market_statement:Statements",
        "tokens": "identity_token:Tokens",
        "webhooks": "notices_webhook:Webhooks",
    }
    access_keys: "AccessKeys"
    """Access key · 访问密钥"""
    buckets: "Buckets"
    """Bucket · 存储桶"""
    corrections: "Corrections"
    """Correction · 用量更正"""
    findings: "Findings"
    """Finding · 核对发现"""
    grants: "Grants"
    """Grant · 授权"""
    identity_providers: "IdentityProviders"
    """Identity provider · 身份提供方"""
    invitations: "Invitations"
    """Invitation · 邀请"""
    join_requests: "JoinRequests"
    """Join request · 加入申请"""
    key_destructions: "KeyDestructions"
    """Key destruction · 密钥销毁"""
    key_rotations: "KeyRotations"
    """Key rotation · 密钥轮换"""
    linked_accounts: "LinkedAccounts"
    """Linked account · 关联的账号"""
    operations: "Operations"
    """Operation · 操作"""
    organisations: "Organisations"
    """Organisation · 单位"""
    people: "People"
    """Person · 人员"""
    price_plans: "PricePlans"
    """Price plan · 价格表"""
    projects: "Projects"
    """Project · 项目"""
    quota_limits: "QuotaLimits"
    """Quota limit · 配额"""
    real_name_verifications: "RealNameVerifications"
    """Real-name verification · 实名核验"""
    service_accounts: "ServiceAccounts"
    """Service account · 服务账号"""
    statements: "Statements"
    """Statement · 账单"""
    tokens: "Tokens"
    """API token · 访问令牌"""
    webhooks: "Webhooks"
    """Webhook · 事件回调"""
