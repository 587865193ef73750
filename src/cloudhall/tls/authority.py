"""An authority of the installation's own, and the server certificate that it signs. Made when first needed.

    root.pem    the authority's certificate: what clients are told to trust
    root.key    its key, sealed under the keyring: the folder alone signs nothing
    server.pem  certificate and key of the server, in one file, so that both change at once

Invariants: every file is its owner's alone (0600); a server certificate is never older than half its life while a
server runs. The authority may sign no further authority, and servers only; yet whoever holds keys and folder could sign
for any name, so it is for machines of one house. Where others come, give a certificate of an authority they know.
"""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudhall.kernel.keys import Keyring, locked, replace_durably

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

ROOT, KEY, SERVER = "root.pem", "root.key", "server.pem"
PURPOSE, BOUND = "tls.authority", b"root.key"
ROOT_DAYS, SERVER_DAYS = 3650, 90
RENEW_DAYS = 45
"""Left when a new one is made; `doctor` notes what has 30, which then means that no server ran for long."""
BACK_DAYS = 1  # for clients whose clock is behind


class Authority:
    """The authority in a folder; several processes may use it at once."""

    def __init__(self, folder: Path, keys: Keyring) -> None:
        """Open it, or make it where there is none."""
        self.folder, self._keys = folder, keys
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder):
            if not (folder / ROOT).is_file():
                self._make()

    def root_pem(self) -> str:
        """Certificate to install where people ask from."""
        return (self.folder / ROOT).read_text("ascii")

    def server(self, names: Sequence[str], now: datetime.datetime) -> Path:
        """File with a certificate for these names and addresses, and its key: the one there is, unless it is due."""
        path = self.folder / SERVER
        with locked(self.folder):
            if not path.is_file() or _due(path, self.folder / ROOT, names, now):
                replace_durably(path, self._issued(names, now))
        return path

    def _make(self) -> None:
        from cryptography import x509

        key, now = _new_key(), datetime.datetime.now(datetime.UTC)
        serial = x509.random_serial_number()
        name = _name(f"Cloudhall {serial:x}"[:26])  # two authorities under one name would be taken for each other
        root = (
            _draft(name, name, key, now, ROOT_DAYS)
            .serial_number(serial)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, _sha256())
        )
        replace_durably(self.folder / KEY, self._keys.wrap(PURPOSE, _pem_of(key), BOUND))
        replace_durably(self.folder / ROOT, _pem(root))  # last: with it the authority is there

    def _issued(self, names: Sequence[str], now: datetime.datetime) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        root = _read(self.folder / ROOT)
        sealed = (self.folder / KEY).read_bytes()
        signer = load_pem_private_key(self._keys.unwrap(PURPOSE, sealed, BOUND), None)
        key = _new_key()
        made = (
            _draft(_name("Cloudhall"), root.subject, key, now, SERVER_DAYS)
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)  # type: ignore[arg-type]  # P-256, as made above
            .sign(signer, _sha256())  # type: ignore[arg-type]  # the one that `_make` has made
        )
        return _pem(made) + _pem_of(key)


def fingerprint(pem: bytes) -> str:
    """SHA-256 of the first certificate, as browsers show it: `AB:CD:…`."""
    from cryptography import x509

    return x509.load_pem_x509_certificates(pem)[0].fingerprint(_sha256()).hex(":").upper()


def _due(server: Path, root: Path, names: Sequence[str], now: datetime.datetime) -> bool:
    """Whether it ends too soon, is for other names, or another authority's (a restored folder)."""
    from cryptography import x509

    seen = _read(server)
    certified = seen.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    left = seen.not_valid_after_utc - now
    same = set(certified) == {_general(name) for name in names} and seen.issuer == _read(root).subject
    return not same or left < datetime.timedelta(days=RENEW_DAYS)


def _draft(
    subject: "x509.Name", issuer: "x509.Name", key: "ec.EllipticCurvePrivateKey", now: datetime.datetime, days: int
) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .not_valid_before(now - datetime.timedelta(days=BACK_DAYS))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, signs: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common: str) -> "x509.Name":
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _new_key() -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())  # what every browser takes


def _sha256() -> "SHA256":
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def _read(path: Path) -> "x509.Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _pem_of(key: "ec.EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
