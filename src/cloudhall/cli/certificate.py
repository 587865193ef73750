"""`certificate`: the root of the installation's own authority, for those who shall trust it."""

from pathlib import Path

from cloudhall.cli.founding import KEYS, NAME_IT
from cloudhall.cli.here import folder_of, told
from cloudhall.cli.output import note, print_lines
from cloudhall.cli.parts import Command
from cloudhall.cli.run import HOME
from cloudhall.sdk.language import T, say

PRINT = T("SHA-256：{}", "SHA-256: {}")
INSTALL = T(
    "装进浏览器和系统的信任库；命令行：cloudhall login --url https://… --ca 文件。先在别的途径核对 SHA-256",
    "Install it where browsers and systems keep whom they trust; command line: cloudhall login --url https://… "
    "--ca FILE. Compare the SHA-256 by another way first",
)


def certificate(*, home: Path | None) -> None:
    """Print it, making the authority where there is none yet."""
    from cloudhall.kernel import errors, text
    from cloudhall.kernel.keys import Keyring
    from cloudhall.kernel.world import World
    from cloudhall.tls.authority import Authority, fingerprint
    from cloudhall.tls.door import home_of

    folder = folder_of(home)
    with told():
        if not (folder / KEYS).is_dir():
            there = text.T(f"{folder} 里没有安装", f"There is no installation in {folder}")
            raise errors.NotFound(there, mend=text.T(*NAME_IT), reason="HOME")
        root = Authority(home_of(folder), Keyring.open(folder / KEYS, World())).root_pem()
    print_lines(root.splitlines())
    note(say(PRINT, fingerprint(root.encode())))
    note(INSTALL)


CERTIFICATE = Command(
    "certificate",
    certificate,
    T(
        "打印本安装自建证书机构的根证书（PEM），供客户端信任；用于 run --tls。服务器开着停着都行。",
        "Print the root certificate (PEM) of the installation's own authority, for clients to trust; it is the one of "
        "run --tls. Works with the server up or down.",
    ),
    examples=["certificate > root.pem", "certificate --home /srv/cloudhall > root.pem"],
    params=[HOME],
)
