"""The way to a PostgreSQL server as a cable that a test can cut: a socket that passes every byte on, until told."""

import contextlib
import select
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


class Cable:
    """Listens in a folder of its own; `url` leads through it."""

    def __init__(self, url: str) -> None:
        """`url` names a server by the folder of its socket."""
        parts = urlsplit(url)
        self._server = Path(parse_qs(parts.query)["host"][0]) / SOCKET
        self._folder = Path(tempfile.mkdtemp(prefix="cable-"))
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path}?host={self._folder}"
        self._word, self._after = b"", False
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(self._folder / SOCKET))
        self._door.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Take it away."""
        self._door.close()
        shutil.rmtree(self._folder)

    def cut_at(self, word: bytes, *, after: bool) -> None:
        """Cut the connection on which a word goes by, once: before it arrives, or after the server has answered it."""
        self._word, self._after = word, after

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(str(self._server))
            while True:
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(65_536)
                    if not data or (end is client and self._cuts(data, server)):
                        return
                    (server if end is client else client).sendall(data)

    def _cuts(self, data: bytes, server: socket.socket) -> bool:
        if not self._word or self._word not in data:
            return False
        self._word = b""
        if self._after:
            server.sendall(data)
            server.recv(65_536)  # the answer, which nobody will hear
        return True
