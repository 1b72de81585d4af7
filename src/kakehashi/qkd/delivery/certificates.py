"""Who is who: names in certificates, contexts for TLS, and a small authority for tests and trials."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kakehashi.core.errors import InputError
from kakehashi.core.files import write_text
from kakehashi.qkd.delivery.revocation import read_revoked

__all__ = [
    "REVOKED",
    "Kind",
    "client_context",
    "identity",
    "make_certificates",
    "require_identity",
    "revoke_certificates",
    "server_context",
]

Kind = Literal["sae", "kme"]

DAYS = 365
REVOKED = "revoked.crl"
"""List of the certificates that a trial's authority has revoked, within its folder."""


def identity(certificate: Mapping[str, Any], kind: Kind) -> str | None:
    """The name that a certificate gives its holder.

    The standard does not say where it stands. Here it is ``urn:sae:ID`` or ``urn:kme:NAME`` among the alternative
    names, or, where there is no such URN at all, the subject's common name. A certificate with a URN of the other kind
    gives no name, so that no user passes for a key server.

    Args:
        certificate: As :meth:`ssl.SSLSocket.getpeercert` gives it.
        kind: What kind of name is asked for.

    Returns:
        None where there is no name, or more than one.

    Example:
        >>> identity({"subject": ((("commonName", "alice"),),)}, "sae")
        'alice'
        >>> identity({"subjectAltName": (("URI", "urn:sae:al%20ice"),)}, "sae")
        'al ice'
        >>> identity({"subjectAltName": (("URI", "urn:sae:alice"),)}, "kme") is None
        True
    """
    uris = [value for name, value in certificate.get("subjectAltName", ()) if name == "URI"]
    if any(uri.startswith(("urn:sae:", "urn:kme:")) for uri in uris):
        names = {unquote(uri.removeprefix(f"urn:{kind}:")) for uri in uris if uri.startswith(f"urn:{kind}:")}
    else:
        names = {v for part in certificate.get("subject", ()) for name, v in part if name == "commonName"}
    return names.pop() if len(names) == 1 else None


def require_identity(certificate: Path, kind: Kind, name: str) -> None:
    """Refuse a certificate under which nobody would believe this program to be ``name``.

    Without this, a server would start and its peers alone would say what is wrong.

    Raises:
        InputError: It gives another name, or is not valid at this time.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        urns = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = urns.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    except (OSError, ValueError) as error:
        raise InputError(f"{certificate} cannot be read as a certificate in PEM: {type(error).__name__}.") from None
    names = [str(part.value) for part in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    table = {
        "subject": tuple((("commonName", value),) for value in names),
        "subjectAltName": tuple(("URI", uri) for uri in uris),
    }
    if identity(table, kind) != name:
        raise InputError(
            f"{certificate} is the certificate of {' or '.join(uris or names) or 'nobody'}, not of '{name}'."
        )
    first, last, now = found.not_valid_before_utc, found.not_valid_after_utc, dt.datetime.now(dt.UTC)
    if not first <= now <= last:
        raise InputError(
            f"{certificate} is valid from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, and by this machine's "
            f"clock it is {now:%Y-%m-%d %H:%M}."
        )


def server_context(
    certificate: Path, private_key: Path, authority: Path, revoked: Path | None = None
) -> ssl.SSLContext:
    """TLS for a server: version 1.2 or later, and nobody without a certificate of the authority.

    Raises:
        InputError: A file is missing or wrong, or the key does not belong to the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a session that is resumed would outlive a certificate
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    return _set_up(context, certificate, private_key, authority, revoked)


