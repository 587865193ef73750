"""Recovery codes: ten for whoever has a second factor and has lost it, each good once, kept as hashes, shown once."""

import re
from collections.abc import Sequence

from cloudhall.kernel import credentials
from cloudhall.kernel.ids import ALPHABET
from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import World

CODES = 10
GROUPS, GROUP_LENGTH = 4, 4  # 80 bits: no slow hash is needed
FORM = re.compile(rf"([{ALPHABET}]{{{GROUP_LENGTH}}}-){{{GROUPS - 1}}}[{ALPHABET}]{{{GROUP_LENGTH}}}")
SCHEMA = """
CREATE TABLE identity_recovery (hash BLOB PRIMARY KEY, person TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX identity_recovery_person ON identity_recovery (person);
"""


def make(world: World) -> tuple[str, ...]:
    """Make new codes; nothing is kept yet."""
    return tuple(_code(world) for _ in range(CODES))


def keep(tx: Tx, person: str, codes: Sequence[str]) -> None:
    """Keep codes in place of those that there were."""
    forget(tx, person)
    for code in codes:
        tx.execute("INSERT INTO identity_recovery VALUES (?, ?)", (_digest(person, code), person))


def accept(tx: Tx, person: str, code: str) -> bool:
    """Whether a code is right, and use it up."""
    return bool(tx.execute("DELETE FROM identity_recovery WHERE hash = ?", (_digest(person, code),)).rowcount)


def left(tx: Tx, person: str) -> int:
    """How many are not used yet."""
    return int(tx.execute("SELECT count(*) FROM identity_recovery WHERE person = ?", (person,)).fetchone()[0])


def forget(tx: Tx, person: str) -> None:
    """Make every code worthless."""
    tx.execute("DELETE FROM identity_recovery WHERE person = ?", (person,))


def _code(world: World) -> str:
    letters = "".join(ALPHABET[b % len(ALPHABET)] for b in world.random_bytes(GROUPS * GROUP_LENGTH))
    return "-".join(letters[i : i + GROUP_LENGTH] for i in range(0, len(letters), GROUP_LENGTH))


def _digest(person: str, code: str) -> bytes:
    return credentials.digest(f"{person}:{code}")
