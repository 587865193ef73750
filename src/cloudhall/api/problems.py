"""Errors on the wire: RFC 9457 `application/problem+json`, in the language of the request and in both.

A problem of a field points into the body with a JSON pointer (RFC 6901); one of the query reads `?page_size`, one of a
header `If-Match:`. A fault of the program shows its request id and nothing else; the traceback is in the log.
"""

import logging
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cloudhall.api.answers import PRIVATE
from cloudhall.kernel.errors import CloudhallError, Invalid, NotFound, Problem, Unavailable
from cloudhall.kernel.text import Language, T

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)


class MethodNotAllowed(CloudhallError):
    """The address is right, what is to be done with it is not."""

    status = 405
    code = "METHOD_NOT_ALLOWED"
    title = T("此地址不支持该方法", "This address does not take that method")
    mend = T("使用响应头 Allow 中的方法", "Use a method from the Allow header")


class TooLarge(CloudhallError):
    """More than the server reads of one request."""

    status = 413
    code = "TOO_LARGE"
    title = T("请求体过大", "The body is too large")
    mend = T("缩小请求体；大文件请放入存储桶", "Send less; large files belong into a bucket")


class UnsupportedMedia(CloudhallError):
    """A body that is not JSON, or does not say so."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    title = T("不支持的内容类型", "Unsupported content type")
    mend = T("以 Content-Type: application/json 发送 JSON", "Send JSON with Content-Type: application/json")


def problem_of(error: CloudhallError, language: Language, request_id: str) -> dict[str, Any]:
    """Render an error: `title`, `detail`, `how` and each problem in one language, `texts` beside them in both."""
    body: dict[str, Any] = {
        **error.details,
        "type": error.docs,
        "title": error.title.in_(language),
        "status": error.status,
        "detail": error.text.in_(language),
        "code": error.code,
        "reason": error.reason,
        "how": error.how.in_(language),
        "docs": error.docs,
        "request_id": request_id,
        "texts": {"title": error.title, "detail": error.text, "how": error.how},
    }
    if error.problems:
        body["problems"] = [_one(p, language) for p in error.problems]
    return body


def answer(error: Exception, language: Language, request_id: str) -> Response:
    """Answer any exception; what is not one of ours is logged with the request id and said to be our fault."""
    known = _known(error, request_id)
    headers = {**PRIVATE, "Content-Language": language, **_headers(known)}
    if isinstance(error, HTTPException) and error.headers:
        headers |= error.headers
    body = msgspec.json.encode(problem_of(known, language, request_id))
    return Response(body, known.status, headers, media_type=MEDIA_TYPE)


def nearest(name: str, known: Iterable[str]) -> T:
    """Ask whether the nearest known name was meant, or list what is known."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return T(f"是否指 {near[0]}？", f"Did you mean {near[0]}?")
    return T("可用：" + "、".join(names), "Known: " + ", ".join(names))


def refuse(found: Iterable[Problem]) -> None:
    """Raise one `Invalid` for everything found; the first thing said of a place is the one that counts."""
    by_pointer: dict[str, Problem] = {}
    for problem in found:
        by_pointer.setdefault(problem.pointer, problem)
    if by_pointer:
        n = len(by_pointer)
        text = T(f"有 {n} 处需要修改", f"{n} thing{'s' * (n > 1)} to change")
        raise Invalid(text, problems=tuple(by_pointer.values()))


def _one(problem: Problem, language: Language) -> dict[str, Any]:
    texts = {"detail": problem.text} | ({"mend": problem.mend} if problem.mend else {})
    said = {name: text.in_(language) for name, text in texts.items()}
    return {"code": problem.code, "pointer": problem.pointer, **said, "texts": texts}


def _known(error: Exception, request_id: str) -> CloudhallError:
    if isinstance(error, CloudhallError):
        if error.status >= CloudhallError.status:
            trace = None if isinstance(error, Unavailable) else error  # a full disk is told, not traced
            log.error("request %s: %s", request_id, error, exc_info=trace)
        return error
    if isinstance(error, HTTPException):
        return _ROUTING.get(error.status_code, NotFound)(_NO_SUCH_ADDRESS)
    log.error("request %s failed", request_id, exc_info=error)
    return CloudhallError(T("程序出错，已记录", "Something went wrong here; it has been logged"))


def _headers(error: CloudhallError) -> Mapping[str, str]:
    headers = {}
    if error.status == 401:  # RFC 9110 11.6.1: it says how to authenticate
        headers["WWW-Authenticate"] = 'Bearer realm="cloudhall"'
    if "allow" in error.details:  # RFC 9110 15.5.6: a 405 says what would be allowed
        headers["Allow"] = ", ".join(error.details["allow"])
    if "retry_after_s" in error.details:
        headers["Retry-After"] = str(error.details["retry_after_s"])
    return headers


_ROUTING: Mapping[int, type[CloudhallError]] = {404: NotFound, 405: MethodNotAllowed}
_NO_SUCH_ADDRESS = T("接口中没有这个地址或方法", "The interface has no such address or method")
