"""Certificates made for a test."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)
LOCAL = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)

AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key on disk."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; its own is at `path`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = named(name)
        now = datetime.datetime.now(datetime.UTC)
        own = builder(
            self._name, self._name, self._key.public_key(), (now - HOUR, now + HOUR), LOCAL
        ).add_extension(AUTHORITY, critical=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(pem(own.sign(self._key, hashes.SHA256())))

    def issue(
        self,
        name: str,
        since: datetime.timedelta = -HOUR,
        until: datetime.timedelta = HOUR,
        hosts: x509.SubjectAlternativeName = LOCAL,
    ) -> Pair:
        """A certificate for this machine, or for a caller of that name; valid from and until so
        long after now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        validity = (now + since, now + until)
        request = builder(named(name), self._name, key.public_key(), validity, hosts)
        signed = request.add_extension(NO_AUTHORITY, critical=True)
        issued = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        issued.certificate.write_bytes(pem(signed.sign(self._key, hashes.SHA256())))
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return issued


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    validity: tuple[datetime.datetime, datetime.datetime],
    hosts: x509.SubjectAlternativeName,
) -> x509.CertificateBuilder:
    """A certificate before it is signed."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(hosts, critical=False)
    )


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
