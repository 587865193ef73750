"""What can be wrong with a backup, in people's words."""

from pathlib import Path

from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.text import T


def damaged(path: Path) -> Unavailable:
    """A file of a backup is missing or changed."""
    return Unavailable(
        T(f"备份不完整或已损坏：{path}", f"The backup is incomplete or damaged: {path}"),
        mend=T("换用另一份备份，并检查存放它的磁盘", "Take another backup, and check the disk that keeps this one"),
        reason="BACKUP_DAMAGED",
    )


def newer(folder: Path, release: str) -> Unavailable:
    """The backup's form is of a release that came later."""
    return Unavailable(
        T(
            f"备份 {folder} 由更新的版本 {release} 写成",
            f"The backup {folder} was written by a newer release, {release}",
        ),
        mend=T("用那个版本来恢复", "Restore it with that release"),
        reason="BACKUP_NEWER",
    )


def taken(where: object) -> Conflict:
    """Something lies where a backup or an installation is to be made."""
    return Conflict(
        T(f"{where} 已经存在，且不是空的", f"{where} is there already and not empty"),
        mend=T("指定一个新的文件夹", "Name a new folder"),
        reason="NOT_EMPTY",
    )


def no_installation(home: Path) -> Unavailable:
    """There is no database where one was looked for."""
    return Unavailable(
        T(f"{home} 里没有安装", f"There is no installation in {home}"),
        mend=T("用 --home 指定数据所在的文件夹", "Name the folder of its data with --home"),
        reason="HOME",
    )


def wrong_secret() -> Unavailable:
    """The sealed keys do not open."""
    return Unavailable(
        T(
            "密钥打不开：口令或密钥文件不对，或清单被改动",
            "The keys do not open: another passphrase or key file, or the manifest was changed",
        ),
        mend=T("用制作备份时的口令或密钥文件", "Give the passphrase or key file that the backup was made with"),
        reason="BACKUP_SECRET",
    )


def restless() -> Unavailable:
    """The engine compacted what was about to be copied, again and again."""
    return Unavailable(
        T("对象删除得太快，没能得到一个一致的时刻", "Objects were deleted faster than one moment could be copied"),
        mend=T("在较空闲时再试", "Try again when less is going on"),
        reason="RESTLESS",
    )
