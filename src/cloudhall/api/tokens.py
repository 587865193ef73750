"""Page tokens: where the next page begins, sealed to the question that was asked.

Opaque to clients: an HMAC over the last row's sort value and id and over the filter. A token for another filter, or
one that was edited, is refused instead of giving a page that is not what it seems.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.text import T

PURPOSE = "api.page"
_TAG_BYTES = 32


def seal(keys: Keyring, after: Sequence[Any], question: Any) -> str:
    """Make the token of the page behind `after`; `question` is everything that the pages have in common."""
    body = msgspec.json.encode(after)
    tag = keys.mac(PURPOSE, _digest(question) + body)
    return base64.urlsafe_b64encode(tag + body).decode().rstrip("=")


def unseal(keys: Keyring, token: str, question: Any) -> list[Any]:
    """Where a page begins; raises `Invalid` for a token that we did not make for this question."""
    try:
        blob = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    tag, body = blob[:_TAG_BYTES], blob[_TAG_BYTES:]
    if not keys.verify_mac(PURPOSE, _digest(question) + body, tag):
        raise _not_ours()
    after: list[Any] = msgspec.json.decode(body)
    return after


def _digest(question: Any) -> bytes:
    return hashlib.sha256(msgspec.json.encode(question, order="sorted")).digest()


def _not_ours() -> Invalid:
    text = T("翻页令牌无效，或属于另一个筛选", "The page token is not valid, or belongs to another filter")
    mend = T("去掉 page_token 从第一页开始", "Begin at the first page, without page_token")
    return Invalid(text, mend=mend, problems=(Problem("PAGE_TOKEN", "?page_token", text, mend),))
