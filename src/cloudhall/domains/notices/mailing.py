"""Mails: what waits in the outbox is handed to the relay, later again where it does not answer.

A mail is a headline that names nothing and nobody, in both languages, and where to read on. It goes to the address
that the addressee's account has now; somebody suspended, gone or without one gets none.
"""

import logging
import os
from typing import TYPE_CHECKING

from cloudhall.domains.identity.person import Person
from cloudhall.domains.notices import outbox, rules
from cloudhall.domains.notices.outbox import DEADLINE_US, Waiting
from cloudhall.drivers.mail import MAIL, Mail, Rejected
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
EVERY_S = 5.0
AT_ONCE = 10  # a relay that takes its 20 s for each is done within the lease
VARIABLE = "CLOUDHALL_ADDRESS"


def send_due(kernel: "Kernel") -> None:
    """Hand over what is due, a few at a time, until the relay does not answer."""
    tx, now_us = kernel.store.read(), kernel.world.now_us()
    if not outbox.any_due(tx, now_us):
        return
    for mail in kernel.store.write(lambda tx: outbox.claim(tx, now_us, AT_ONCE)).result():
        try:
            _hand_over(kernel, mail, _address(kernel, tx, mail.person))
        except Unavailable as error:
            _postpone(kernel, mail, error)
            return
        kernel.store.write(lambda tx, mail=mail: outbox.done(tx, mail)).result()  # type: ignore[misc]  # bound in the default


def _hand_over(kernel: "Kernel", mail: Waiting, address: str) -> None:
    """Send a mail, if there is a relay and an address; raises `Unavailable`."""
    driver: Mail | None = kernel.drivers.get(MAIL.name)
    if driver is None or not address:
        return
    subject, message_id = f"{mail.headline.zh} · {mail.headline.en}", f"{mail.person}.{mail.notice}"
    try:
        driver.send(address, subject, text_of(mail, os.environ.get(VARIABLE, "")), message_id)
    except Rejected as error:
        log.warning("mail to %s given up: %s", mail.person, error)


def _postpone(kernel: "Kernel", mail: Waiting, error: Unavailable) -> None:
    """Try a mail again later, or give it up past its deadline."""
    now_us = kernel.world.now_us()
    if now_us - mail.queued_us >= DEADLINE_US:
        log.warning("mail to %s given up after %s tries: %s", mail.person, mail.tries + 1, error)
        kernel.store.write(lambda tx: outbox.done(tx, mail)).result()
        return
    due_us = now_us + int(rules.backoff_s(mail.tries + 3, kernel.world.jitter()) * SECOND_US)
    kernel.store.write(lambda tx: outbox.later(tx, mail, due_us)).result()


def text_of(mail: Waiting, console: str) -> str:
    """What a mail says; `console` is the address of the console as people know it."""
    where = f"{console.rstrip('/')}/inbox" if console else ""
    zh = f"{mail.headline.zh}。请登录云厅，打开收件箱查看。"
    en = f"{mail.headline.en}. Log in to Cloudhall and open the inbox to read it."
    return "\n".join([*filter(None, (zh, en, where)), ""])


def _address(kernel: "Kernel", tx: Tx, person: str) -> str:
    row = kernel.tables[Person].get(tx, person)
    return row.spec.email if row is not None and row.deleting_us is None and not row.spec.suspended else ""
