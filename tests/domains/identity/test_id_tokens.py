"""ID tokens of each wrong sort are refused, each for its reason; the same log-in is fine without the fault."""

from typing import Any

import pytest
from joserfc.jwk import OctKey

from cloudhall.domains.identity import oidc
from cloudhall.kernel.world import SECOND_US
from tests.domains.identity.gate import Gate, refusal
from tests.kit.databases import BOTH
from tests.kit.provider import new_key

pytestmark = BOTH
WRONG_CLAIMS = {
    "another issuer": ({"iss": "https://evil.example"}, "TOKEN_ISSUER"),
    "no issuer": ({"iss": None}, "TOKEN_ISSUER"),
    "another client": ({"aud": "other"}, "TOKEN_AUDIENCE"),
    "no audience": ({"aud": None}, "TOKEN_AUDIENCE"),
    "several clients and no party": ({"aud": ["cloudhall", "other"]}, "TOKEN_PARTY"),
    "another party": ({"aud": ["cloudhall", "other"], "azp": "other"}, "TOKEN_PARTY"),
    "another nonce": ({"nonce": "replayed"}, "TOKEN_NONCE"),
    "no nonce": ({"nonce": None}, "TOKEN_NONCE"),
    "no subject": ({"sub": None}, "TOKEN_SUBJECT"),
    "an empty subject": ({"sub": ""}, "TOKEN_SUBJECT"),
    "a subject that is no text": ({"sub": 17}, "TOKEN_SUBJECT"),
    "a subject without end": ({"sub": "x" * 256}, "TOKEN_SUBJECT"),
    "no end": ({"exp": None}, "TOKEN_TIMES"),
    "an end that is no time": ({"exp": "tomorrow"}, "TOKEN_TIMES"),
    "no beginning": ({"iat": None}, "TOKEN_TIMES"),
    "a token that would be huge": ({"x": "x" * 20_000}, "TOKEN_SIZE"),
}


class TestBadTokens:
    """Each is signed with the right key; one claim is wrong."""

    @pytest.mark.parametrize(("claims", "reason"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
    def test_a_claim_that_is_wrong(self, gate: Gate, claims: dict[str, Any], reason: str) -> None:
        gate.link()
        gate.provider.claims = claims
        assert refusal(gate.walk) == reason
        gate.provider.claims = {}
        assert gate.walk()

    @pytest.mark.parametrize(
        ("offset", "reason"),
        [
            ({"exp": -61}, "TOKEN_EXPIRED"),
            ({"iat": -661, "exp": 300}, "TOKEN_EXPIRED"),
            ({"iat": 61, "exp": 300}, "TOKEN_TOO_EARLY"),
            ({"nbf": 61}, "TOKEN_TOO_EARLY"),
            ({"exp": -59}, ""),
            ({"iat": 59, "exp": 300}, ""),
            ({"nbf": 59}, ""),
        ],
    )
    def test_clocks_may_be_off_by_a_minute(self, gate: Gate, offset: dict[str, int], reason: str) -> None:
        gate.link()
        now = gate.town.world.now_us() // SECOND_US
        gate.provider.claims = {name: now + s for name, s in offset.items()}
        if reason:
            assert refusal(gate.walk) == reason
        else:
            assert gate.walk()

    def test_several_clients_with_us_as_the_party_are_fine(self, gate: Gate) -> None:
        gate.link()
        gate.provider.claims = {"aud": ["cloudhall", "other"], "azp": "cloudhall"}
        assert gate.walk()


class TestBadSignatures:
    def test_one_that_is_not_signed(self, gate: Gate) -> None:
        gate.link()
        gate.provider.algorithm = "none"
        assert refusal(gate.walk) == "TOKEN_SIGNATURE"

    def test_one_signed_with_the_public_key_as_a_secret(self, gate: Gate) -> None:
        gate.link()
        public = gate.provider.published[0].as_dict(private=False)
        secret = OctKey.import_key(str(public["x"]), {"kid": "first"})
        gate.provider.key, gate.provider.algorithm = secret, "HS256"
        assert refusal(gate.walk) == "TOKEN_SIGNATURE"
        gate.provider.published.append(secret)
        oidc._known.clear()
        assert refusal(gate.walk) == "TOKEN_SIGNATURE"

    def test_one_signed_with_another_key_of_the_same_name(self, gate: Gate) -> None:
        gate.link()
        gate.provider.key = new_key("first")
        assert refusal(gate.walk) == "TOKEN_SIGNATURE"

    def test_one_whose_key_is_not_published(self, gate: Gate) -> None:
        gate.link()
        gate.provider.key = new_key("unknown")
        gate.town.world.advance(31)
        assert refusal(gate.walk) == "TOKEN_KEY"

    def test_a_new_key_is_looked_for_but_not_all_the_time(self, gate: Gate) -> None:
        gate.link()
        gate.provider.key = new_key("second")
        gate.provider.published.append(gate.provider.key)
        asked = gate.provider.asked.count("/jwks")
        assert refusal(gate.walk) == "TOKEN_KEY", "read less than half a minute ago"
        assert gate.provider.asked.count("/jwks") == asked
        gate.town.world.advance(31)
        assert gate.walk()
        gate.provider.published.remove(gate.provider.published[0])
        gate.town.world.advance(3_600)
        assert gate.walk()
        assert gate.provider.asked.count("/jwks") == asked + 2

    def test_a_key_that_was_taken_away_is_believed_an_hour_at_most(self, gate: Gate) -> None:
        gate.link()
        gate.provider.published = [new_key("second")]
        assert gate.walk()
        gate.town.world.advance(3_600)
        assert refusal(gate.walk) == "TOKEN_KEY"

    @pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "a.b.c.d.e", None, 17, {"a": 1}])
    def test_what_is_no_token(self, gate: Gate, token: Any) -> None:
        gate.link()
        gate.provider.answer = {"id_token": token}
        assert refusal(gate.walk) in {"TOKEN_SIGNATURE", "NO_ID_TOKEN"}
