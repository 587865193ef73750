"""Bodies and headers of a request: size, type and form are checked before anything else looks at them."""

import re
from typing import Any

import msgspec
from starlette.requests import Request

from cloudhall.api.problems import TooLarge, UnsupportedMedia
from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.text import LANGUAGES, Language, T

BODY_BYTES_MAX = 1 << 20
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
ETAG_PATTERN = r'(?:W/)?"([0-9]{1,18})"|\*'
KEY_PATTERN = r"[!-~](?:[ -~]{0,253}[!-~])?"
_ETAG = re.compile(ETAG_PATTERN)
_KEY = re.compile(KEY_PATTERN)
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json", re.IGNORECASE)


async def read_object(request: Request) -> dict[str, Any]:
    """Read the JSON object of a request; no body is an empty object. Raises TooLarge, UnsupportedMedia, Invalid."""
    body = await _bytes_of(request)
    if not body:
        return {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if not _JSON_TYPE.fullmatch(content_type):
        raise UnsupportedMedia(
            T(
                f"请求体的类型是“{content_type}”，应为 application/json",
                f"The body is {content_type!r}, not application/json",
            )
        )
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        text = T(f"请求体不是合法的 JSON：{error}", f"The body is not JSON: {error}")
        raise Invalid(text, problems=(Problem("NOT_JSON", "", text),)) from None
    if not isinstance(value, dict):
        text = T("请求体应是一个 JSON 对象", "The body must be a JSON object")
        raise Invalid(text, problems=(Problem("TYPE", "", text),))
    return value


async def _bytes_of(request: Request) -> bytes:
    if request.headers.get("content-length") == "0":
        return b""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            limit_mib = BODY_BYTES_MAX >> 20
            raise TooLarge(T(f"请求体最多 {limit_mib} MiB", f"A body has at most {limit_mib} MiB"))
        chunks.append(chunk)
    return b"".join(chunks)


def if_match(request: Request, found: list[Problem]) -> int | None:
    """Revision that the caller saw, or None where any will do."""
    text = request.headers.get("if-match")
    if text is None:
        return None
    match = _ETAG.fullmatch(text.strip())
    if match is None:
        problem = T('If-Match 应为 ETag 给出的版本，例如 "42"', 'If-Match takes the ETag as given, such as "42"')
        found.append(Problem("TYPE", "If-Match:", problem))
        return None
    return int(match[1]) if match[1] else None


def idempotency_key(request: Request, found: list[Problem]) -> str:
    """Key under which the answer is kept; empty where none was sent."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        text = T(
            "Idempotency-Key 为 1 到 255 个可打印的 ASCII 字符",
            "Idempotency-Key is 1 to 255 printable ASCII characters",
        )
        found.append(Problem("PATTERN", "Idempotency-Key:", text))
    return key


def request_id_of(header: str | None) -> str | None:
    """Return the caller's own request id, if it is short and plain enough to stand in a log."""
    return header if header and _REQUEST_ID.fullmatch(header) else None


def language_of(request: Request) -> Language:
    """`?lang=`, else the cookie `lang`, else Accept-Language, else Chinese."""
    asked = request.query_params.get("lang") if request.scope["query_string"] else None
    chosen = asked or (request.cookies.get("lang") if "cookie" in request.headers else None)
    for language in LANGUAGES:
        if chosen == language:
            return language
    return accepted(request.headers.get("accept-language", ""))


def accepted(header: str) -> Language:
    """First of ours in order of preference (RFC 9110 12.5.4); a wrong weight counts as none."""
    ranked: list[tuple[float, Language]] = []
    for item in header.split(","):
        tag, _, weight = item.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        ranked += [(_weight(weight), language) for language in LANGUAGES if primary == language]
    best = max(ranked, key=lambda r: r[0], default=(0.0, LANGUAGES[0]))
    return best[1] if best[0] > 0 else LANGUAGES[0]


def _weight(text: str) -> float:
    match = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", text)
    return float(match[1]) if match else (0.0 if text.strip() else 1.0)
