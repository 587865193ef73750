"""Settings: environment variables, with what each does where nothing is set."""

from collections.abc import Mapping

from cloudhall.cli import topics
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.settings import SERVER
from reference_pages.markdown import both, heading, page

TITLE = T("设置", "Settings")
ABOUT = T(
    "设置都是环境变量；没有配置文件，也没有必须设的。命令行记住的登录和默认项目不在此列，见 `cloudhall context`。",
    "Settings are environment variables; there is no configuration file, and none must be set. What the command line "
    "remembers (log-in, default project) is shown by `cloudhall context`.",
)
INTERNAL: Mapping[str, T] = {
    "CLOUDHALL_COMPLETE": T(
        "由 `cloudhall completion` 输出的脚本设置，人不必设。",
        "Set by the script that `cloudhall completion` prints, not by people.",
    ),
}


def render(_registry: Registry) -> str:
    """Render the page."""
    client = {name: T(*text) for name, text in topics.VARIABLES.items() if name not in SERVER}
    sections = {
        T("服务器", "Server"): SERVER,
        T("命令行", "Command line"): client,
        T("内部", "Internal"): INTERNAL,
    }
    return page(TITLE, ABOUT, *(block for title, rows in sections.items() for block in _section(title, rows)))


def _section(title: T, rows: Mapping[str, T]) -> list[str]:
    return [heading(2, both(title)), *(f"{heading(3, name)}\n{text.zh}\n\n{text.en}\n" for name, text in rows.items())]
