"""Checks of the connection: TLS, certificates, and who is refused before a word is said."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
import time
import warnings
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer, Client, user_context
from kakehashi.qkd.conformance.model import Party, fail, untested, warn
from kakehashi.qkd.conformance.reading import MisreadError, read_status
from kakehashi.qkd.conformance.session import Actor, Session, describe

__all__ = ["CHECKS"]

CLAUSE = "HTTPS with mutual authentication"
MOST_BYTES = 65_536
"""More than two answers without keys come to."""


def _ask_status(session: Session, actor: Actor, context: ssl.SSLContext) -> Answer:
    """Ask one site's server with another TLS context."""
    client = Client(actor.party.url, context, timeout_s=actor.timeout_s, server_name=actor.server_name)
    other = session.slave if actor is session.master else session.master
    answer = session.call(actor, "GET", other.sae_id, "status", client=client, is_regular=False)
    client.close()
    return answer


def _sites(session: Session) -> list[Actor]:
    """The master, and the slave where it has a server of its own."""
    is_one = session.master.party.url == session.slave.party.url
    return [session.master] if is_one else [session.master, session.slave]


@check("tls-server", clause=CLAUSE)
def server(session: Session) -> str:
    """The server shows a certificate of the authority, for the name by which it is called."""
    for actor in _sites(session):
        answer = _ask_status(session, actor, actor.context)
        if answer.status is None:
            fail(f"{actor.party.url}: {answer.fault}")
    return "the certificate is good"


@check("tls-version", clause="TLS 1.2 or higher")
def version(session: Session) -> str:
    """TLS 1.2 or 1.3 is spoken."""
    spoken = []
    for actor in _sites(session):
        session.charge(1)
        try:
            with actor.new_client().connect() as connection:
                spoken.append(str(connection.version()))
        except OSError:
            fail(f"{actor.party.url} does not speak TLS 1.2 or 1.3 with this client")
    if not all(name in ("TLSv1.2", "TLSv1.3") for name in spoken):
        fail(f"{spoken[0]} was agreed on")
    return ", ".join(sorted(set(spoken)))


@check("tls-old", clause="TLS 1.2 or higher")
def old(session: Session) -> str:
    """TLS 1.1 and 1.0 are refused, whatever ciphers the client allows."""
    for actor in _sites(session):
        for number in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # we know that they are old: that is the point
                try:
                    context = user_context(actor.party, str(session.target.authority), version=number)
                except (ValueError, ssl.SSLError):
                    untested("this machine's OpenSSL cannot speak TLS 1.1")
                answer = _ask_status(session, actor, context)
            if answer.status is not None:
                fail(f"{number.name.replace('_', '.')} is spoken at {actor.party.url}")
            if "no protocols available" in answer.fault:
                untested("this machine's OpenSSL does not speak TLS 1.1")
    return f"refused: {answer.fault}"


@check("tls-no-certificate", clause=f"{CLAUSE}; an SAE that is not verified is refused at connection")
def no_certificate(session: Session) -> str:
    """A client without a certificate is refused."""
    for actor in _sites(session):
        answer = _ask_status(session, actor, user_context(None, str(session.target.authority)))
        _judge_stranger(answer, "a client without a certificate")
    return f"refused: {describe(answer)}"


def _judge_stranger(answer: Answer, who: str) -> None:
    if answer.status == 401:
        warn(f"{who} is refused with 401, but only after its connection was accepted")
    if answer.status is not None:
        fail(f"{who} is answered: {describe(answer)}")


@check("tls-foreign", clause=f"{CLAUSE}; an SAE that is not verified is refused at connection")
def foreign(session: Session) -> str:
    """A certificate with the master's name that another authority signed is refused."""
    with tempfile.TemporaryDirectory() as folder:
        for actor in _sites(session):
            party = _forge(Path(folder), actor.party)
            context = user_context(party, str(session.target.authority))
            answer = _ask_status(session, actor, context)
            _judge_stranger(answer, "a client with a forged certificate")
    return f"refused: {describe(answer)}"


def _forge(folder: Path, party: Party) -> Party:
    """The party with a certificate of the same subject, names and uses, signed by itself."""
    real = x509.load_pem_x509_certificate(party.certificate.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(real.subject)
        .issuer_name(real.issuer)
        .public_key(key.public_key())
        .serial_number(real.serial_number)
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
    )
    for extension in real.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName | x509.ExtendedKeyUsage | x509.BasicConstraints):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    certificate, private = folder / "forged.crt", folder / "forged.key"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Party(sae_id=party.sae_id, certificate=certificate, private_key=private, url=party.url)


@check("tls-header", clause="The KME knows the SAE from its certificate on every request")
def header(session: Session) -> str:
    """Who asks is known by the certificate: a header that names another SAE changes nothing."""
    names = ("X-SAE-ID", "X-Client-CN", "X-SSL-Client-CN", "X-Forwarded-User")
    headers = dict.fromkeys(names, quote(session.slave.sae_id))
    plain = session.call(session.master, "GET", session.slave.sae_id, "status")
    session.charge(1)
    path = f"/api/v1/keys/{quote(session.slave.sae_id, safe='')}/status"
    answer = session.master.client.request("GET", path, headers=headers)
    session.note(f"{session.master.sae_id}: GET {path} with headers that name '{session.slave.sae_id}'", answer)
    try:
        callers = [read_status(each)["master_SAE_ID"] for each in (plain, answer)]
    except MisreadError as error:
        untested(f"the status does not name the caller: {error}")
    if callers[0] != callers[1]:
        fail("the server takes the caller's name from a header that anybody can write")
    return "the certificate decides"


@check("head-body", clause="HTTP: the answer to HEAD has no body (RFC 9110, 9.3.2)")
def head(session: Session) -> str:
    """Where HEAD is answered nothing follows the answer's head, so that a connection that is kept stays in step."""
    session.charge(2)
    client = session.master.new_client()
    path = f"{client.prefix}/api/v1/keys/{quote(session.slave.sae_id, safe='')}/status"
    place = f" {path} HTTP/1.1\r\nHost: {client.host}\r\n"
    data = f"HEAD{place}\r\nGET{place}Connection: close\r\n\r\n".encode()
    came, end = b"", time.monotonic() + session.bounds.timeout_s
    try:
        with client.connect() as connection:
            connection.sendall(data)
            while len(came) < MOST_BYTES and time.monotonic() < end and (piece := connection.recv(4096)):
                came += piece
    except OSError:
        pass  # a server may close the connection after what it does not know
    first, _, rest = came.partition(b"\r\n\r\n")
    session.sent = f"{session.master.sae_id}: HEAD {path}, then GET over the same connection"
    session.came = f"{len(first)} bytes, and {len(rest)} after them"
    if not first:
        return "HEAD is not answered"
    if rest and not rest.startswith(b"HTTP/1."):
        fail("a body follows the answer to HEAD, and whoever keeps the connection takes it for the next answer")
    return "no body follows"


CHECKS = (server, version, old, no_certificate, foreign, header, head)
