"""Whether an installation may be opened to others: founded, and nobody in it whose password the whole world knows."""

from typing import TYPE_CHECKING

from cloudhall.domains.identity import demo
from cloudhall.domains.identity.founding import founded
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.text import T
from cloudhall.tls.door import Door

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel


def refuse(kernel: "Kernel", door: Door, *, seeding: bool) -> None:
    """Raise `Conflict` where others would come into a demonstration or into an installation that is nobody's.

    `seeding` says that the demonstration city is about to be founded. Cost: 0.1 s for each password that is looked at.
    """
    if not door.opened:
        return
    known = "--demo" if seeding else demo.with_known_password(kernel)
    if known:
        raise Conflict(
            T(
                f"演示账号的密码人人皆知（{known}），只能在本机使用",
                f"Everybody knows the demonstration's passwords ({known})",
            ),
            mend=T(
                "换一个空文件夹，用 cloudhall found 建立你自己的安装；演示只在 127.0.0.1 上运行",
                "Found an installation of your own in an empty folder with cloudhall found; the demonstration runs on "
                "127.0.0.1 alone",
            ),
            reason="DEMONSTRATION",
        )
    if not founded(kernel):
        raise Conflict(
            T("这里还没有人能登录，不对外开放", "Nobody can log in here yet, so it is not opened to others"),
            mend=T("先用 cloudhall found 建立安装", "Found it first: cloudhall found"),
            reason="UNFOUNDED",
        )
