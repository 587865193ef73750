"""A real SMTP relay on loopback, as much of RFC 5321 as a client needs; keeps what was handed over."""

import asyncio
import contextlib
import email
import email.policy
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import NamedTuple


class Handed(NamedTuple):
    """One mail as it came: its envelope, and what was in it."""

    sender: str
    to: list[str]
    message: EmailMessage


class Relay:
    """Answers each recipient with what `answer` says: 250 takes it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port; with `tls` every connection is encrypted from its first byte."""
        self.mails: list[Handed] = []
        self._served: set[asyncio.Task[None]] = set()
        self.answer = "250 fine"
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and end with whoever is being served."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._served.add(task)
        sender, to = "", list[str]()
        writer.write(b"220 kit\r\n")
        while line := (await reader.readline()).decode().strip():
            verb, said = line.partition(" ")[0].upper(), "250 fine"
            if verb == "MAIL":
                sender, to = line.partition("<")[2].partition(">")[0], []
            elif verb == "RCPT":
                said = self.answer
                to.append(line.partition("<")[2].partition(">")[0])
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                body = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                message = email.message_from_bytes(body, policy=email.policy.default)
                assert isinstance(message, EmailMessage)
                self.mails.append(Handed(sender, to, message))
            elif verb == "QUIT":
                said = "221 bye"
            writer.write(f"{said}\r\n".encode())
            if verb == "QUIT":
                break
        writer.close()
        with contextlib.suppress(OSError):  # the other side has hung up
            await writer.wait_closed()


@contextmanager
def relaying(tls: ssl.SSLContext | None = None) -> Iterator[Relay]:
    """A relay that is gone afterwards."""
    relay = Relay(tls)
    try:
        yield relay
    finally:
        relay.close()
