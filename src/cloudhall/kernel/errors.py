"""One tree of errors. Each has a stable code, a text in both languages, and says how to mend it.

    CloudhallError            500 INTERNAL
    ├── Invalid               400 INVALID           all field problems at once
    ├── Unauthenticated       401 UNAUTHENTICATED
    ├── Forbidden             403 FORBIDDEN         names the policy and what would change the answer
    ├── NotFound              404 NOT_FOUND         also what one may not see
    ├── Conflict              409 CONFLICT          name taken, key reused, state does not allow it
    │   └── QuotaExceeded     409 QUOTA_EXCEEDED
    ├── Stale                 412 STALE             somebody else changed it; carries the difference
    ├── TooMany               429 TOO_MANY
    └── Unavailable           503 UNAVAILABLE       an engine or the disk; try again

On the wire: RFC 9457 (`application/problem+json`). The docs page of a code is
`docs/reference/errors.md#<code in lower case>`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from cloudhall.kernel.text import T


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with an input: where (JSON pointer, RFC 6901), what, and how to mend it."""

    code: str
    pointer: str
    text: T
    mend: T | None = None


class CloudhallError(Exception):
    """Root of all errors that a person may see."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL"
    title: ClassVar[T] = T("程序内部错误", "Internal error")
    mend: ClassVar[T] = T("请把请求号交给管理员", "Give the request id to an administrator")

    def __init__(
        self,
        text: T,
        *,
        mend: T | None = None,
        problems: tuple[Problem, ...] = (),
        reason: str = "",
        **details: Any,
    ) -> None:
        """`reason` narrows the code (`QUOTA_EXCEEDED` / `storage_gib`); `details` go on the wire as they are."""
        super().__init__(text.en)
        self.text = text
        self.how = mend or self.mend
        self.problems = problems
        self.reason = reason
        self.details = details

    @property
    def docs(self) -> str:
        """Anchor of this error's page."""
        return f"/docs/reference/errors#{self.code.lower()}"


class Invalid(CloudhallError):
    """The input is wrong; `problems` names every field at once."""

    status = 400
    code = "INVALID"
    title = T("输入需要修改", "The input needs a change")
    mend = T("按各字段的说明修改后再提交", "Mend each named field and send it again")


class Unauthenticated(CloudhallError):
    """Nobody is logged in, or the token is wrong, expired or revoked."""

    status = 401
    code = "UNAUTHENTICATED"
    title = T("需要登录", "Log in first")
    mend = T("登录，或在请求头 Authorization 中带上有效令牌", "Log in, or send a valid token in Authorization")


class Forbidden(CloudhallError):
    """Seen, but not allowed."""

    status = 403
    code = "FORBIDDEN"
    title = T("没有权限", "Not allowed")
    mend = T("请授权管理员授予所需角色", "Ask an administrator for the role that is named")
    ruling: Mapping[str, Any] = {}
    """Fields of an audit entry that tie the refusal to what it went by; empty where no policy was asked."""


class NotFound(CloudhallError):
    """Not there, or not for this caller to see."""

    status = 404
    code = "NOT_FOUND"
    title = T("没有找到", "Not found")
    mend = T("核对名称或编号，或请求查看权限", "Check the name or id, or ask for permission to see it")


class Conflict(CloudhallError):
    """The present state does not allow it."""

    status = 409
    code = "CONFLICT"
    title = T("与现状冲突", "Conflicts with the present state")
    mend = T("查看现状后再试", "Look at the present state and try again")


class QuotaExceeded(Conflict):
    """More than the project may hold."""

    code = "QUOTA_EXCEEDED"
    title = T("超出配额", "Over the quota")
    mend = T("删除不用的资源，或申请提高配额", "Delete what is unused, or ask for a higher quota")


class Stale(CloudhallError):
    """`If-Match` names an older revision; `details` holds the current row and the difference."""

    status = 412
    code = "STALE"
    title = T("内容已被他人修改", "Somebody else has changed this")
    mend = T("看过差异后，用新的版本号再提交", "Look at the difference and send it with the new revision")


class TooMany(CloudhallError):
    """Too many requests, or too many wrong passwords."""

    status = 429
    code = "TOO_MANY"
    title = T("请求过多", "Too many requests")
    mend = T("稍后再试", "Try again later")


class Unavailable(CloudhallError):
    """An engine, the disk or the network; it may pass."""

    status = 503
    code = "UNAVAILABLE"
    title = T("暂时不可用", "Not available now")
    mend = T("稍后再试；持续出现时请联系管理员", "Try again; if it stays, tell an administrator")


def tree(root: type[CloudhallError] = CloudhallError) -> Iterator[type[CloudhallError]]:
    """Every class of error that is loaded, those of the faces too."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


class Told(msgspec.Struct, frozen=True):
    """An error as data, to be stored and told again word for word."""

    code: str
    text: T
    how: T
    problems: tuple[Problem, ...]
    reason: str
    details: Mapping[str, Any]

    @classmethod
    def of(cls, error: CloudhallError) -> "Told":
        """Take down an error."""
        return cls(error.code, error.text, error.how, error.problems, error.reason, error.details)

    def again(self) -> CloudhallError:
        """Return the error that was taken down."""
        class_ = next(c for c in tree() if c.code == self.code)
        return class_(self.text, mend=self.how, problems=self.problems, reason=self.reason, **self.details)
