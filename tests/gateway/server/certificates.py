"""Certificates made for a test."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)
LOCAL = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)

AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key on disk, apart and in one file."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates; its own is at `path`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.path = folder / f"{name}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = named(name)
        self._sign(self.path, self._name, self._key, (-HOUR, HOUR), (LOCAL, AUTHORITY))

    def issue(
        self,
        name: str,
        since: datetime.timedelta = -HOUR,
        until: datetime.timedelta = HOUR,
        hosts: x509.SubjectAlternativeName = LOCAL,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    ) -> Pair:
        """A certificate for this machine, or for a caller of that name; valid from and until so
        long after now."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        issued = Pair(*(self.folder / f"{name}.{kind}" for kind in ("crt", "key", "both")))
        extensions = (hosts, NO_AUTHORITY)
        self._sign(issued.certificate, named(name), key, (since, until), extensions)
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        issued.key.write_bytes(key.private_bytes(*form))
        issued.both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
        return issued

    def _sign(
        self,
        path: Path,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        validity: tuple[datetime.timedelta, datetime.timedelta],
        extensions: tuple[x509.SubjectAlternativeName, x509.BasicConstraints],
    ) -> None:
        """Write a certificate."""
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + validity[0])
            .not_valid_after(now + validity[1])
            .add_extension(extensions[0], critical=False)
            .add_extension(extensions[1], critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path.write_bytes(certificate.public_bytes(Encoding.PEM))


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
