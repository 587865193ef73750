"""Addresses of the interface, from the OpenAPI document that a server gives."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from cloudhall.api.app import create_app
from cloudhall.installation import open_kernel
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from reference_pages.markdown import code, codes, heading, page, table

TITLE = T("接口", "Interface")
ABOUT = T(
    "完整的机器可读说明由每台服务器给出：`GET /api/v1/openapi.json`（OpenAPI 3.1）。令牌放在请求头 "
    "`Authorization: Bearer …`；资源以名称或编号指明；金额以分计，字节以字节计，单价以纳元计，"
    "用量以单位的百万分之一计；超过 2^53 的整数为字符串。"
    "改变可带 `Idempotency-Key`（24 小时内重发得到第一次的回答）和 `If-Match`，"
    "加 `?validate_only=true` 只预演，加 `?wait=30s` 等到就绪。",
    "Every server gives the whole description for machines: `GET /api/v1/openapi.json` (OpenAPI 3.1). The token goes "
    "into `Authorization: Bearer …`; a resource is named by name or id; amounts are in fen, bytes in bytes, unit "
    "prices in nano-yuan, usage in millionths of its unit; integers beyond 2^53 are strings. A change may carry "
    "`Idempotency-Key` (sent again within 24 hours, it gets the first answer) and `If-Match`; `?validate_only=true` "
    "only tries it, `?wait=30s` waits until it is ready.",
)


def render(registry: Registry) -> str:
    """Render the page."""
    described = document()
    titles = {tag["name"]: tag["description"] for tag in described["tags"]}
    blocks = []
    for tag, title in titles.items():
        rows = sorted(_rows(described["paths"], tag), key=lambda row: row[1])
        head = ("", "地址 · Address", "作用 · What it does", "权限 · Right", "查询参数 · Query")
        blocks += [heading(2, title), table(head, rows)]
    assert titles.keys() >= registry.domains.keys()
    return page(TITLE, ABOUT, *blocks)


def document() -> dict[str, Any]:
    """Return the OpenAPI document of an installation that holds nothing."""
    with tempfile.TemporaryDirectory() as home:
        kernel = open_kernel(Path(home), {})
        app = create_app(kernel)
        answer: dict[str, Any] = TestClient(app).get("/api/v1/openapi.json").json()
        app.state.host.close()
        kernel.stop()
    return answer


def _rows(paths: Mapping[str, Any], tag: str) -> Iterator[tuple[str, ...]]:
    for path, operations in paths.items():
        for method, operation in operations.items():
            if tag in operation["tags"]:
                query = [p["name"] for p in operation["parameters"] if p["in"] == "query" and p["name"] != "lang"]
                right = code(operation.get("x-operation", ""))
                yield method.upper(), code(path), operation["summary"], right, codes(query)
