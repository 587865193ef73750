"""`backup` and `restore`: a whole installation in a folder, taken while it serves, tried, and made anew elsewhere.

They work on the data folder itself: whoever may read it may copy it, and there is no log-in that could be asked for.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.errors import FAILED
from cloudhall.cli.here import folder_of, quiet, told
from cloudhall.cli.output import hint, note, print_json, print_lines
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.progress import Progress
from cloudhall.cli.run import HOME
from cloudhall.cli.typed import OneOf
from cloudhall.cli.values import moment, size
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, language, say

if TYPE_CHECKING:
    from cloudhall.backup.manifest import Manifest
    from cloudhall.backup.proof import Finding

VERIFY = "verify"
KEY_BYTES_MIN = 32
MADE = T(
    "{} 时刻的备份：{} 行，{} 个对象，审计日志 {} 条，共 {}",
    "Backup of {}: {} rows, {} objects, {} entries of the audit log, {} in all",
)
RESTORED = T("已恢复到 {}：{} 时刻的状态", "Restored to {}: as of {}")
ELSEWHERE = T("对象存放在别处的 S3，不在备份中", "Objects lie in an S3 elsewhere and are not in the backup")
IN_CLEAR = T(
    "密钥未加密，与数据放在一起：谁有这份备份，谁就有一切",
    "The keys lie in clear beside the data: whoever has this backup has everything",
)
WHERE_TO, WHERE_FROM = (
    T("用 --to 指定写到哪里", "Say where with --to"),
    T("用 --from 指定备份", "Name a backup with --from"),
)
ONE_SECRET = T("口令、密钥文件、--keys-in-clear 三者选一", "Give one of passphrase, key file and --keys-in-clear")
NO_TERMINAL = T(
    "没有终端可询问口令；用 --key-file、--passphrase-stdin 或 --keys-in-clear",
    "There is no terminal to ask for a passphrase; use --key-file, --passphrase-stdin or --keys-in-clear",
)
PASSPHRASE, AGAIN = T("备份口令：", "Passphrase of the backup: "), T("再输入一次：", "Once more: ")
DIFFERENT = T("两次输入不同", "They differ")
EMPTY = T("口令是空的", "The passphrase is empty")
SHORT_KEY = T(
    "密钥文件 {} 不足 {} 字节；例如 openssl rand -hex 32 > 文件",
    "The key file {} has less than {} bytes; make one such as: openssl rand -hex 32 > FILE",
)
UNREADABLE = T("读不了 {}：{}", "{} cannot be read: {}")
OK_, BAD = T("通过", "ok"), T("失败", "FAILED")
CHECKS = T("共 {} 项，失败 {} 项", "{} checks, {} failed")


def backup(
    *,
    action: str | None,
    to: str | None,
    from_: str | None,
    home: Path | None,
    database: str,
    scratch: Path | None,
    **given: Any,
) -> int:
    """Make a backup, or try one."""
    quiet()
    if action == VERIFY:
        return _verify(from_, scratch, given)
    if to is None:
        raise Misuse(WHERE_TO)
    from cloudhall.backup import create, remote

    secret = _new_secret(given)
    with told(), Progress() as progress, remote.outgoing(to, scratch) as folder:
        made = create.create(folder_of(home), database, folder, secret, progress)
    _say_made(made)
    if secret is None:
        note(IN_CLEAR)
    hint(
        " ".join(
            ["backup verify --from", str(to), *(["--key-file", str(given["key_file"])] if given["key_file"] else [])]
        )
    )
    return 0


def restore(*, from_: str, home: Path, database: str, scratch: Path | None, **given: Any) -> None:
    """Make a new installation of a backup."""
    from cloudhall.backup import remote
    from cloudhall.backup.restore import restore as restored

    quiet()
    with told(), remote.incoming(from_, scratch) as folder, Progress() as progress:
        made = restored(folder, home.absolute(), _secret(folder, given), progress, database)
    note(say(RESTORED, home, _moment(made)))
    hint(f"run --home {home}")


def _verify(from_: str | None, scratch: Path | None, given: dict[str, Any]) -> int:
    if from_ is None:
        raise Misuse(WHERE_FROM)
    from cloudhall.backup import remote
    from cloudhall.backup.proof import prove

    with told(), remote.incoming(from_, scratch) as folder, Progress() as progress:
        findings = prove(folder, _secret(folder, given), progress, scratch)
    if output_of(given).style == "json":
        print_json([{"about": f.about.both(), "detail": f.detail.both(), "ok": f.ok} for f in findings])
    else:
        print_lines(_lines(findings))
    return FAILED if any(not f.ok for f in findings) else 0


def _lines(findings: Sequence["Finding"]) -> list[str]:
    spoken = language()
    lines = [f"{say(OK_ if f.ok else BAD)}\t{f.about.in_(spoken)}\t{f.detail.in_(spoken)}" for f in findings]
    return [*lines, say(CHECKS, len(findings), sum(not f.ok for f in findings))]


def _say_made(made: "Manifest") -> None:
    rows = sum(table.rows for table in made.tables.values())
    objects = sum(held.objects for held in (made.buckets or {}).values())
    note(say(MADE, _moment(made), f"{rows:,}", f"{objects:,}", f"{made.audit.entries:,}", size(made.bytes)))
    if made.buckets is None:
        note(ELSEWHERE)


def _moment(made: "Manifest") -> str:
    from cloudhall.kernel.wire import rfc3339

    return moment(rfc3339(made.at_us))


def _new_secret(given: dict[str, Any]) -> bytes | None:
    """Secret of a backup to be made; None where its keys shall lie in clear. A typed passphrase is asked for twice."""
    if given["keys_in_clear"]:
        if given["key_file"] or given["passphrase_stdin"]:
            raise Misuse(ONE_SECRET)
        return None
    secret = _given_secret(given)
    if secret is None:
        secret = _asked(PASSPHRASE)
        if _asked(AGAIN) != secret:
            raise Misuse(DIFFERENT)
    return secret


def _secret(folder: Path, given: dict[str, Any]) -> bytes | None:
    """Secret of a backup that is there; not asked for where its keys lie in clear."""
    from cloudhall.backup.sealed import CLEAR_NAME

    if (folder / CLEAR_NAME).is_file():
        return None
    return _given_secret(given) or _asked(PASSPHRASE)


def _given_secret(given: dict[str, Any]) -> bytes | None:
    if given["key_file"] and given["passphrase_stdin"]:
        raise Misuse(ONE_SECRET)
    if given["key_file"]:
        return _key(given["key_file"])
    return _checked(sys.stdin.readline().rstrip("\r\n")) if given["passphrase_stdin"] else None


def _key(file: Path) -> bytes:
    try:
        key = file.read_bytes()
    except OSError as error:
        raise Misuse(say(UNREADABLE, file, error.strerror)) from None
    if len(key) < KEY_BYTES_MIN:
        raise Misuse(say(SHORT_KEY, file, KEY_BYTES_MIN))
    return key


def _asked(prompt: T) -> bytes:
    from cloudhall.cli.session import typed_in_secret

    if not sys.stdin.isatty():
        raise Misuse(NO_TERMINAL)
    return _checked(typed_in_secret(prompt))


def _checked(passphrase: str) -> bytes:
    if not passphrase:
        raise Misuse(EMPTY)
    return passphrase.encode()


def _secret_options() -> list[click.Parameter]:
    return [
        Option(
            "--key-file",
            type=click.Path(path_type=Path),
            text=T(
                "以此文件的内容加密密钥（至少 32 字节）；不填则询问口令",
                "Seal the keys under this file's bytes (32 at least); a passphrase is asked for without it",
            ),
            metavar="FILE",
        ),
        Option(
            "--passphrase-stdin",
            is_flag=True,
            text=T("从标准输入读一行口令", "Read the passphrase from a line of standard input"),
        ),
    ]


SCRATCH = Option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    text=T("临时放东西的地方（默认临时文件夹）", "Where passing copies lie (by default among temporary files)"),
    metavar="FOLDER",
)
DATABASE = Option(
    "--database",
    envvar="CLOUDHALL_DATABASE",
    default="",
    text=T(
        "数据行所在的 PostgreSQL（CLOUDHALL_DATABASE）；恢复到的须是空的。不填则在数据文件夹里",
        "PostgreSQL with the rows (CLOUDHALL_DATABASE), an empty one to restore to; without it the data folder",
    ),
    metavar="URL",
)
BACKUP = Command(
    "backup",
    backup,
    T(
        "备份整个安装：数据行、审计日志、密钥和对象，同一时刻，服务不停。"
        "backup verify 把一份备份恢复到临时文件夹来核验它。每份备份都是完整的，没有增量。",
        "Back up the whole installation of one moment, while it serves: rows, audit log, keys and objects. "
        "`backup verify` tries one by restoring it into a scratch folder. Each backup is whole, none is incremental.",
    ),
    examples=[
        "backup --to /backup/2026-11-22 --key-file /root/backup.key",
        "backup verify --from /backup/2026-11-22 --key-file /root/backup.key",
    ],
    params=[
        Argument(
            "action", metavar="[verify]", text=T("核验一份备份", "Try a backup"), type=OneOf((VERIFY,)), required=False
        ),
        Option(
            "--to",
            text=T(
                "写到哪个文件夹，须是新的或空的；或 s3://存储桶/前缀（AWS_ENDPOINT_URL 等变量说明怎样到达）",
                "Folder to write, new or empty; or s3://BUCKET/PREFIX, as AWS_ENDPOINT_URL and so on say",
            ),
            metavar="WHERE",
        ),
        Option(
            "--from",
            "from_",
            text=T("要核验的备份：文件夹或 s3://…", "Backup to try: a folder or s3://…"),
            metavar="WHERE",
        ),
        *_secret_options(),
        Option(
            "--keys-in-clear",
            is_flag=True,
            text=T("密钥不加密，与数据放在一起", "Leave the keys in clear beside the data"),
        ),
        SCRATCH,
        HOME,
        DATABASE,
        *output_options(),
    ],
)
RESTORE = Command(
    "restore",
    restore,
    T(
        "把备份恢复成一个新的安装，数据行放进文件夹或空的 PostgreSQL，不论备份取自哪一种。"
        "被打断时什么也不留下，再来一次即可。",
        "Make a new installation of a backup, its rows in the folder or in an empty PostgreSQL, wherever they came "
        "from. Interrupted, it leaves none; begin it again.",
    ),
    examples=["restore --from /backup/2026-11-22 --key-file /root/backup.key --home /srv/cloudhall"],
    params=[
        Option(
            "--from",
            "from_",
            text=T("备份：文件夹或 s3://…", "The backup: a folder or s3://…"),
            metavar="WHERE",
            required=True,
        ),
        Option(
            "--home",
            type=click.Path(path_type=Path),
            text=T("恢复到哪个文件夹；须是新的或空的", "Folder to make it in; must be new or empty"),
            metavar="FOLDER",
            required=True,
        ),
        *_secret_options(),
        SCRATCH,
        DATABASE,
    ],
)
