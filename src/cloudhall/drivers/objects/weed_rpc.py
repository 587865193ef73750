"""gRPC to SeaweedFS's filers and masters over HTTP/2 and mutual TLS.

Why not the engine's own command (`weed filer.meta.tail`): it is a second process of 110 MiB, prints 2 kB of JSON an
event (measured: 0.14 ms of CPU each, more than the server spends to send it) and passes no heartbeats on, so nobody
learns that there was nothing to tell. `h2` does the protocol; only gRPC's frame of five bytes is ours (`weed_frames`).
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import ClassVar

from cloudhall.drivers.objects.weed_frames import framed, merged, messages

WINDOW_BYTES = 1 << 24
"""What the filer may send ahead, on a connection and in a call; HTTP/2's own 64 KiB are some 120 events."""
CHUNK_BYTES = 1 << 18
UNARY_S = 5.0


class RpcError(Exception):
    """It refused: gRPC status and its words."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(f"gRPC status {status}: {message}")
        self.missing = "no entry is found" in message


class Service:
    """Where a part of the engine listens for gRPC on loopback, and the certificate that it asks for."""

    name: ClassVar[str]

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        self.port = port
        self.tls = tls
        self._lock = threading.Lock()
        self._kept: Connection | None = None

    def unary(self, method: str, message: bytes) -> bytes:
        """Ask for one message, over a connection that is kept. `RpcError` when refused, `OSError` when not reached.

        A kept connection may be dead since the engine started anew, so its failure is tried once on a new one; only
        for methods that may run twice.
        """
        with self._lock:
            if self._kept:
                with contextlib.suppress(OSError):
                    return self._ask(self._kept, method, message)
            return self._ask(Connection(self, UNARY_S), method, message)

    def close(self) -> None:
        """Give up the kept connection."""
        with self._lock:
            if self._kept:
                self._kept.close()
            self._kept = None

    def _ask(self, connection: "Connection", method: str, message: bytes) -> bytes:
        self._kept = connection
        try:
            [answer] = connection.ask(method, message)
        except OSError:
            connection.close()
            self._kept = None
            raise
        return answer


class Filer(Service):
    """Names and what they hold."""

    name = "filer_pb.SeaweedFiler"


class Master(Service):
    """Where volumes are, and which servers hold them."""

    name = "master_pb.Seaweed"


class VolumeServer(Service):
    """Bytes on disks."""

    name = "volume_server_pb.VolumeServer"


class Connection:
    """One connection, one call at a time. `timeout_s` is the longest silence."""

    def __init__(self, service: Service, timeout_s: float) -> None:
        import h2.config
        import h2.connection

        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._prefix = f"/{service.name}/"
        plain = socket.create_connection(("127.0.0.1", service.port), timeout=timeout_s)
        try:
            self._socket = service.tls.wrap_socket(plain, server_hostname="127.0.0.1")
        except OSError:
            plain.close()
            raise
        self._received = bytearray()
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW_BYTES)

    def ask(self, method: str, message: bytes) -> Iterator[bytes]:
        """Call a method; its messages as they come. `RpcError` unless it ends well, `OSError` when the line breaks."""
        import h2.exceptions

        buffer = bytearray()
        try:
            for part in self._bodies(self._send(method, message)):
                buffer += part
                yield from messages(buffer)
        except h2.exceptions.ProtocolError as error:
            raise ConnectionError(error) from error

    def hang_up(self) -> None:
        """End the call from another thread: who reads gets `OSError` and closes."""
        with contextlib.suppress(OSError):  # the other side was faster
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # TLS's own would pull its state from under a reader

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _send(self, method: str, message: bytes) -> int:
        stream = self._http.get_next_available_stream_id()
        headers = {
            ":method": "POST",
            ":scheme": "https",
            ":path": self._prefix + method,
            ":authority": "127.0.0.1",
            "content-type": "application/grpc",
            "te": "trailers",
        }
        self._http.send_headers(stream, list(headers.items()))
        self._http.increment_flow_control_window(WINDOW_BYTES, stream)
        self._http.send_data(stream, framed(message), end_stream=True)
        self._socket.sendall(self._http.data_to_send())
        return stream

    def _bodies(self, stream: int) -> Iterator[bytes]:
        """Body bytes as they come, until the call ends with gRPC status 0."""
        import h2.events

        status, words = "", ""
        while received := self._socket.recv(CHUNK_BYTES):
            ended = False
            self._received += received
            for event in self._http.receive_data(merged(self._received)):
                if isinstance(event, h2.events.DataReceived):
                    self._http.acknowledge_received_data(event.flow_controlled_length, stream)
                    yield event.data
                elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                    headers = {str(name): str(value) for name, value in event.headers}
                    status, words = headers.get("grpc-status", status), headers.get("grpc-message", words)
                elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                    ended = True
            self._socket.sendall(self._http.data_to_send())
            if ended and status != "0":
                raise RpcError(status or "reset", words)
            if ended:
                return
        raise ConnectionError("the engine closed the connection")
