"""Webhooks: events posted to a program elsewhere, signed, in the order of the log, at least once.

The program sees what the webhook's owner may see, asked at each delivery, of what happens where the webhook lies.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.domains.notices import deliveries, rules
from cloudhall.kernel import events
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import (
    Index,
    Kind,
    Look,
    NoArgs,
    Outcome,
    Ready,
    Secret,
    Spec,
    Status,
    T,
    Wait,
    action,
    check,
    check_delete,
    controller,
    edit,
    field,
    finalizer,
)
from cloudhall.kernel.roles import DATA_OFFICER, DEVELOPER, ORG_ADMIN, SYSTEM_ADMIN

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

KEEPERS = (DEVELOPER, DATA_OFFICER, ORG_ADMIN, SYSTEM_ADMIN)  # no two administrators share work
FILTERS_MAX = 50
REPLAY_MAX = 100_000  # revisions of the log in one replay
SUSPENDED = T("已暂停", "Suspended")


class WebhookSpec(Spec, frozen=True, kw_only=True):
    """Where events go, which ones, and for whom."""

    address: Annotated[
        str,
        field(
            "地址",
            "Address",
            T("公网须用 https；不跟随重定向", "https, unless the operator allows its network; no redirects"),
            pattern=r"https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?",
            max_length=2_000,
            example="https://hooks.example.cn/cloudhall",
        ),
    ]
    kinds: Annotated[
        list[Annotated[str, field("种类", "Kind", pattern=r"[a-z_]+\.([a-z_]+|\*)")]],
        field(
            "种类", "Kinds", T("例如 storage.bucket 或 storage.*；不填为全部", "such as storage.bucket or storage.*")
        ),
    ] = []  # noqa: RUF012  msgspec gives each instance its own
    verbs: Annotated[
        list[Annotated[str, field("动作", "Verb", pattern=r"[a-z_]+")]],
        field(
            "动作",
            "Verbs",
            T("例如 create、delete；不填为除 observe 外的全部", "such as create; left out, all but observe"),
        ),
    ] = []  # noqa: RUF012  as above
    owner: Annotated[
        str,
        field(
            "代表谁",
            "Acts for",
            T("只投递此人能看到的；不填就是你自己", "it is told what they may see; yourself if left out"),
            immutable=True,
            pattern=r"|(pe|sa)-[0-9a-z]{17}",
            asker=True,
        ),
    ] = ""
    suspended: Annotated[bool, field("已暂停", "Suspended", by=("suspend", "resume"))] = False
    replay_first: Annotated[int, field("重投自版本", "Replay from", by=("replay",))] = 0
    replay_last: Annotated[int, field("重投至版本", "Replay to", by=("replay",))] = 0


class WebhookStatus(Status, kw_only=True):
    """What its last attempts have shown is in the condition `Delivering`; each attempt is in the delivery log."""


class Webhook(
    Kind[WebhookSpec, WebhookStatus],
    title=T("事件回调", "Webhook"),
    prefix="wh",
    doc=T(
        "把所在单位或项目中的事件按顺序投递到一个地址，带签名，失败重试。密钥只显示一次。",
        "Posts the events of its organisation or project to an address, in order, signed, tried again where it fails.",
    ),
    scope="organisation",
    clauses=("SYS-218",),
    on_place_delete="cascade",
    allow={"read": KEEPERS, "create": KEEPERS, "update": KEEPERS, "delete": KEEPERS},
    indexes=(Index("spec.owner"), Index("spec.suspended")),
    secret=Secret(prefix=rules.SECRET_PREFIX, length=rules.SECRET_LENGTH, kept=True),
    recoverable_days=30,
    columns=("name", "state", "place", "spec.address", "spec.suspended"),
    icon="net",
    group="organisation",
    demo=({"name": "city-bus", "spec": {"address": "https://hooks.example.cn/cloudhall", "kinds": ["storage.*"]}},),
):
    """One row a webhook; what is under way lies in two hot tables beside it."""


class Replay(Spec, frozen=True, kw_only=True):
    """Revisions of the log, both included."""

    first: Annotated[int, field("自版本", "From revision", ge=1)] = 1
    last: Annotated[int | None, field("至版本", "To revision", T("不填则到最新", "left out, up to now"), ge=1)] = None


@check(Webhook)
def filters_are_few(new: Webhook, _old: Webhook | None, _look: Look) -> Iterable[Problem]:
    """Each event is held against each filter."""
    for name in ("kinds", "verbs"):
        if len(getattr(new.spec, name)) > FILTERS_MAX:
            yield Problem("TOO_LONG", f"/spec/{name}", T(f"最多 {FILTERS_MAX} 项", f"At most {FILTERS_MAX} of them"))


@check(Webhook)
def a_replay_is_a_range(new: Webhook, old: Webhook | None, _look: Look) -> Iterable[Problem]:
    """From an earlier revision to a later one, not too many at once."""
    first, last = new.spec.replay_first, new.spec.replay_last
    length = last - first + 1
    if (
        old is not None
        and (first, last) != (old.spec.replay_first, old.spec.replay_last)
        and not 0 < length <= REPLAY_MAX
    ):
        text = T(f"先小后大，一次最多 {REPLAY_MAX} 个版本", f"From small to large, at most {REPLAY_MAX} revisions")
        yield Problem("RANGE", "/args/last", text)


@check_delete(Person)
@check_delete(ServiceAccount)
def webhooks_go_before_their_owner(owner: Person | ServiceAccount, look: Look) -> Iterable[Webhook]:
    """A webhook of nobody would never be told anything again."""
    yield from look.list(Webhook, {"spec.owner": owner.id})


@action(
    Webhook,
    T("暂停", "Suspend"),
    allow=KEEPERS,
    when=lambda w: not w.spec.suspended,
    why_not=SUSPENDED,
)
def suspend(webhook: Webhook, _args: NoArgs, _look: Look) -> WebhookSpec:
    """Send nothing and queue nothing new; what happens meanwhile can be replayed."""
    return edit(webhook.spec, suspended=True)


@action(
    Webhook,
    T("恢复", "Resume"),
    allow=KEEPERS,
    when=lambda w: w.spec.suspended,
    why_not=T("没有暂停", "Not suspended"),
)
def resume(webhook: Webhook, _args: NoArgs, _look: Look) -> WebhookSpec:
    """Go on with what waits, and with what happens from now on."""
    return edit(webhook.spec, suspended=False)


@action(Webhook, T("测试", "Ping"), allow=KEEPERS, when=lambda w: not w.spec.suspended, why_not=SUSPENDED)
def ping(webhook: Webhook, _args: NoArgs, _look: Look) -> WebhookSpec:
    """Change nothing: the event of this very action is delivered, whatever the filter says."""
    return webhook.spec


@action(Webhook, T("重投", "Replay"), allow=KEEPERS, when=lambda w: not w.spec.suspended, why_not=SUSPENDED)
def replay(webhook: Webhook, args: Replay, look: Look) -> WebhookSpec:
    """Deliver events of the log once more, each under the id that it had, as the owner may see them now."""
    last = events.head(look.tx) if args.last is None else args.last
    return edit(webhook.spec, replay_first=args.first, replay_last=last)


@controller(Webhook)
def reconcile(webhook: Webhook, ctx: "Context") -> Outcome:
    """Say whether deliveries arrive; the sender wakes this when that has changed."""
    line = deliveries.line(ctx.tx, webhook.id)
    failing = line is not None and line.failures >= deliveries.FAILING
    reason = line.last if failing and line else ""
    ctx.condition("Delivering", not failing, "Failing", T(f"投递失败：{reason}", f"deliveries fail: {reason}"))
    return Ready()


@finalizer(Webhook)
def forget(webhook: Webhook, ctx: "Context") -> Outcome:
    """Its log goes with it."""
    if deliveries.any_of(ctx.tx, webhook.id):
        ctx.write(lambda tx: deliveries.forget(tx, webhook.id))
        return Wait("Forgetting", T("正在清除投递记录", "removing the delivery log"), 0)
    return Ready()
