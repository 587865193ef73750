"""Certificates for the engine's own conversations (gRPC between its parts and with us), made anew at each start.

One authority signs one certificate and is forgotten, so no other can ever be issued; every part and our client use
that one (SeaweedFS checks the authority, not names). Without mutual TLS any local user could read or delete every
object through gRPC, and JWT keys do not close that door (measured).
"""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cloudhall.drivers.objects.weed_home import write_private

PARTS = ("master", "volume", "filer", "s3", "client", "admin", "worker")
VALID_DAYS = 3650
"""Longer than any process runs: a restart of the engine alone uses the same ones."""


def write_certificates(home: Path) -> ssl.SSLContext:
    """Write `ca.pem`, `tls.pem`, `tls.key` and the `security.toml` that names them; answer our client's context."""
    authority, certificate, key = _issue()
    for name, content in (("ca.pem", authority), ("tls.pem", certificate), ("tls.key", key)):
        write_private(home / name, content)
    write_private(home / "security.toml", _security_toml(home).encode())
    return client_context(home)


def _issue() -> tuple[bytes, bytes, bytes]:
    """PEM of an authority, of a certificate for loopback that it signed, and of that certificate's key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def draft(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Cloudhall objects"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        )

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = (
        draft("Cloudhall objects", authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = draft("weed", key).add_extension(loopback, critical=False).sign(authority_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), certificate.public_bytes(pem), private


def _security_toml(home: Path) -> str:
    quoted = {
        name: str(home / name).replace("\\", "\\\\").replace('"', '\\"') for name in ("ca.pem", "tls.pem", "tls.key")
    }
    lines = ["[grpc]", f'ca = "{quoted["ca.pem"]}"']
    for part in PARTS:
        lines += [f"[grpc.{part}]", f'cert = "{quoted["tls.pem"]}"', f'key = "{quoted["tls.key"]}"']
    return "\n".join(lines) + "\n"


def client_context(home: Path) -> ssl.SSLContext:
    """Context that the engine of this folder lets in, with the certificate of its last start."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(home / "ca.pem")
    context.load_cert_chain(home / "tls.pem", home / "tls.key")
    context.set_alpn_protocols(["h2"])
    return context
