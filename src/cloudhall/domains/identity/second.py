"""The second step of a log-in, and log-in with a passkey alone: what is proven here opens a session.

A password that is right gives whoever holds a second factor nothing but a ticket (`sessions.login`). The ticket names
the person, dates from before the password was compared, and is worth nothing once that was changed or reset.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.identity import ceremonies, codes, passkeys, passwords, sessions, tickets
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.store import Tx

if TYPE_CHECKING:
    from cloudhall.domains.identity.ceremonies import Site
    from cloudhall.kernel.kernel import Kernel


class Door(NamedTuple):
    """From where somebody comes in: network address, and what their program says it is."""

    address: str = ""
    agent: str = ""


def with_code(kernel: "Kernel", ticket: str, code: str, door: Door) -> tuple[str, Person]:
    """Open a session by a code of the app or a recovery code; raises `Unauthenticated` or `TooMany`."""
    read, person = asked(kernel, ticket)
    with _noting(kernel, person, door):
        used = codes.check(kernel, person, code)

        def within(tx: Tx) -> None:
            tickets.spend(tx, ticket, kernel.world.now_us())
            passwords.require_older(tx, person.id, read.at_us)

        how = f"password+{used}"
        return sessions.begin(kernel, person, how, address=door.address, agent=door.agent, within=within), person


def with_passkey(kernel: "Kernel", ticket: str, site: "Site", credential: str, door: Door) -> tuple[str, Person]:
    """Open a session by one of the person's passkeys, whose challenge was the ticket; raises `Unauthenticated`."""
    read, person = asked(kernel, ticket)
    with _noting(kernel, person, door):
        shown = ceremonies.shown(kernel, site, ticket, credential)
        if shown.person != person.id:
            raise passkeys.refused("SUBJECT")

        def within(tx: Tx) -> None:
            passkeys.use(tx, shown, kernel.world.now_us())
            passwords.require_older(tx, person.id, read.at_us)

        how = "password+passkey"
        return sessions.begin(kernel, person, how, address=door.address, agent=door.agent, within=within), person


def alone(kernel: "Kernel", ticket: str, site: "Site", credential: str, door: Door) -> tuple[str, Person]:
    """Open a session by a passkey and nothing else; raises `Unauthenticated`."""
    with _noting(kernel, None, door):
        tickets.read(kernel, ceremonies.ALONE, ticket)
        shown = ceremonies.shown(kernel, site, ticket, credential)
        person = sessions.person_of(kernel, shown.person)

        def within(tx: Tx) -> None:
            passkeys.use(tx, shown, kernel.world.now_us())

        return sessions.begin(kernel, person, "passkey", address=door.address, agent=door.agent, within=within), person


def asked(kernel: "Kernel", ticket: str) -> tuple[tickets.Ticket, Person]:
    """Whom a ticket of the first step names; raises `Unauthenticated`."""
    read = tickets.read(kernel, sessions.SECOND, ticket)
    return read, sessions.person_of(kernel, read.subject)


@contextmanager
def _noting(kernel: "Kernel", person: Person | None, door: Door) -> Iterator[None]:
    """Put a refusal into the log."""
    try:
        yield
    except CloudhallError as error:
        sessions.note_denied(kernel, person, error.reason, address=door.address, agent=door.agent)
        raise
