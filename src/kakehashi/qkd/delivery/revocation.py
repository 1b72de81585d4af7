"""Lists of revoked certificates: whether one can be used, and whom it names."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from kakehashi.core.errors import InputError

__all__ = ["read_revoked"]

LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


def read_revoked(revoked: Path, issuers: Sequence[Path]) -> frozenset[int]:
    """Whom a list names; refuses one with which the checks of TLS would let nobody in, or trust somebody more.

    OpenSSL takes any PEM here, a certificate too, which it would then trust; and of a list that is too old, or of
    another authority, it speaks only when the first client is turned away.

    Args:
        revoked: The file: lists in PEM.
        issuers: Files of certificates, PEM, one of which must have signed each list.

    Returns:
        Serial numbers of certificates, of all lists together.

    Raises:
        InputError: A list is not in PEM, of another authority, too old or not valid yet.
    """
    try:
        content = revoked.read_bytes()
    except OSError as error:
        raise InputError(f"{revoked} cannot be read: {error.strerror}.") from None
    found = LIST.findall(content)
    if not found or len(found) != content.count(b"-----BEGIN "):
        raise InputError(f"{revoked} must hold lists of revoked certificates (X509 CRL) in PEM, and nothing else.")
    known = [certificate for path in issuers for certificate in x509.load_pem_x509_certificates(path.read_bytes())]
    now = dt.datetime.now(dt.UTC)
    numbers: set[int] = set()
    for text in found:
        try:
            crl = x509.load_pem_x509_crl(text)
            is_known = any(crl.issuer == c.subject and _has_signed(c, crl) for c in known)
        except ValueError as error:
            raise InputError(f"{revoked} holds a list of revoked certificates that is damaged: {error}.") from None
        if not is_known:
            name = crl.issuer.rfc4514_string()
            raise InputError(f"{revoked} is not signed by the authority that is trusted here, but by '{name}'.")
        if crl.next_update_utc is not None and crl.next_update_utc <= now:
            raise InputError(
                f"{revoked} ran out at {crl.next_update_utc:%Y-%m-%d %H:%M} UTC; have its authority sign a new one: "
                "with this one, every certificate is refused."
            )
        if crl.last_update_utc > now:
            raise InputError(f"{revoked} is valid from {crl.last_update_utc:%Y-%m-%d %H:%M} UTC on: look at the clock.")
        numbers.update(entry.serial_number for entry in crl)
    return frozenset(numbers)


def _has_signed(certificate: x509.Certificate, crl: x509.CertificateRevocationList) -> bool:
    try:
        return crl.is_signature_valid(certificate.public_key())  # type: ignore[arg-type]
    except (TypeError, UnsupportedAlgorithm):  # a key that cannot sign
        return False
