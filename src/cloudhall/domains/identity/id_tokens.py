"""ID tokens (OpenID Connect Core 3.1.3.7): what one must say before it is believed. Pure: keys and time come in.

Never here: an algorithm that the token alone asks for (`none`, or HMAC with a public key), or a claim that is used
before its signature is checked.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cloudhall.kernel.errors import Unauthenticated
from cloudhall.kernel.text import T

ALGORITHMS = ("RS256", "PS256", "ES256")
SKEW_S = 60  # that the other's clock may be off
AGE_MAX_S = 600  # an ID token is for the log-in that asked for it
TOKEN_LENGTH_MAX = 16_384
SUBJECT_LENGTH_MAX = 255  # OpenID Connect Core 2
MISTRUST = T("身份提供方的答复不可信", "The identity provider's answer cannot be trusted")
AGAIN = T("重新登录；若一再出现，请告诉安全管理员", "Log in again; if it stays, tell a security administrator")


class Expected(NamedTuple):
    """What a token must be about."""

    issuer: str
    client: str
    nonce: str


class UnknownKey(Exception):
    """The token names a key that is not among those known: perhaps a new one."""


def distrusted(reason: str) -> Unauthenticated:
    """Refusal of what a provider says; the reason is for the log."""
    return Unauthenticated(T(f"{MISTRUST.zh}（{reason}）", f"{MISTRUST.en} ({reason})"), mend=AGAIN, reason=reason)


def claims_of(token: str, keys: Mapping[str, Any], expected: Expected, now_s: int) -> dict[str, Any]:
    """Claims of a token that may be believed; raises `Unauthenticated`, or `UnknownKey`.

    `keys` is a JWK set as it was read. Joserfc is imported here: few log-ins come this way.
    """
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError, JoseError
    from joserfc.jwk import KeySet

    if len(token) > TOKEN_LENGTH_MAX:
        raise distrusted("TOKEN_SIZE")
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(_for_signatures(keys)), algorithms=ALGORITHMS)
    except InvalidKeyIdError as error:
        raise UnknownKey from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise distrusted("TOKEN_SIGNATURE") from error
    claims = dict(decoded.claims)
    if reason := _fault(claims, expected, now_s):
        raise distrusted(reason)
    return claims


def _for_signatures(keys: Mapping[str, Any]) -> Any:
    """Keys that sign; a secret one has no place in a public set, and would turn its publication into a signature."""
    found = [k for k in keys["keys"] if k.get("use", "sig") == "sig" and k.get("kty") in {"RSA", "EC"}]
    return {"keys": found}


def _fault(claims: Mapping[str, Any], expected: Expected, now_s: int) -> str:
    """Name what is wrong with claims whose signature is right; empty for nothing."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != expected.issuer:
        return "TOKEN_ISSUER"
    if expected.client not in audiences:
        return "TOKEN_AUDIENCE"
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != expected.client:
        return "TOKEN_PARTY"
    if claims.get("nonce") != expected.nonce:
        return "TOKEN_NONCE"
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        return "TOKEN_SUBJECT"
    return _time_fault(claims, now_s)


def _time_fault(claims: Mapping[str, Any], now_s: int) -> str:
    times = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    if not all(isinstance(t, int | float) and not isinstance(t, bool) for t in times):
        return "TOKEN_TIMES"
    expires, issued, begins = (t for t in times if t is not None)
    if expires + SKEW_S <= now_s or issued + AGE_MAX_S + SKEW_S <= now_s:
        return "TOKEN_EXPIRED"
    return "TOKEN_TOO_EARLY" if max(issued, begins) - SKEW_S > now_s else ""
