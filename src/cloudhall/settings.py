"""Settings of the server: every environment variable that it reads, what each does, and what holds now.

There is no configuration file. The reference and the console's page are made of this one list, so that neither can
leave one out. Invariant: what a setting holds of passwords and secrets never leaves this module.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from cloudhall.kernel.text import T
from cloudhall.tls.door import Door

Source = Literal["environment", "option", "default"]
SERVER: Mapping[str, T] = {
    "CLOUDHALL_HOME": T(
        "数据所在的文件夹：数据库、密钥、内置引擎的文件。不设则为 `$XDG_DATA_HOME/cloudhall`，即 "
        "`~/.local/share/cloudhall`。",
        "Folder of the data: database, keys, files of the embedded engine. Without it `$XDG_DATA_HOME/cloudhall`, that "
        "is `~/.local/share/cloudhall`.",
    ),
    "CLOUDHALL_DATABASE": T(
        "PostgreSQL 数据库的地址，如 `postgresql://cloudhall@db.example/cloudhall`。不设则用数据文件夹里的 SQLite；"
        "密钥和对象总在文件夹里。已有的安装用 `cloudhall move-database` 迁移。",
        "Address of a PostgreSQL database, such as `postgresql://cloudhall@db.example/cloudhall`. Without it SQLite in "
        "the data folder; keys and objects always lie there. `cloudhall move-database` moves an installation over.",
    ),
    "CLOUDHALL_WORKERS": T(
        "几个进程应答请求，默认 1；多于一个需要 CLOUDHALL_DATABASE。",
        "Processes that answer requests, 1 without it; more than one needs CLOUDHALL_DATABASE.",
    ),
    "CLOUDHALL_PORT": T(
        "控制台和接口的端口，默认 8800；命令行也据此找本机的服务器。",
        "Port of console and interface, 8800 without it; the command line looks for the server of this machine there.",
    ),
    "CLOUDHALL_HOST": T(
        "监听的地址，默认 127.0.0.1；0.0.0.0 或 :: 为全部。本机以外须有 TLS 或反向代理。",
        "Address to listen at, 127.0.0.1 without it; 0.0.0.0 or :: are all. Beyond this machine by TLS or behind a "
        "reverse proxy alone.",
    ),
    "CLOUDHALL_TLS": T(
        "设为 1：以自建证书机构签发的证书提供 TLS，到期前自动续期；根证书由 `cloudhall certificate` 打印。",
        "`1`: TLS by a certificate of the installation's own authority, renewed by itself; `cloudhall certificate` "
        "prints the authority's.",
    ),
    "CLOUDHALL_TLS_NAMES": T(
        "该证书上的主机名和地址，以空格分开；监听地址和本机总在其中。",
        "Hosts and addresses in that certificate, apart by spaces; the address listened at and loopback always are.",
    ),
    "CLOUDHALL_TLS_CERT": T(
        "已有的证书，PEM 文件，先服务器的后中间机构的；文件更换后不必重启。",
        "A certificate that you have, a PEM file, the server's first, then those between; read anew when replaced.",
    ),
    "CLOUDHALL_TLS_KEY": T("其私钥，PEM 文件。", "Its key, a PEM file."),
    "CLOUDHALL_PROXIES": T(
        "前面的反向代理的地址或网段，以空格分开；只信它们的 X-Forwarded-For 和 X-Forwarded-Proto。",
        "Addresses or networks of reverse proxies before it, apart by spaces; their X-Forwarded-For and "
        "X-Forwarded-Proto are believed, nobody else's.",
    ),
    "CLOUDHALL_WEED": T(
        "内置对象存储引擎 `weed` 的路径。不设则用随包安装的，再找 PATH。",
        "Path of the embedded object engine `weed`. Without it the one installed with the packages, then PATH.",
    ),
    "CLOUDHALL_S3_ENDPOINT": T(
        "外部 S3 的地址。设了它和两个密钥变量，就不启动内置引擎。",
        "Address of an S3 elsewhere. With it and the two keys the embedded engine is not started.",
    ),
    "CLOUDHALL_S3_ACCESS_KEY": T(
        "外部 S3 的访问密钥编号；须能建、删存储桶。",
        "Access key id at the S3 elsewhere; it must be allowed to create and delete buckets.",
    ),
    "CLOUDHALL_S3_SECRET_KEY": T("外部 S3 的密钥。", "Its secret."),
    "CLOUDHALL_S3_REGION": T("外部 S3 的签名区域，默认 us-east-1。", "Signing region there, us-east-1 without it."),
    "CLOUDHALL_S3_ADDRESS": T(
        "内置引擎前面的代理的地址，如 https://s3.example.cn；存储桶显示它，客户端用它。引擎自己只在本机监听。",
        "Address of a proxy before the embedded engine, such as https://s3.example.cn: "
        "buckets show it, clients use it. The engine itself listens on loopback only.",
    ),
    "CLOUDHALL_PLACEMENT_JIT": T(
        "`off`：放置引擎不用 numba，决定相同，只是较慢。",
        "`off`: placement does without numba; it decides the same, slower.",
    ),
    "CLOUDHALL_EVENTS_DAYS": T(
        "事件在数据库里至少留几天，默认 90；更早的移入 `archive/events` 的 Parquet 文件，照样可读。",
        "Days that events stay in the database, 90 without it; older ones go to Parquet files in `archive/events`, "
        "where they are read all the same.",
    ),
    "CLOUDHALL_EVENTS_ROWS": T(
        "数据库里最多留多少条事件，默认 1,000,000；多出的最早的移入归档，不论多新。",
        "Events that stay in the database at most, 1,000,000 without it; the oldest beyond that are archived, however "
        "new.",
    ),
    "CLOUDHALL_DOCUMENT_MIB": T("一个附件最大多少 MiB，默认 50。", "MiB of a document at most, 50 without it."),
    "CLOUDHALL_WEBHOOK_NETWORKS": T(
        "公网以外还可投递事件回调的网段，以逗号分开，例如 10.0.0.0/8；这些网段也可用 http。不设则只投公网的 https。",
        "Networks that webhooks may call besides public addresses, apart by commas, such as 10.0.0.0/8; plain http is "
        "allowed there too. Without it public addresses over https alone.",
    ),
    "CLOUDHALL_BIN_DAYS": T(
        "回收站保留几天，例如 `14`，或按种类 `30 storage.bucket=90`；至少 1 天。不设则按种类声明的天数。",
        "Days that the recycle bin keeps what was deleted, such as `14`, or by kind `30 storage.bucket=90`; 1 at "
        "least. Without it as each kind declares.",
    ),
    "CLOUDHALL_WITNESSES": T(
        "为审计日志会签的见证人：每个写地址和公钥，都用空格隔开，例如 "
        "`http://audit.example.cn:8811 audit.example.cn/w1+…`。不设则无人会签。",
        "Witnesses that countersign the audit log: address and key of each, apart by spaces, such as "
        "`http://audit.example.cn:8811 audit.example.cn/w1+…`. Without it nobody does.",
    ),
    "CLOUDHALL_SMTP": T(
        "发通知邮件的服务器，例如 `smtps://用户:密码@mail.example:465`；`smtp://` 则要求 STARTTLS。不设则不发邮件。",
        "Relay for mails about notices, such as `smtps://user:password@mail.example:465`; with `smtp://` STARTTLS is "
        "demanded. Without it there are no mails.",
    ),
    "CLOUDHALL_MAIL_FROM": T("通知邮件的发件地址。", "Address that these mails come from."),
    "CLOUDHALL_ADDRESS": T(
        "人们所用的控制台地址，例如 https://cloud.example.cn；写在邮件和链接里，通行密钥也与它绑定。",
        "Address of the console as people know it, such as https://cloud.example.cn: for mails and links, and what "
        "passkeys are tied to.",
    ),
    "CLOUDHALL_SECOND_FACTOR": T(
        "设为 `administrators`：系统、安全、审计管理员须先设置第二因素，才能做其他事。不设则由各人自己决定。",
        "With `administrators`, system, security and audit administrators set up a second factor before anything else. "
        "Without it everybody decides for themselves.",
    ),
    "CLOUDHALL_SIGN_UP": T(
        "没有账号的人可申请加入的单位，写名称，以逗号分开。不设则不能申请，只能受邀。",
        "Organisations that people without an account may ask to join, by name, apart by commas. Without it nobody "
        "asks, and people come by invitation.",
    ),
    "XDG_DATA_HOME": T(
        "不设 CLOUDHALL_HOME 时，数据放在其下的 `cloudhall`。",
        "Where `cloudhall` with the data lies when CLOUDHALL_HOME is not set.",
    ),
}
SECRETS = frozenset({"CLOUDHALL_S3_SECRET_KEY"})
WITH_PASSWORD = frozenset({"CLOUDHALL_DATABASE", "CLOUDHALL_SMTP"})
"""Addresses that may hold a password, in the part before the host or in the query."""
DEFAULTS: Mapping[str, str] = {
    "CLOUDHALL_WORKERS": "1",
    "CLOUDHALL_PORT": "8800",
    "CLOUDHALL_HOST": "127.0.0.1",
    "CLOUDHALL_S3_REGION": "us-east-1",
    "CLOUDHALL_EVENTS_DAYS": "90",
    "CLOUDHALL_EVENTS_ROWS": "1000000",
    "CLOUDHALL_DOCUMENT_MIB": "50",
}
SOURCES: Mapping[Source, T] = {
    "environment": T("环境变量", "environment"),
    "option": T("启动选项", "option of cloudhall run"),
    "default": T("默认", "default"),
}


class Setting(NamedTuple):
    """One setting as it holds: `value` is empty where nothing is set, and `kept` where it is and is not shown."""

    name: str
    text: T
    value: str
    source: Source
    kept: bool = False


def in_force(served: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> list[Setting]:
    """Every setting; `served` are values that hold however they were given, such as the port listened at."""
    return [_setting(name, text, served.get(name, ""), environment.get(name, "")) for name, text in SERVER.items()]


def serving(home: Path, door: Door, port: int) -> Mapping[str, str]:
    """What a server goes by that was opened so, by environment or option."""
    return {
        "CLOUDHALL_HOME": str(home),
        "CLOUDHALL_PORT": str(port),
        "CLOUDHALL_HOST": door.host,
        "CLOUDHALL_TLS": "1" if door.own else "",
        "CLOUDHALL_TLS_NAMES": " ".join(door.names),
        "CLOUDHALL_TLS_CERT": door.certificate,
        "CLOUDHALL_TLS_KEY": door.key,
        "CLOUDHALL_PROXIES": " ".join(door.proxies),
    }


def _setting(name: str, text: T, served: str, given: str) -> Setting:
    usual = DEFAULTS.get(name, "")
    value = served or given or usual
    source: Source = "environment" if given and value == given else "default" if value == usual else "option"
    if value and name in SECRETS:
        return Setting(name, text, "", source, kept=True)
    if value and name in WITH_PASSWORD:
        shown = _without_password(value)
        return Setting(name, text, shown, source, kept=not shown)
    return Setting(name, text, value, source)


def _without_password(address: str) -> str:
    """Scheme, host, port and path; nothing of what cannot be read as an address."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.scheme and parts.hostname else ""
