"""Keys and certificates of a federation's transport, made once; a hospital's own authority serves as well.

`cryptography` comes with the federation's own environment (envs/federation.lock).
"""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from myot2.core.errors import MyoT2Error
from myot2.learn.signing import require_private, write_private

if TYPE_CHECKING:
    from cryptography import x509

DAYS = 397
"""How long a certificate holds: what browsers accept, and short enough that renewing it is not forgotten."""


def make_node_key(path: str | Path) -> str:
    """Make a transport key (ECDSA P-384, OpenSSH form) unless it is there; return its public line.

    Raises
    ------
    MyoT2Error
        One is there that others than its owner can read.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    path = Path(path)
    if not path.exists():
        key = ec.generate_private_key(ec.SECP384R1())
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write_private(path, text)
    require_private(path)
    loaded = serialization.load_ssh_private_key(path.read_bytes(), None)
    openssh = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return loaded.public_key().public_bytes(*openssh).decode("ascii")


def node_key_bytes(line: str) -> bytes:
    """A transport key as Flower keeps it (PEM), from its public line.

    Raises
    ------
    MyoT2Error
        The line is no such key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = serialization.load_ssh_public_key(line.encode("utf-8"))
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
            raise ValueError(line)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MyoT2Error(
            expected="a transport key that begins with ecdsa-sha2-nistp384",
            found=repr(line[:40]),
            where="the federation's settings",
            do="Take the line from the site's card.json.",
        ) from error
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def make_certificates(folder: str | Path, hosts: Sequence[str]) -> Path:
    """Make an authority and with it the certificate of a coordinator; the authority's key is not kept.

    Parameters
    ----------
    folder : str or Path
        To write: ca.crt (for the sites), server.pem, server.key. What is there stays.
    hosts : sequence of str
        Names and addresses by which sites reach the coordinator; localhost and 127.0.0.1 are added.

    Returns
    -------
    Path
        ca.crt.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = Path(folder)
    made = [folder / name for name in ("ca.crt", "server.pem", "server.key")]
    if all(path.is_file() for path in made):
        return made[0]
    if any(path.is_file() for path in made):
        raise MyoT2Error(
            expected="ca.crt, server.pem and server.key, or none of them",
            found=", ".join(path.name for path in made if path.is_file()),
            where=folder,
            do="Put back what is missing, or move the folder away; the sites then need the new ca.crt.",
        )
    authority, server = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    own, issuer = _name("MyoT2 coordinator"), _name("MyoT2 federation")
    known = [_alternative(host) for host in dict.fromkeys([*hosts, "localhost", "127.0.0.1"])]
    root = (
        _builder(issuer, issuer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA384())
    )
    leaf = (
        _builder(own, issuer, server.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA384())
    )
    private = server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(folder / "server.key", private)
    (folder / "server.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "ca.crt").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return made[0]


def renew_certificates(folder: str | Path, hosts: Sequence[str]) -> Path:
    """Replace an authority and its certificate by new ones; arguments and result are those of `make_certificates`."""
    folder = Path(folder)
    making, former = folder.with_name(f"{folder.name}-new"), folder.with_name(f"{folder.name}-old")
    for left in (making, former):
        shutil.rmtree(left, ignore_errors=True)
    make_certificates(making, hosts)
    if folder.is_dir():
        folder.rename(former)
    making.rename(folder)
    shutil.rmtree(former, ignore_errors=True)
    return folder / "ca.crt"


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(subject: x509.Name, issuer: x509.Name, key) -> x509.CertificateBuilder:
    from cryptography import x509

    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=DAYS))
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
