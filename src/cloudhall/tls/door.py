"""Where the server listens and how, as the operator asked for it: pure values and what makes no sense among them."""

import ipaddress
from pathlib import Path

import msgspec

from cloudhall.kernel.errors import CloudhallError, Invalid
from cloudhall.kernel.text import T

LOOPBACK = "127.0.0.1"
HERE = ("localhost", LOOPBACK, "::1")
"""Names under which the machine itself may ask, in every certificate of ours."""


class Door(msgspec.Struct, frozen=True):
    """`host` is an IP address. `own` asks for a certificate of our own authority for `names`.

    `certificate` and `key` are files of a given one; `proxies` are addresses and networks of those who stand before us.
    """

    host: str = LOOPBACK
    own: bool = False
    names: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    proxies: tuple[str, ...] = ()

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS itself."""
        return self.own or bool(self.certificate)

    @property
    def opened(self) -> bool:
        """Whether others than this machine's users come in."""
        return bool(self.proxies) or not ipaddress.ip_address(self.host).is_loopback

    @property
    def everywhere(self) -> bool:
        """Whether it listens on all addresses of the machine."""
        return ipaddress.ip_address(self.host).is_unspecified

    @property
    def certified(self) -> tuple[str, ...]:
        """Names and addresses that a certificate of our own is for."""
        here = () if self.everywhere else (self.host,)
        return tuple(dict.fromkeys((*self.names, *here, *HERE)))

    def url(self, port: int) -> str:
        """Address to tell people: the first name where names were given."""
        host = self.names[0] if self.names else LOOPBACK if self.everywhere else self.host
        return f"{'https' if self.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def refuse(door: Door) -> None:
    """Raise `Invalid` for a door that makes no sense, or that would let people talk to us in clear."""
    for wrong_with in (_no_address, _half_a_pair, _no_proxy, _no_tls, _no_names):
        if error := wrong_with(door):
            raise error


def home_of(home: Path) -> Path:
    """Folder of the own authority."""
    return home / "tls"


def _no_address(door: Door) -> CloudhallError | None:
    if _parses(door.host):
        return None
    return Invalid(
        T(f"{door.host} 不是 IP 地址", f"{door.host} is no IP address"),
        mend=T(
            "--host 写本机的一个地址，0.0.0.0 或 :: 表示全部；名称写在 --tls-name",
            "Give --host an address of this machine, 0.0.0.0 or :: for all; names go into --tls-name",
        ),
        reason="HOST",
    )


def _half_a_pair(door: Door) -> CloudhallError | None:
    if bool(door.certificate) == bool(door.key) and not (door.own and door.certificate):
        return None
    return Invalid(
        T("证书设置不完整或互相矛盾", "What was said of the certificate is half of it, or two things at once"),
        mend=T(
            "要么同时给 --tls-cert 和 --tls-key，要么只用 --tls",
            "Give both --tls-cert and --tls-key, or --tls alone",
        ),
        reason="TLS_OPTIONS",
    )


def _no_proxy(door: Door) -> CloudhallError | None:
    wrong = [proxy for proxy in door.proxies if not _parses(proxy, network=True)]
    if not wrong:
        return None
    return Invalid(
        T(f"{wrong[0]} 不是地址或网段", f"{wrong[0]} is no address or network"),
        mend=T(
            "--behind-proxy 写反向代理连接本机时所用的地址，如 127.0.0.1 或 10.0.3.0/28",
            "Give --behind-proxy the addresses that your proxies come from, such as 127.0.0.1 or 10.0.3.0/28",
        ),
        reason="PROXY",
    )


def _no_tls(door: Door) -> CloudhallError | None:
    if door.tls or door.proxies or not door.opened:
        return None
    return Invalid(
        T(f"不以明文在 {door.host} 上监听", f"We do not listen at {door.host} in clear"),
        mend=T(
            "加 --tls（自建证书机构）、--tls-cert 和 --tls-key（已有证书），或 --behind-proxy 地址（由反向代理加密）",
            "Add --tls (an authority of our own), --tls-cert and --tls-key (a certificate that you have), or "
            "--behind-proxy ADDRESS (a reverse proxy encrypts)",
        ),
        reason="NO_TLS",
    )


def _no_names(door: Door) -> CloudhallError | None:
    wrong = [name for name in door.names if not (_parses(name) or _is_name(name))]
    if not wrong and (door.names or not (door.own and door.everywhere)):
        return None
    text = (
        T(f"{wrong[0]} 不是主机名", f"{wrong[0]} is no host name") if wrong else T("证书缺名称", "No name to certify")
    )
    return Invalid(
        text,
        mend=T(
            "用 --tls-name 写明人们所用的主机名或地址，可多次；中文域名写成 xn-- 形式",
            "Name the hosts or addresses that people use with --tls-name, several times if need be; names that are not "
            "ASCII in their xn-- form",
        ),
        reason="TLS_NAME",
    )


def _is_name(name: str) -> bool:
    labels = name.removeprefix("*.").split(".")
    return name.isascii() and all(label and label.replace("-", "").isalnum() for label in labels)


def _parses(text: str, *, network: bool = False) -> bool:
    try:
        (ipaddress.ip_network if network else ipaddress.ip_address)(text)
    except ValueError:
        return False
    return True
