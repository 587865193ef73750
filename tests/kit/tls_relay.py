"""A proxy that ends TLS on loopback and passes every byte on in clear: what an operator puts before a plain port."""

import contextlib
import select
import socket
import ssl
import threading
from typing import Self

BLOCK_BYTES = 1 << 16


class TlsRelay:
    """Listens on a free port of 127.0.0.1 until the block ends."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        """`tls` holds what is shown; say where to with `to` before the first visitor comes."""
        self.to = 0
        self._tls = tls
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Let nobody in any more."""
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the door is closed
            while True:
                threading.Thread(target=self._pass_on, args=(self._door.accept()[0],), daemon=True).start()

    def _pass_on(self, plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            plain,
            socket.create_connection(("127.0.0.1", self.to)) as there,
            self._tls.wrap_socket(plain, server_side=True) as here,
        ):
            while True:
                ready = [here] if here.pending() else select.select([here, there], [], [])[0]
                for side in ready:
                    if not (block := side.recv(BLOCK_BYTES)):
                        return
                    (there if side is here else here).sendall(block)
