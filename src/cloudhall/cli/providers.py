"""The secret by which an identity provider knows our client: read, never an argument, and never shown again."""

import sys

from cloudhall.cli.output import note
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.password import NO_TERMINAL, send
from cloudhall.cli.session import typed_in_secret
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T

SECRET = T("客户端密钥：", "Client secret: ")
KEPT = T("已加密保存", "It is kept, encrypted")


def client_secret(*, provider: str, stdin: bool) -> None:
    """Keep the client secret of a provider."""
    if not stdin and not sys.stdin.isatty():
        raise Misuse(NO_TERMINAL)
    secret = sys.stdin.readline().rstrip("\r\n") if stdin else typed_in_secret(SECRET)
    send("client-secret", {"provider": provider, "secret": secret})
    note(KEPT)


CLIENT_SECRET = Command(
    "client-secret",
    client_secret,
    T("保存身份提供方的客户端密钥（安全管理员）。", "Keep the client secret of an identity provider."),
    examples=["client-secret city-login"],
    params=[
        Argument("provider", metavar="PROVIDER", text=T("身份提供方，名称或编号", "Identity provider, by name or id")),
        Option("--stdin", text=T("从标准输入读一行：密钥", "Read one line: the secret"), is_flag=True),
    ],
)
