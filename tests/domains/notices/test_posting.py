"""One POST over real sockets: certificates, deadlines, and receivers that answer nonsense."""

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudhall.domains.notices import posting, rules
from cloudhall.domains.notices.posting import Undelivered
from tests.kit.certificate import localhost, serving_tls

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
FINE = b"HTTP/1.1 204 No Content\r\n\r\n"
INSIDE_4 = "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 0.0.0.0 255.255.255.255"
INSIDE_6 = "::1 fe80::1%eth0 fc00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1::"
INSIDE = (*INSIDE_4.split(), *INSIDE_6.split())
Serve = Callable[[socket.socket], None]


def post(url: str) -> int:
    return asyncio.run(posting.post(url, {"webhook-id": "wh-1-1"}, b"{}", LOOPBACK))


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """Let a function deal with one connection; answers the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            try:
                connection, _ = listening.accept()
                with connection:
                    serve(connection)
            except OSError:  # hung up by the other side
                return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return localhost(tmp_path)


def over_tls(certificate: Path) -> Serve:
    context = serving_tls(certificate)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65_536)
            secure.sendall(FINE)

    return serve


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same, trusted as an operator would let it be."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    posting.tls.cache_clear()
    yield certificate
    posting.tls.cache_clear()


class TestTls:
    def test_a_certificate_of_the_house_is_trusted_where_the_operator_says_so(self, trusted: Path) -> None:
        with serving(over_tls(trusted)) as port:
            assert post(f"https://localhost:{port}/") == 204

    def test_one_for_another_name_is_not(self, trusted: Path) -> None:
        with serving(over_tls(trusted)) as port, pytest.raises(Undelivered, match="certificate"):
            post(f"https://127.0.0.1:{port}/")

    def test_one_of_nobody_is_not(self, certificate: Path) -> None:
        posting.tls.cache_clear()
        with serving(over_tls(certificate)) as port, pytest.raises(Undelivered, match="certificate"):
            post(f"https://localhost:{port}/")


class TestReceivers:
    def test_one_that_drips_ends_at_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(posting, "ATTEMPT_S", 0.4)

        def drip(connection: socket.socket) -> None:
            for byte in FINE:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)

        began = time.monotonic()
        with serving(drip) as port, pytest.raises(Undelivered, match="no answer within"):
            post(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - began < 3

    @pytest.mark.parametrize("said", [b"", b"SSH-2.0-kit\r\n", b"HTTP/1.1 abc\r\n", b"x" * 100_000, b"HTTP/1.1\r\n"])
    def test_one_that_speaks_no_http_is_a_failure(self, said: bytes) -> None:
        def answer(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.sendall(said)

        with serving(answer) as port, pytest.raises(Undelivered):
            post(f"http://127.0.0.1:{port}/")

    def test_a_name_that_does_not_exist_is_a_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def nowhere(_host: str, _port: int) -> list[str]:
            raise socket.gaierror("no such name")

        monkeypatch.setattr(posting, "looked_up", nowhere)
        with pytest.raises(Undelivered, match="no such name"):
            post("https://nowhere.example/")

    def test_one_inside_address_among_public_ones_is_enough_to_refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def both(_host: str, _port: int) -> list[str]:
            return ["1.1.1.1", "10.0.0.1"]

        monkeypatch.setattr(posting, "looked_up", both)
        with pytest.raises(Undelivered, match="not public"):
            post("https://rebinding.example/")


def test_pauses_grow_to_a_quarter_of_an_hour_and_are_spread() -> None:
    assert [rules.backoff_s(n, 1.0) for n in (0, 1, 4, 30)] == [2.0, 4.0, 32.0, 900.0]
    assert rules.backoff_s(4, 0.25) == 8.0


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_told_from_public_ones(address: str) -> None:
    assert not rules.may_call(address, ())
    assert rules.may_call("1.1.1.1", ())
    assert rules.may_call("2606:4700:4700::1111", ())