def client_context(
    certificate: Path, private_key: Path, authority: Path, revoked: Path | None = None
) -> ssl.SSLContext:
    """TLS for a client that checks the server's name in its certificate itself, see :func:`identity`.

    Raises:
        InputError: As :func:`server_context`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    return _set_up(context, certificate, private_key, authority, revoked)


def _set_up(
    context: ssl.SSLContext, certificate: Path, private_key: Path, authority: Path, revoked: Path | None
) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    for path in filter(None, (certificate, private_key, authority, revoked)):
        if path.is_file():
            continue
        if path == revoked:
            raise InputError(
                f"{path}: there is no such file; for a trial make it with: kakehashi qkd revoke {path.parent}"
            )
        raise InputError(
            f"{path}: there is no such file; `kakehashi qkd certificates` makes those of a trial,"
            " `kakehashi qkd network set-up` those of a network."
        )
    try:
        context.load_cert_chain(certificate, private_key)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise InputError(f"{certificate} and {private_key} are no certificate and its key in PEM: {reason}.") from None
    try:
        context.load_verify_locations(authority)
    except (ssl.SSLError, OSError) as error:
        raise InputError(f"{authority} is not in PEM: {error}.") from None
    if revoked is not None:
        read_revoked(revoked, (authority, certificate))
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def make_certificates(
    folder: Path, *, saes: Sequence[str], kmes: Sequence[str], hosts: Sequence[str] = ("localhost", "127.0.0.1")
) -> list[Path]:
    """Make certificates for a trial, and their authority where the folder has none yet.

    Nothing that is there is written over. For a network that matters, use the authority that you have.

    Args:
        folder: Gets ``ca.crt``, ``ca.key`` and, for each name, ``NAME.crt`` and ``NAME.key`` (mode 600), with
            characters that a file's name had better not have written as in an address.
        saes: IDs of users.
        kmes: Names of key servers.
        hosts: Names and addresses by which servers are reached.

    Returns:
        The files that were made.

    Raises:
        InputError: Names are missing, double or there already, the folder cannot be written, or what stands there for
            an authority is none.

    Example:
        >>> import tempfile
        >>> files = make_certificates(Path(tempfile.mkdtemp()), saes=["alice"], kmes=["kme-a"])
        >>> [path.name for path in files]
        ['ca.crt', 'ca.key', 'alice.crt', 'alice.key', 'kme-a.crt', 'kme-a.key']
    """
    names = [*saes, *kmes]
    if not names or len({*names, "ca"}) < len(names) + 1 or not all(0 < len(name) <= 64 for name in names):
        raise InputError("Certificates need names of 1 to 64 characters, each once; 'ca' is taken.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.") from None
    for name in names:
        if any((folder / f"{_file(name)}.{kind}").exists() for kind in ("crt", "key")):
            raise InputError(f"{folder} holds a certificate or key of '{name}' already, which is not written over.")
    files: list[Path] = []
    if (folder / "ca.crt").exists() or (folder / "ca.key").exists():
        ca, ca_key = _read_authority(folder)
    else:
        ca, ca_key = _make_authority()
        files += _write(folder, "ca", ca, ca_key)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    for name, kind in [*((sae, "sae") for sae in saes), *((kme, "kme") for kme in kmes)]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            _builder(subject, ca.subject, key.public_key(), last=ca.not_valid_after_utc)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(_alternatives(name, kind, hosts)), critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        files += _write(folder, _file(name), made, key)
    return files


def _make_authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kakehashi trial authority")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    ca = (
        _builder(subject, subject, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    return ca, ca_key


def _read_authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority that :func:`make_certificates` made here."""
    try:
        ca = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{folder}/ca.crt and ca.key are no authority that can sign here: {type(error).__name__}."
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != ca.public_key():
        raise InputError(f"{folder}/ca.key is not the key of {folder}/ca.crt, as kakehashi qkd certificates made it.")
    return ca, key


def revoke_certificates(folder: Path, names: Sequence[str]) -> Path:
    """Write the list of revoked certificates of a trial's authority; what was revoked before stays so.

    Args:
        folder: What :func:`make_certificates` made.
        names: Users and key servers whose certificates are revoked; with none, the list is renewed before it runs out.

    Returns:
        The file, for ``revoked`` of a key server.

    Raises:
        InputError: There is no authority in the folder, or no certificate of that name.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = make_certificates(folder, saes=["alice"], kmes=["kme-a"])
        >>> len(x509.load_pem_x509_crl(revoke_certificates(folder, ["alice"]).read_bytes()))
        1
    """
    paths = [folder / f"{_file(name)}.crt" for name in names]
    for path in (folder / "ca.key", folder / "ca.crt", *paths):
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; only certificates of an authority made here are revoked.")
    ca, key = _read_authority(folder)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(now - dt.timedelta(minutes=5))
        .next_update(now + dt.timedelta(days=DAYS))
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    numbers = {x509.load_pem_x509_certificate(path.read_bytes()).serial_number: now for path in paths}
    for number, since in (numbers | dict(_revoked_before(folder / REVOKED))).items():
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(since)
        builder = builder.add_revoked_certificate(entry.build())
    crl = builder.sign(key, hashes.SHA256())
    write_text(folder / REVOKED, crl.public_bytes(serialization.Encoding.PEM).decode())
    return folder / REVOKED


def _revoked_before(path: Path) -> Iterator[tuple[int, dt.datetime]]:
    if path.is_file():
        for entry in x509.load_pem_x509_crl(path.read_bytes()):
            yield entry.serial_number, entry.revocation_date_utc


def _file(name: str) -> str:
    return quote(name, safe=" @+")


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, *, last: dt.datetime | None = None
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    end = now + dt.timedelta(days=DAYS)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(end if last is None else min(end, last))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _alternatives(name: str, kind: str, hosts: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"urn:{kind}:{quote(name, safe='')}")]
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return found


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> list[Path]:
    paths = [folder / f"{name}.crt", folder / f"{name}.key"]
    try:
        handle = os.open(paths[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be written: {error.strerror}.") from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return paths
