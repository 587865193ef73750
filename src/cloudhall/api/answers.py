"""Answers that are not problems: JSON bytes, never cached by anybody in between, never taken for a page."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

PRIVATE: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a value as JSON."""
    return Response(msgspec.json.encode(body), status, {**PRIVATE, **(headers or {})}, media_type="application/json")


def empty() -> Response:
    """Answer 204: done, nothing to say."""
    return Response(status_code=204, headers=dict(PRIVATE))


def raw(body: bytes | str, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer bytes as they are: a proof file, a checkpoint, a tile."""
    return Response(body, 200, {**PRIVATE, **(headers or {})}, media_type=media_type)


def etag(revision: int) -> dict[str, str]:
    """Return the header that names a revision."""
    return {"ETag": f'"{revision}"'}
