"""What a person hears when the database is in the way: the same codes, whichever it is."""

from cloudhall.kernel.errors import Invalid, Unavailable
from cloudhall.kernel.text import T


def stopping() -> Unavailable:
    """Somebody writes after the end."""
    return Unavailable(T("程序正在停止", "The program is stopping"), reason="STOPPING")


def disk_full() -> Unavailable:
    """There was no room for it."""
    return Unavailable(
        T("磁盘已满，未写入任何内容", "The disk is full; nothing was written"),
        mend=T("清理磁盘后重试；已确认的内容都在", "Free some room and try again; whatever was acknowledged is safe"),
        reason="DISK_FULL",
    )


def unavailable(error: object, which: str = "") -> Unavailable:
    """It is away, broken, or takes no writes."""
    text = T(f"数据库{which} 不可用：{error}", f"The database{which} is not available: {error}")
    return Unavailable(text, reason="STORE")


def outcome_unknown() -> Unavailable:
    """The connection broke during the commit: it is kept whole or not at all, and nobody here knows which."""
    return Unavailable(
        T(
            "提交时与数据库的连接中断，不知道是否已写入",
            "The connection broke during the commit; it may be kept or not",
        ),
        mend=T(
            "用同一个幂等键再发一次：已写入的得到原来的答复，未写入的才会写入",
            "Send it again under the same idempotency key: what was kept is answered as it was, what was not is done",
        ),
        reason="OUTCOME_UNKNOWN",
    )


def newer(which: object, version: int, known: int) -> Unavailable:
    """A later release wrote it."""
    return Unavailable(
        T(
            f"数据库 {which} 由更新的版本写成（结构 {version}，本程序识别到 {known}）",
            f"The database {which} was written by a newer release (schema {version}, known {known})",
        ),
        mend=T("请运行更新的版本，或恢复升级前的备份", "Run the newer release, or restore a backup from before it"),
    )


def unfit(error: object) -> Invalid:
    """A value is one that the database cannot hold."""
    return Invalid(T(f"数据库存不下这个值：{error}", f"The database cannot hold a value: {error}"), reason="VALUE")
