"""Identifiers: two-letter prefix, sortable time, chance, and a check character.

`bk-` + 16 characters + 1 check character. The alphabet has 31 letters (a prime), so that the weighted sum finds
every single wrong character and every swap of neighbours. No i, l, o, u, z: nothing to misread.
"""

import re

from cloudhall.kernel.world import World

ALPHABET = "0123456789abcdefghjkmnpqrstvwxy"
BODY_LENGTH = 16
RANDOM_BITS = 35  # per millisecond; the primary key catches the one in 10⁹ that collides
_VALUE = {c: i for i, c in enumerate(ALPHABET)}
_LOOKS_LIKE_ID = re.compile(rf"^[a-z]{{2}}-[{ALPHABET}]{{{BODY_LENGTH + 1}}}$")


def new_id(prefix: str, world: World) -> str:
    """Make an id for a kind's two-letter `prefix`; later ids sort after earlier ones."""
    time_ms = world.now_us() // 1_000
    chance = int.from_bytes(world.random_bytes(5), "big") >> (40 - RANDOM_BITS)
    body = _encode(time_ms << RANDOM_BITS | chance)
    return f"{prefix}-{body}{_check(prefix, body)}"


def looks_like_id(text: str) -> bool:
    """Whether a text has the shape of an id; names must not."""
    return bool(_LOOKS_LIKE_ID.match(text.lower()))


def is_id(text: str) -> bool:
    """Whether a text is an id with a right check character (in either case)."""
    text = text.lower()
    return looks_like_id(text) and _check(text[:2], text[3:-1]) == text[-1]


def _encode(number: int) -> str:
    letters = []
    for _ in range(BODY_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(reversed(letters))


def _check(prefix: str, body: str) -> str:
    total = sum(weight * _VALUE[c] for weight, c in enumerate(body, start=2))
    total += ord(prefix[0]) * 19 + ord(prefix[1]) * 23
    return ALPHABET[total % len(ALPHABET)]
