"""Keys and certificates: whether they open, are private, and how long they hold."""

import datetime
from collections.abc import Iterator
from pathlib import Path

from cloudhall.doctor.findings import Finding, State, refused
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.keys import KEYS_FILE, Keyring
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

SOON_DAYS = 30
HOME, KEYS, CERTIFICATE = T("数据文件夹", "data folder"), T("密钥", "keys"), T("证书", "certificate")


def keys(home: Path) -> Iterator[Finding]:
    """Whether others may enter the folder, and whether the keyring opens."""
    mode = home.stat().st_mode & 0o777
    if mode & 0o077:
        detail = T(f"{home} 对他人开放（{mode:04o}）", f"others may enter {home} ({mode:04o})")
        yield Finding("home", HOME, detail, State.WRONG, T(f"执行 chmod 700 {home}", f"Run: chmod 700 {home}"))
    else:
        yield Finding("home", HOME, T(f"{home}，只有本用户可进入", f"{home}, closed to others"))
    if not (home / "keys" / KEYS_FILE).is_file():
        detail = T("密钥文件不见了", "the key files are gone")
        yield Finding("keys", KEYS, detail, State.WRONG, T("从备份恢复 keys/", "Restore keys/ from a backup"))
        return
    try:
        Keyring.open(home / "keys", World())
    except CloudhallError as error:
        yield refused("keys", KEYS, error)
    else:
        yield Finding("keys", KEYS, T("完整且私有", "whole and private"))


def certificates(home: Path) -> Iterator[Finding]:
    """Every certificate in the data folder: the engine's own, and whatever an operator has put there."""
    for path in sorted(home.rglob("*.pem")):
        if not path.is_relative_to(home / "objects" / "data") and b"CERTIFICATE" in path.read_bytes():
            yield _certificate(path, path.relative_to(home))


def _certificate(path: Path, name: Path) -> Finding:
    from cryptography import x509

    try:
        ends = min(c.not_valid_after_utc for c in x509.load_pem_x509_certificates(path.read_bytes()))
    except ValueError:
        detail = T(f"{name} 读不出", f"{name} cannot be read")
        return Finding("certificate", CERTIFICATE, detail, State.WRONG, T("换上有效的证书", "Put a valid one there"))
    days = (ends - datetime.datetime.now(datetime.UTC)).days
    detail = T(f"{name} 有效期至 {ends:%Y-%m-%d}", f"{name} holds until {ends:%Y-%m-%d}")
    if days >= SOON_DAYS:
        return Finding("certificate", CERTIFICATE, detail)
    remedy = T("更换证书；引擎自己的证书在重启时更换", "Renew it; the engine's own are made anew at each start")
    return Finding("certificate", CERTIFICATE, detail, State.WRONG if days < 0 else State.NOTE, remedy)
