"""The own authority: who trusts it comes in, who asks for another name does not, and it renews in time."""

import datetime
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from cloudhall.kernel.keys import Keyring, KeyringFault
from cloudhall.kernel.world import Simulated
from cloudhall.tls import showing
from cloudhall.tls.authority import KEY, RENEW_DAYS, ROOT, SERVER, SERVER_DAYS, Authority, fingerprint
from cloudhall.tls.door import Door
from cloudhall.tls.showing import Shown, look, open_shown

NAMES = ("cloud.example.cn", "127.0.0.2", "localhost")
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls", Keyring.open(tmp_path / "keys", Simulated()))


@contextmanager
def listening(context: ssl.SSLContext) -> Iterator[int]:
    """Shake hands with whoever comes; answers the port."""
    with socket.create_server(("127.0.0.2", 0)) as door:

        def greet() -> None:
            while True:
                try:
                    with context.wrap_socket(door.accept()[0], server_side=True) as visitor:
                        visitor.sendall(b"in")
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            yield door.getsockname()[1]
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


def come_in(port: int, root: str, name: str) -> x509.Certificate:
    """Certificate that was shown; raises `ssl.SSLCertVerificationError`."""
    context = ssl.create_default_context(cadata=root)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # what Python 3.13 asks of every certificate
    with (
        socket.create_connection(("127.0.0.2", port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        assert secure.recv(2) == b"in"
        shown = secure.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown)


def context_of(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_who_trusts_the_root_comes_in_under_each_name_and_no_other(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "other", Keyring.open(tmp_path / "keys", Simulated()))
    with listening(context_of(authority.server(NAMES, NOW))) as port:
        for name in NAMES:
            come_in(port, authority.root_pem(), name)
        with pytest.raises(ssl.SSLCertVerificationError, match="match"):
            come_in(port, authority.root_pem(), "bank.example.cn")
        with pytest.raises(ssl.SSLCertVerificationError):
            come_in(port, stranger.root_pem(), NAMES[0])


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    expired = context_of(authority.server(NAMES, NOW - (SERVER_DAYS + 1) * DAY))
    with listening(expired) as port, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        come_in(port, authority.root_pem(), NAMES[0])


def test_every_file_is_its_owners_alone_and_the_key_opens_under_the_keyring_only(
    authority: Authority, tmp_path: Path
) -> None:
    authority.server(NAMES, NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in authority.folder.iterdir()}
    assert modes == {ROOT: 0o600, KEY: 0o600, SERVER: 0o600}
    assert b"PRIVATE" not in (authority.folder / KEY).read_bytes()
    (authority.folder / SERVER).unlink()
    moved = Authority(authority.folder, Keyring.open(tmp_path / "others", Simulated()))
    with pytest.raises(KeyringFault):
        moved.server(NAMES, NOW)


def test_it_is_renewed_at_half_its_life_or_for_other_names(authority: Authority) -> None:
    first = authority.server(NAMES, NOW).read_bytes()
    assert authority.server(NAMES, NOW + (SERVER_DAYS - RENEW_DAYS - 1) * DAY).read_bytes() == first
    later = authority.server(NAMES, NOW + (SERVER_DAYS - RENEW_DAYS + 1) * DAY).read_bytes()
    assert later != first
    other = authority.server((*NAMES, "10.0.3.7"), NOW).read_bytes()
    assert other not in (first, later)
    assert authority.server((*NAMES, "10.0.3.7"), NOW).read_bytes() == other


def test_another_authoritys_certificate_is_replaced(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "other", Keyring.open(tmp_path / "keys", Simulated()))
    left = stranger.server(NAMES, NOW).read_bytes()
    (authority.folder / SERVER).write_bytes(left)
    with listening(context_of(authority.server(NAMES, NOW))) as port:
        come_in(port, authority.root_pem(), NAMES[0])


def test_a_second_process_finds_the_same_authority(authority: Authority, tmp_path: Path) -> None:
    again = Authority(authority.folder, Keyring.open(tmp_path / "keys", Simulated()))
    assert again.root_pem() == authority.root_pem()
    assert len(fingerprint(again.root_pem().encode()).split(":")) == 32


def test_a_new_certificate_is_shown_without_a_restart(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = opened(Door(host="127.0.0.2", own=True, names=NAMES), tmp_path)
    seen = showing._stamp(shown)
    with listening(shown.context) as port:
        before = come_in(port, authority.root_pem(), NAMES[0])
        assert look(shown, seen) == seen
        assert come_in(port, authority.root_pem(), NAMES[0]) == before
        monkeypatch.setattr("cloudhall.tls.authority.RENEW_DAYS", SERVER_DAYS + 1)
        assert look(shown, seen) != seen
        assert come_in(port, authority.root_pem(), NAMES[0]) != before


def test_a_given_certificate_is_read_anew_and_half_a_pair_is_not(authority: Authority, tmp_path: Path) -> None:
    given, key = tmp_path / "given.pem", tmp_path / "given.key"
    pair = authority.server(NAMES, NOW).read_bytes()
    given.write_bytes(pair)
    key.write_bytes(pair)
    shown = opened(Door(certificate=str(given), key=str(key)), tmp_path / "home")
    seen = showing._stamp(shown)
    with listening(shown.context) as port:
        before = come_in(port, authority.root_pem(), NAMES[0])
        (authority.folder / SERVER).unlink()
        other = authority.server(NAMES, NOW).read_bytes()
        given.write_bytes(other)
        assert look(shown, seen) == seen  # said in the log, and tried again at the next look
        assert come_in(port, authority.root_pem(), NAMES[0]) == before
        key.write_bytes(other)
        assert look(shown, seen) != seen
        assert come_in(port, authority.root_pem(), NAMES[0]) != before


def opened(door: Door, home: Path) -> Shown:
    shown = open_shown(door, home)
    assert shown
    return shown
