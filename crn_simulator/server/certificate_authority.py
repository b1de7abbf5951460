"""The temporary certificate authority that all simulated nodes share.

Its key is generated with each `Authority` and kept in memory; `write` writes the
certificate only, for clients.
"""

import datetime as dt
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)
_Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


class CertificateKind(StrEnum):
    """Whether the certificate of a node is valid, and otherwise why it is not."""

    VALID = "valid"
    EXPIRED = "expired"
    INTERMEDIATE_EXPIRED = "intermediate_expired"
    NOT_YET_VALID = "not_yet_valid"
    SELF_SIGNED = "self_signed"
    UNKNOWN_AUTHORITY = "unknown_authority"
    WRONG_NAME = "wrong_name"
    HUGE_CHAIN = "huge_chain"


class Authority:
    """Issues certificates, one per kind and set of names, and caches their TLS contexts.

    now: when they are issued; valid ones last 90 days, as those of real nodes do.
    """

    def __init__(self, now: dt.datetime | None = None) -> None:
        self._now = now or dt.datetime.now(dt.UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _sign(
            "Simulated Authority", (), self._key, None, (self._now - _DAY, self._now + 3650 * _DAY)
        )
        self._contexts: dict[tuple[CertificateKind, tuple[str, ...]], ssl.SSLContext] = {}

    @property
    def not_after(self) -> dt.datetime:
        """When valid certificates expire."""
        return self._now + 90 * _DAY

    def pem(self) -> bytes:
        """Return the authority's own certificate, which a client must trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, path: Path) -> Path:
        """Write `pem()` to a file and return its path."""
        path.write_bytes(self.pem())
        return path

    def client_context(self) -> ssl.SSLContext:
        """Return a client context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.pem().decode())

    def context(
        self, names: Sequence[str], kind: CertificateKind = CertificateKind.VALID
    ) -> ssl.SSLContext:
        """Return a server context with a certificate of this kind for these names; made once.

        names: host names, wildcards such as `*.simulated.test`, and IP addresses.
        """
        key = (kind, tuple(names))
        if key not in self._contexts:
            self._contexts[key] = self._make(kind, tuple(names))
        return self._contexts[key]

    def _make(self, kind: CertificateKind, names: tuple[str, ...]) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer: _Issuer | None = (self._certificate, self._key)
        validity = (self._now - _DAY, self.not_after)
        if kind is CertificateKind.EXPIRED:
            validity = (self._now - 91 * _DAY, self._now - _DAY)
        elif kind is CertificateKind.NOT_YET_VALID:
            validity = (self._now + _DAY, self._now + 91 * _DAY)
        elif kind is CertificateKind.WRONG_NAME:
            names = ("somebody-else.test",)
        elif kind is CertificateKind.SELF_SIGNED:
            issuer = None
        elif kind is CertificateKind.UNKNOWN_AUTHORITY:
            other = ec.generate_private_key(ec.SECP256R1())
            issuer = (_sign("Unknown Authority", (), other, None, validity), other)
        chain = []
        if kind is CertificateKind.INTERMEDIATE_EXPIRED:
            issuer = self._expired_intermediate()
            chain = [issuer[0]]
        if kind is CertificateKind.HUGE_CHAIN:
            names_of_others = [f"{number}.{'a' * 60}.test" for number in range(800)]
            chain = [_sign("Simulated Node", names_of_others, key, issuer, validity)] * 180
        leaf = _sign("Simulated Node", names, key, issuer, validity)
        return _context([leaf, *chain], key)

    def _expired_intermediate(self) -> _Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        validity = (self._now - 91 * _DAY, self._now - _DAY)
        issuer = (self._certificate, self._key)
        return _sign("Simulated Intermediate", (), key, issuer, validity), key


def _sign(
    title: str,
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    issuer: _Issuer | None,
    validity: tuple[dt.datetime, dt.datetime],
) -> x509.Certificate:
    """Return a certificate for `key`: an authority's without names, self-signed without issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    signing_key = key if issuer is None else issuer[1]
    signer = signing_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .add_extension(_usage(authority=not names), critical=True)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _context(chain: Sequence[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # No client resumes a session here, so tickets would only cost a write and a read each.
    context.num_tickets = 0
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)
    # The ssl module loads from files only; the directory is readable by its owner only.
    with tempfile.TemporaryDirectory(prefix="simulate-") as folder:
        path = Path(folder, "node.pem")
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context
