"""What can go wrong for a client: one tree, each branch one thing that a program may want to catch.

    Failure
    ├── Misuse           what was asked makes no sense here: an address that is none, a file that cannot be read
    ├── NotReady         what was waited for did not come in time, or never will
    ├── Unreachable      no server answered
    └── Refused          the server answered with a problem (RFC 9457)
        ├── Invalid          400  ├── Unauthenticated  401  ├── Forbidden    403
        ├── NotFound         404  ├── Conflict         409  ├── Stale        412
        └── TooMany          429  └── Unavailable      503

`Refused.code` and `Refused.reason` are stable; the codes are explained in `docs/reference/errors.md`.
"""

from collections.abc import Mapping
from typing import Any

from cloudhall.sdk.language import Text, say


class Failure(Exception):
    """Root: what went wrong and what to do about it, in both languages where it was found here."""

    def __init__(self, text: Text, mend: Text | None = None) -> None:
        """`mend` says what to do, where that is known."""
        super().__init__(text)
        self.text, self.mend = text, mend

    def __str__(self) -> str:
        """Both, in the language of the locale."""
        return "\n".join(say(part) for part in (self.text, self.mend) if part)


class Misuse(Failure):
    """What was asked makes no sense, and no server needs to be asked."""


class NotReady(Failure):
    """What was waited for did not happen; `seen` is the resource as it was last seen, None where it is gone."""

    def __init__(self, text: Text, mend: Text | None = None, seen: Mapping[str, Any] | None = None) -> None:
        """`seen` as it came."""
        super().__init__(text, mend)
        self.seen = seen


class Unreachable(Failure):
    """No server answered. A change may have been made; sent again under the same key it is made once."""


class Refused(Failure):
    """The server answered with a problem, in the language that was asked for."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        """`status` is the HTTP status, `body` the problem as it came, with whatever else it tells."""
        super().__init__(f"{body.get('code', status)}: {body.get('detail', '')}", body.get("how"))
        self.status, self.body = status, body

    def __str__(self) -> str:
        """What is wrong, field by field, and what to do."""
        fields = [f"{p.get('pointer', '')} {p.get('detail', '')}".strip() for p in self.problems]
        return "\n".join(filter(None, [say(self.text), *fields, say(self.mend or "")]))

    @property
    def code(self) -> str:
        """Stable word for the kind of problem, such as `QUOTA_EXCEEDED`."""
        return str(self.body.get("code", ""))

    @property
    def reason(self) -> str:
        """Stable word that narrows the code, such as the quota's; empty where the code says it all."""
        return str(self.body.get("reason", ""))

    @property
    def problems(self) -> list[Mapping[str, Any]]:
        """Everything that is wrong with the fields, each with `code`, `pointer` (RFC 6901), `detail`, maybe `mend`."""
        return list(self.body.get("problems", ()))

    @property
    def request_id(self) -> str:
        """What to name to whoever runs the server."""
        return str(self.body.get("request_id", ""))

    @property
    def retry_after_s(self) -> float:
        """Seconds until it is worth asking again; 0 where the server does not say."""
        return float(self.body.get("retry_after_s", 0))


class Invalid(Refused):
    """Something is wrong with what was sent; `problems` has all of it."""


class Unauthenticated(Refused):
    """Nobody is logged in, or no longer."""


class Forbidden(Refused):
    """Whoever is logged in may not; `body` names the policy and what would change the answer."""


class NotFound(Refused):
    """It is not there, or not to be seen."""


class Conflict(Refused):
    """It does not fit what is there: a name that is taken, a quota that is full, something that goes first."""


class Stale(Refused):
    """Somebody else has changed it since; `body["difference"]` says what."""


class TooMany(Refused):
    """Too many requests; worth asking again after `retry_after_s`."""


class Unavailable(Refused):
    """The server cannot now; worth asking again after `retry_after_s`."""


BY_STATUS: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    429: TooMany,
    503: Unavailable,
}


def refusal(status: int, body: Mapping[str, Any]) -> Refused:
    """Return the error that a problem is, by its status."""
    return BY_STATUS.get(status, Refused)(status, body)
