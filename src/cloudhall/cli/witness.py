"""`cloudhall witness`: a process that countersigns other people's logs, with a key and a folder of its own."""

import contextlib
from pathlib import Path

import click

from cloudhall.cli.here import told
from cloudhall.cli.parts import Command, Option
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

PORT = 8811
HOST = "127.0.0.1"
BAD_KEY = T("不是日志公钥：{}", "Not the public key of a log: {}")
UP = T("见证人 {}", "Witness {}")
KEY = T("公钥", "key")


def witness(*, home: Path, port: int, host: str, logs: tuple[str, ...], name: str) -> None:
    """Serve until Ctrl-C."""
    from cloudhall import server
    from cloudhall.kernel.world import World
    from cloudhall.verify import Key, Refused, parse_key
    from cloudhall.witness.judging import Witness
    from cloudhall.witness.serving import serve

    def key_of(text: str) -> Key:
        try:
            return parse_key(Path(text).read_text("utf-8").strip() if Path(text).is_file() else text)
        except (Refused, OSError, UnicodeDecodeError):
            raise Misuse(say(BAD_KEY, text)) from None

    keys = [key_of(text) for text in logs]
    with told(), server.only_one(home.absolute()), server.bind(port, host) as sock:
        made = Witness(home.absolute(), keys, World(), name)

        def ready() -> None:
            click.echo(f"{say(UP, made.name)}  http://{host}:{sock.getsockname()[1]}\n{say(KEY)}  {made.key}")

        with contextlib.suppress(KeyboardInterrupt):
            serve(made, sock, ready)


WITNESS = Command(
    "witness",
    witness,
    T(
        "为别人的审计日志作见证：只为延续已见过的历史会签。只保存自己的密钥和每个日志最新的检查点；最好在别人的机器上运行。",
        "Witness other people's audit logs: countersign only what continues the history seen so far. It keeps its key "
        "and the newest checkpoint of each log, nothing else; best run on a machine of others.",
    ),
    examples=[
        "witness --home /srv/witness --log cloudhall.pub",
        "witness --home /srv/witness --host 0.0.0.0 --log KEY",
    ],
    params=[
        Option(
            "--log",
            "logs",
            multiple=True,
            required=True,
            text=T(
                "要见证的日志的公钥或其文件，可重复；换钥后加上新的一把",
                "Public key of a log or its file; repeat it for more logs, and for a log's new key",
            ),
            metavar="KEY",
        ),
        Option(
            "--name",
            default="",
            text=T("见证人的名称，例如 audit.example.cn/w1", "Name of the witness, such as audit.example.cn/w1"),
            metavar="NAME",
        ),
        Option("--host", default=HOST, text=T("监听的地址，默认仅本机", "Address to listen at, loopback by default")),
        Option("--port", type=int, default=PORT, text=T(f"端口，默认 {PORT}", f"Port, {PORT} by default")),
        Option(
            "--home",
            type=click.Path(path_type=Path),
            required=True,
            text=T("见证人自己的文件夹", "Folder of the witness's own"),
        ),
    ],
)
