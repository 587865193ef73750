"""The door: log in, log out, and the tokens that tie a form to who asked for it.

The cookie holds the session secret and nothing else; it is HttpOnly and SameSite=Lax. Every form carries a token that
follows from that secret (or, before log-in, from a cookie of chance), so that no page elsewhere can post it.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping

from starlette.requests import Request

from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.text import T

SESSION_COOKIE = "cloudhall_session"
VISITOR_COOKIE = "cloudhall_visitor"
TOKEN_FIELD = "csrf"  # noqa: S105  the name of a form field


class FormExpired(CloudhallError):
    """The form was not made for this visit: an old tab, or a page elsewhere."""

    status = 403
    code = "FORM_EXPIRED"
    title = T("表单已过期", "This form has expired")
    mend = T(
        "返回上一页，刷新后再提交；已填的内容还在",
        "Go back, reload the page and send it again; what you typed is still there",
    )


def form_token(cookies: Mapping[str, str]) -> str:
    """Token for the forms of this visit; empty where there is no cookie to tie it to."""
    basis = cookies.get(SESSION_COOKIE) or cookies.get(VISITOR_COOKIE)
    return hashlib.sha256(b"form:" + basis.encode()).hexdigest()[:32] if basis else ""


def require_token(cookies: Mapping[str, str], given: str) -> None:
    """Raise `FormExpired` unless the form was made for this visit."""
    wanted = form_token(cookies)
    if not wanted or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise FormExpired(T("表单与当前会话不符", "The form does not belong to this session"))


def safe_return(path: str) -> str:
    """Return path within the console; anything that could lead elsewhere becomes the home page."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\", "/login", "/logout"))
    return path if inside and path.isprintable() else "/"


def is_loopback(request: Request) -> bool:
    """Whether the browser runs on this machine."""
    try:
        return bool(request.client) and ipaddress.ip_address(request.client.host).is_loopback  # type: ignore[union-attr]  # bool() has seen it
    except ValueError:
        return False
