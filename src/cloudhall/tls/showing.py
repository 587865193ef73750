"""The certificate that a server shows, read anew when its file changes, without a restart.

Who is connected stays connected under the old one. A file that cannot be read keeps the old one in use and says so;
at the start it is an error.
"""

import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World
from cloudhall.tls.authority import Authority, fingerprint
from cloudhall.tls.door import Door, home_of

log = logging.getLogger(__name__)
LOOK_S = 10.0
Stamp = tuple[tuple[int, int], ...]
"""When the files changed last, and which ones they are."""


class Shown(NamedTuple):
    """`context` is what a server listens with; `renew` sees to it that the files are fresh, `anchor` names a root."""

    context: ssl.SSLContext
    certificate: Path
    key: Path
    renew: Callable[[], object]
    anchor: str


def open_shown(door: Door, home: Path) -> Shown | None:
    """Certificate of a door, made where it is our own; None where it has none. Raises `Unavailable`."""
    if door.own:
        authority = Authority(home_of(home), Keyring.open(home / "keys", World()))
        file = _renewed(authority, door)
        renew, anchor = partial(_renewed, authority, door), authority.root_pem().encode()
        return Shown(_loaded(file, file), file, file, renew, fingerprint(anchor))
    if door.certificate:
        certificate, key = Path(door.certificate), Path(door.key)
        context = _loaded(certificate, key)
        return Shown(context, certificate, key, _nothing, fingerprint(certificate.read_bytes()))
    return None


@contextlib.contextmanager
def kept_fresh(shown: Shown | None) -> Iterator[None]:
    """Look at the files now and then until the block ends."""
    if shown is None:
        yield
        return
    end = threading.Event()
    thread = threading.Thread(target=_watch, args=(shown, end), name="certificate", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _watch(shown: Shown, end: threading.Event) -> None:
    seen = _stamp(shown)
    while not end.wait(LOOK_S):
        seen = look(shown, seen)


def look(shown: Shown, seen: Stamp) -> Stamp:
    """Renew what is due and load what is new; answers what is in use now, to be given again."""
    try:
        shown.renew()
        stamp = _stamp(shown)
        if stamp != seen:
            _loaded(shown.certificate, shown.key)  # on a context of its own: half a pair must not spoil the one in use
            shown.context.load_cert_chain(shown.certificate, shown.key)
            log.info("certificate %s is read anew", shown.certificate)
    except (Unavailable, OSError) as error:
        log.warning("the certificate in use stays: %s", error)
        return seen
    return stamp


def _renewed(authority: Authority, door: Door) -> Path:
    return authority.server(door.certified, datetime.now(UTC))


def _loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or str(error)
        raise Unavailable(
            T(f"用不了证书 {certificate} 和 {key}：{why}", f"{certificate} with {key} is of no use: {why}"),
            mend=T(
                "两个文件都须是 PEM、能读、互相配对；证书文件里先是服务器的，后是中间机构的",
                "Both must be PEM, readable, and belong together; the server's certificate first, then those between",
            ),
            reason="TLS_CERTIFICATE",
        ) from error
    return context


def _stamp(shown: Shown) -> Stamp:
    return tuple((s.st_mtime_ns, s.st_ino) for s in (p.stat() for p in (shown.certificate, shown.key)))


def _nothing() -> None:
    """For a certificate that others renew."""
