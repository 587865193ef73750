"""The demonstration city: real names of municipal units, invented people. Loopback only, known passwords."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from cloudhall.domains.identity import passwords
from cloudhall.domains.identity.founding import ensure
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

DATA = Path(__file__).parent / "data" / "chongqing.toml"
PASSWORD = "yunting-demo"  # noqa: S105  known on purpose: the demonstration listens on loopback alone
CITIZEN = T("市民", "citizen")


def seed(kernel: "Kernel", founder: Caller) -> None:
    """Make the city by ordinary commands."""
    city = load()
    for name, o in city["organisations"].items():
        spec = {"title_zh": o["zh"], "title_en": o["en"], "level": o.get("level", "municipal")}
        ensure(kernel, founder, Organisation, name, "platform", spec)
    for name, p in city["projects"].items():
        ensure(kernel, founder, Project, name, p["organisation"], {"title_zh": p["zh"], "title_en": p["en"]})
    hashed = passwords.hash_password(PASSWORD)
    for name, person in city["people"].items():
        _person(kernel, founder, name, person, hashed)


def load() -> dict[str, dict[str, dict[str, str]]]:
    """Read the city's data file."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def logins() -> tuple[tuple[str, T, str], ...]:
    """Log-in, role and password of everybody in the city."""
    people = load()["people"].items()
    return tuple((name, ROLES[p["role"]] if "role" in p else CITIZEN, PASSWORD) for name, p in people)


def with_known_password(kernel: "Kernel") -> str:
    """Log-in of somebody of the city who still has its password; empty where there is none."""
    tx = kernel.store.read()
    people = (person for name in load()["people"] for person in kernel.tables[Person].named(tx, name))
    return next((person.name for person in people if _has_known_password(tx, person.id)), "")


def _has_known_password(tx: Tx, person: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import VerificationError

    row = tx.execute("SELECT hash FROM identity_password WHERE person = ?", (person,)).fetchone()
    try:
        return bool(row) and PasswordHasher().verify(row[0], PASSWORD)
    except VerificationError:
        return False


def _person(kernel: "Kernel", founder: Caller, name: str, person: dict[str, str], hashed: str) -> None:
    spec = {"display_name": person["zh"], "display_name_en": person["en"]}
    id_ = ensure(kernel, founder, Person, name, person["organisation"], spec)
    kernel.store.write(lambda tx: passwords.store(tx, id_, hashed, kernel.world.now_us())).result()
    if "role" in person:
        grant = {"subject": id_, "role": person["role"], "reason": "demonstration"}
        ensure(kernel, founder, Grant, f"{name}-{person['role'].replace('_', '-')}", person["on"], grant)
