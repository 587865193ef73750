"""What a server that runs can tell of itself, cheaply enough for a page: answers in milliseconds, whatever it holds.

What must be read whole (each page of the database, each entry of the log) is `examine`'s, by hand or by night. A check
looks, changes nothing, and says since when something is so where that was written down.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudhall.doctor import engines, machine, secrets
from cloudhall.doctor.findings import Finding, State, refused
from cloudhall.domains import notices
from cloudhall.domains.notices import deliveries, outbox
from cloudhall.drivers.mail import smtp
from cloudhall.drivers.objects import s3
from cloudhall.kernel import levels, witnesses, work
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.opening import FILE
from cloudhall.kernel.store.revisions import version
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

MINUTE_US = 60 * SECOND_US
LATE_US = 5 * MINUTE_US
"""A queue, a signature or a reading that is later than this has stopped, not paused."""
DATABASE, LOG, QUEUE = T("数据库", "database"), T("审计日志", "audit log"), T("工作队列", "work queue")
ENGINE, WITNESS, MAILS = T("对象引擎", "object engine"), T("见证人", "witness"), T("邮件", "mail")
HOOKS, READINGS = T("事件回调", "webhooks"), T("计量", "metering")
LOOK_AT_OUTPUT = T("查看服务器的标准错误输出", "Look at the server's standard error")


def running(kernel: "Kernel", certificate: str = "") -> Iterator[Finding]:
    """Everything that a page on health shows; `certificate` is the file that the server was given."""
    tx, now_us = kernel.store.read(), kernel.world.now_us()
    yield _database(kernel, tx)
    yield _engine(kernel)
    yield _log(kernel, tx, now_us)
    yield from _witnesses(kernel, tx)
    yield _queue(tx, now_us)
    yield from _readings(tx, now_us)
    if notices.DOMAIN.name in kernel.registry.domains:
        yield _mails(tx, now_us)
        yield from _hooks(kernel, tx)
    yield from machine.disk(kernel.home)
    yield from secrets.keys(kernel.home)
    yield from secrets.certificates(kernel.home, certificate)


def _database(kernel: "Kernel", tx: Tx) -> Finding:
    """It answers, or we would not be here; whether every page is sound, `examine` says."""
    schema, dialect = version(tx, kernel.store.dialect), kernel.store.dialect.name
    file = kernel.home / FILE
    if dialect != "sqlite" or not file.is_file():
        return Finding(
            "database", DATABASE, T(f"{dialect} 有应答，结构 {schema}", f"{dialect} answers, schema {schema}")
        )
    mib = file.stat().st_size >> 20
    detail = T(f"SQLite 有应答，结构 {schema}，{mib:,} MiB", f"SQLite answers, schema {schema}, {mib:,} MiB")
    return Finding("database", DATABASE, detail)


def _engine(kernel: "Kernel") -> Finding:
    try:
        elsewhere = s3.from_environment()
    except CloudhallError as error:
        return refused("engine", ENGINE, error)
    return engines.external(elsewhere) if elsewhere else engines.answering(kernel.home / "objects")


def _log(kernel: "Kernel", tx: Tx, now_us: int) -> Finding:
    """A head is signed a second after an entry came; a log that nobody writes has an old head, and is well."""
    last = kernel.audit.latest(tx)
    size, at_us = (last.size, last.at_us) if last else (0, 0)
    newest = kernel.audit.search(tx, limit=1)
    behind = bool(newest) and newest[0].idx >= size and now_us - newest[0].leaf.at_us > MINUTE_US
    if behind:
        detail = T(f"{size:,} 条之后没有再签名", f"nothing was signed after {size:,} entries")
        return Finding("audit", LOG, detail, State.WRONG, LOOK_AT_OUTPUT, at_us)
    return Finding("audit", LOG, T(f"{size:,} 条已签名", f"{size:,} entries signed"))


def _witnesses(kernel: "Kernel", tx: Tx) -> Iterator[Finding]:
    for witness in kernel.witnesses:
        found = witnesses.standing(tx, witness)
        said = witnesses.STATES[found.state]
        state = State.OK if found.state in {"signed", "new"} else State.WRONG if found.alarm else State.NOTE
        detail = T(
            f"{witness.name}：{said.zh} {found.detail}".rstrip(), f"{witness.name}: {said.en} {found.detail}".rstrip()
        )
        remedy = T(
            "停下服务器，保留数据文件夹，与导出的日志核对",
            "Stop the server, keep its folder, and compare with an exported log",
        )
        yield Finding("witness", WITNESS, detail, state, remedy if found.alarm else None, found.since_us)


def _queue(tx: Tx, now_us: int) -> Finding:
    rows = work.backlog(tx, now_us)
    due, parked = sum(r.due for r in rows), sum(r.parked for r in rows)
    oldest_us = min((r.oldest_us for r in rows if r.oldest_us), default=now_us)
    detail = T(f"{due:,} 项到期，{parked:,} 项已停放", f"{due:,} due, {parked:,} parked")
    if now_us - oldest_us > LATE_US:
        return Finding("queue", QUEUE, detail, State.WRONG, LOOK_AT_OUTPUT, oldest_us)
    if parked:
        remedy = T("见下表：处理原因后重试", "See below: mend the reason, then try again")
        return Finding("queue", QUEUE, detail, State.NOTE, remedy)
    return Finding("queue", QUEUE, detail)


def _readings(tx: Tx, now_us: int) -> Iterator[Finding]:
    for source, known_us in sorted(levels.known_us(tx).items()):
        if now_us - known_us > LATE_US:
            detail = T(
                f"{source} 停止更新；其间为缺口，不收费", f"{source} has stopped; the time is a gap, not charged"
            )
            remedy = T("先恢复引擎；计量随后自动继续", "Bring the engine back; metering goes on by itself")
            yield Finding("readings", READINGS, detail, State.WRONG, remedy, known_us)
        else:
            yield Finding("readings", READINGS, T(f"{source} 持续更新", f"{source} is up to date"))


def _mails(tx: Tx, now_us: int) -> Finding:
    try:
        relay = smtp.from_environment()
    except CloudhallError as error:
        return refused("mail", MAILS, error)
    if relay is None:
        detail = T("没有设置邮件服务器，通知只进收件箱", "no relay is set up; notices reach the inbox alone")
        return Finding(
            "mail", MAILS, detail, remedy=T("需要邮件时设置 CLOUDHALL_SMTP", "Set CLOUDHALL_SMTP if mails are wanted")
        )
    count, since_us, tries = outbox.backlog(tx)
    detail = T(f"{count:,} 封等待发送", f"{count:,} wait to be sent")
    if tries and now_us - since_us > LATE_US:
        remedy = T(
            "检查 CLOUDHALL_SMTP 和邮件服务器；三天内会继续重试",
            "Look at CLOUDHALL_SMTP and the relay; it is tried for three days",
        )
        return Finding("mail", MAILS, detail, State.WRONG, remedy, since_us)
    return Finding("mail", MAILS, detail)


def _hooks(kernel: "Kernel", tx: Tx) -> Iterator[Finding]:
    found = deliveries.failing(tx)
    for webhook, said in found:
        row = kernel.tables["notices.webhook"].get(tx, webhook)
        name = row.name if row else webhook
        remedy = T(f"查看 {name} 的投递记录", f"Look at the deliveries of {name}")
        yield Finding("webhook", HOOKS, T(f"{name}：{said}", f"{name}: {said}"), State.NOTE, remedy)
    if not found:
        yield Finding("webhook", HOOKS, T("没有一直失败的", "none keeps failing"))
