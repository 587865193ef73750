"""Any request to the interface, with the log-in at hand."""

import sys
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.output import print_json
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.cli.typed import Json, OneOf
from cloudhall.sdk.language import T

METHODS = ("GET", "POST", "PATCH", "DELETE")


def api(*, method: str, path: str, data: Any) -> None:
    """Send a request and print the answer as it came; JSON is indented."""
    full = path if path.startswith("/") else f"/api/v1/{path}"
    reply = current().client.send(method, full, body=data)
    if isinstance(reply.body, str):
        sys.stdout.write(reply.body)
    else:
        print_json(reply.body)


API = Command(
    "api",
    api,
    T("直接调用接口，带上已有的登录。", "Call the interface directly, with the log-in at hand."),
    examples=[
        "api GET 'buckets?grade=open&page_size=5'",
        "api GET /api/v1/openapi.json",
        "api POST buckets --data @bucket.json",
    ],
    params=[
        Argument(
            "method",
            metavar="METHOD",
            text=T("GET、POST、PATCH 或 DELETE", "GET, POST, PATCH or DELETE"),
            type=OneOf(METHODS),
        ),
        Argument(
            "path",
            metavar="PATH",
            text=T("地址；不以 / 开头则在 /api/v1 之下", "Address; below /api/v1 unless it begins with /"),
        ),
        Option("--data", text=T("请求体：JSON、@文件 或 @-", "Body: JSON, @file or @-"), type=Json(), metavar="JSON"),
    ],
)
