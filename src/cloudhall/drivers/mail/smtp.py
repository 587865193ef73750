"""Mail over SMTP, to one relay, with the standard library.

CLOUDHALL_SMTP names the relay: `smtps://user:password@host:port`, or `smtp://` for one that is asked for STARTTLS,
which must then succeed unless the relay is on loopback. CLOUDHALL_MAIL_FROM is the sender.
Invariant: no password and no text goes over a connection that is not encrypted, but to this machine itself.
"""

import os
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from cloudhall.drivers.mail import Rejected
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T

VARIABLE, SENDER = "CLOUDHALL_SMTP", "CLOUDHALL_MAIL_FROM"
PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT_S = 20.0
PERMANENT = range(500, 600)
HERE = ("localhost", "127.0.0.1", "::1")


class Relay(NamedTuple):
    """Where mails are handed over; `user` is empty where nobody logs in."""

    scheme: str
    host: str
    port: int
    user: str
    password: str


class Smtp:
    """One relay; a connection a mail."""

    def __init__(self, relay: Relay, sender: str) -> None:
        """`sender` is the address mails come from."""
        self.relay, self.sender = relay, sender

    def send(self, to: str, subject: str, text: str, message_id: str) -> None:
        """See `Mail.send`."""
        message = EmailMessage(policy=WIRE)
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
        message.set_content(text, cte="base64")
        try:
            with self._opened() as connection:
                self._secure(connection)
                connection.send_message(message, self.sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:  # a refused log-in too: the mail is not to blame
            text_ = T(f"邮件服务器不可用：{error}", f"The mail relay cannot be used: {error}")
            raise Unavailable(text_, reason="mail_relay") from error

    def _opened(self) -> smtplib.SMTP:
        relay = self.relay
        if relay.scheme == "smtps":
            return smtplib.SMTP_SSL(relay.host, relay.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        return smtplib.SMTP(relay.host, relay.port, timeout=TIMEOUT_S)

    def _secure(self, connection: smtplib.SMTP) -> None:
        """Encrypt what is not yet, and log in."""
        relay = self.relay
        connection.ehlo()
        if relay.scheme == "smtp" and (relay.host not in HERE or connection.has_extn("starttls")):
            connection.starttls(context=ssl.create_default_context())
        if relay.user:
            connection.login(relay.user, relay.password)


def from_environment() -> Smtp | None:
    """The relay that the environment names, or None; `Unavailable` for half a setting or a wrong one."""
    url, sender = os.environ.get(VARIABLE, ""), os.environ.get(SENDER, "")
    if not url and not sender:
        return None
    try:
        return Smtp(relay_of(url), _sender_of(sender))
    except ValueError as error:
        text = T(f"邮件设置不对：{error}", f"The mail settings are wrong: {error}")
        mend = T(
            f"{VARIABLE}=smtps://用户:密码@主机:465，{SENDER}=cloudhall@example.cn",
            f"{VARIABLE}=smtps://user:password@host:465 and {SENDER}=cloudhall@example.cn",
        )
        raise Unavailable(text, mend=mend, reason="mail_settings") from error


def relay_of(url: str) -> Relay:
    """Relay of a setting; ValueError for one that is none, without its password."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(VARIABLE)
    port = parts.port or PORTS[parts.scheme]
    return Relay(parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))


def _sender_of(text: str) -> str:
    if text.count("@") != 1 or any(c.isspace() for c in text):
        raise ValueError(SENDER)
    return text


def _refusal(code: int, said: bytes | str) -> Rejected | Unavailable:
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    text = T(f"邮件服务器答复 {code}：{words}", f"The mail relay answered {code}: {words}")
    return Rejected(text) if code in PERMANENT else Unavailable(text, reason="mail_relay")
