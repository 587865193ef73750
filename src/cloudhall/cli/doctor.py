"""`doctor`: what is well with the installation on this machine and what is not, with a remedy for each."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.errors import FAILED, OK
from cloudhall.cli.here import folder_of, quiet, told
from cloudhall.cli.output import print_json, print_lines
from cloudhall.cli.parts import Command, Option
from cloudhall.cli.run import HOME, LOOPBACK, PORT
from cloudhall.sdk.language import T, language, say

if TYPE_CHECKING:
    from cloudhall.doctor.findings import Finding

STATES = {"ok": T("正常", "ok"), "note": T("注意", "NOTE"), "wrong": T("有误", "WRONG")}
COUNT = T("共 {} 项，有误 {} 项，注意 {} 项", "{} findings, {} wrong, {} to note")


def doctor(*, home: Path | None, port: int, host: str, tls_cert: str, database: str, **given: Any) -> int:
    """Examine, tell, and end with 1 when something is wrong."""
    from cloudhall.doctor.examine import Site, examine

    quiet()
    with told():
        findings = list(examine(Site(folder_of(home), port, host, tls_cert, database)))
    if output_of(given).style == "json":
        print_json([_wire(finding) for finding in findings])
    else:
        print_lines(line for finding in findings for line in _lines(finding))
        states = [finding.state for finding in findings]
        print_lines([say(COUNT, len(states), states.count("wrong"), states.count("note"))])  # type: ignore[arg-type]  # a state is its text
    return FAILED if any(finding.state == "wrong" for finding in findings) else OK


def _lines(finding: "Finding") -> Iterable[str]:
    spoken = language()
    yield f"{say(STATES[finding.state])}\t{finding.about.in_(spoken)}\t{finding.detail.in_(spoken)}"
    if finding.remedy:
        yield f"\t→ {finding.remedy.in_(spoken)}"


def _wire(finding: "Finding") -> dict[str, Any]:
    return {
        "code": finding.code,
        "state": finding.state,
        "about": finding.about.both(),
        "detail": finding.detail.both(),
        "remedy": finding.remedy.both() if finding.remedy else None,
    }


DOCTOR = Command(
    "doctor",
    doctor,
    T(
        "检查本机的安装：服务器、端口、磁盘、时钟、密钥、证书、引擎、数据库、审计日志；每一项不对都附上办法。什么也不改动，"
        "服务器开着停着都行。有误则以 1 退出。",
        "Examine the installation on this machine: server, ports, disk, clock, keys, certificates, engine, database, "
        "audit log, with a remedy for whatever is not well. It changes nothing, and works with the server up or down. "
        "Exit code 1 when something is wrong.",
    ),
    examples=["doctor", "doctor --home /srv/cloudhall --json"],
    params=[
        HOME,
        Option(
            "--port",
            type=int,
            default=PORT,
            envvar="CLOUDHALL_PORT",
            text=T(
                f"服务器的端口（CLOUDHALL_PORT），默认 {PORT}", f"The server's port (CLOUDHALL_PORT), {PORT} by default"
            ),
        ),
        Option(
            "--host",
            default=LOOPBACK,
            envvar="CLOUDHALL_HOST",
            text=T("服务器监听的地址（CLOUDHALL_HOST），默认本机", "Its address (CLOUDHALL_HOST), loopback by default"),
            metavar="ADDRESS",
        ),
        Option(
            "--tls-cert",
            default="",
            envvar="CLOUDHALL_TLS_CERT",
            text=T(
                "交给服务器的证书（CLOUDHALL_TLS_CERT），看它何时到期",
                "Certificate that it was given (CLOUDHALL_TLS_CERT), to see when it ends",
            ),
            metavar="FILE",
        ),
        Option(
            "--database",
            envvar="CLOUDHALL_DATABASE",
            default="",
            text=T("数据行所在的 PostgreSQL（CLOUDHALL_DATABASE）", "PostgreSQL with its rows (CLOUDHALL_DATABASE)"),
            metavar="URL",
        ),
        *output_options(),
    ],
)
