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


def certificates(home: Path, given: str = "") -> Iterator[Finding]:
    """Every certificate in the data folder, the engine's own and ours, and the one `given` to the server."""
    inside = (p for p in sorted(home.rglob("*.pem")) if not p.is_relative_to(home / "objects" / "data"))
    for path in (*inside, *([Path(given)] if given else [])):
        name = path.relative_to(home) if path.is_relative_to(home) else path
        try:
            pem = path.read_bytes()
        except OSError as error:
            yield _unreadable(name, error.strerror)
            continue
        if b"CERTIFICATE" in pem or str(path) == given:
            yield _certificate(pem, name)


def _certificate(pem: bytes, name: Path) -> Finding:
    from cryptography import x509

    try:
        ends = min(c.not_valid_after_utc for c in x509.load_pem_x509_certificates(pem))
    except ValueError:
        return _unreadable(name, "PEM")
    days = (ends - datetime.datetime.now(datetime.UTC)).days
    detail = T(f"{name} 有效期至 {ends:%Y-%m-%d}", f"{name} holds until {ends:%Y-%m-%d}")
    if days >= SOON_DAYS:
        return Finding("certificate", CERTIFICATE, detail)
    return Finding("certificate", CERTIFICATE, detail, State.WRONG if days < 0 else State.NOTE, _renewal(name))


def _renewal(name: Path) -> T:
    """What to do about a certificate that ends; those that a running server renews end where none runs."""
    match str(name):
        case "tls/server.pem":
            return T("启动服务器：它会自动续期", "Start the server, which renews it")
        case "tls/root.pem":
            return T(
                "停下服务器，删除 tls/ 后重新启动，再把新的根证书发给客户端（cloudhall certificate）",
                "Stop the server, delete tls/, start it anew, and give clients the new root (cloudhall certificate)",
            )
        case _:
            return T("更换证书；引擎自己的证书在重启时更换", "Renew it; the engine's own are made anew at each start")


def _unreadable(name: Path, why: str | None) -> Finding:
    detail = T(f"{name} 读不出（{why}）", f"{name} cannot be read ({why})")
    return Finding("certificate", CERTIFICATE, detail, State.WRONG, T("换上有效的证书", "Put a valid one there"))
