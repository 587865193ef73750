"""The port `mail`: one text to one addressee.

Invariants: a mail holds what it was given and nothing else; a mail that was answered for is the relay's; `Rejected`
means that trying again is of no use, `Unavailable` that it may be.
"""

from typing import Protocol

from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.ports import Port
from cloudhall.kernel.text import T


class Rejected(CloudhallError):
    """The relay will never take this mail."""

    status = 502
    code = "MAIL_REJECTED"
    title = T("邮件被拒收", "The mail was rejected")


class Mail(Protocol):
    """A way to send mails."""

    def send(self, to: str, subject: str, text: str, message_id: str) -> None:
        """Hand a mail over; raises `Rejected` or `Unavailable`. The id is the same when it is handed over again."""


MAIL = Port[Mail]("mail", Mail)
