import contextlib
import datetime as dt
import http.client
import shutil
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tests.qkd.served import Served, tls

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import client_context, make_certificates, revoke_certificates, server_context
from kakehashi.qkd.delivery.revocation import read_revoked


def test_a_revoked_user_is_refused_in_the_handshake_and_the_others_go_on(tmp_path):
    served = Served(tmp_path, revoked=("anna", "Büro 1/2"))
    try:
        with pytest.raises((ssl.SSLError, ConnectionError)):  # the alert, if it comes before the end
            served.call("anna", "GET", "/api/v1/keys/bob/enc_keys")
        status, sent = served.call("alice", "GET", "/api/v1/keys/bob/enc_keys")
        assert status == 200
        key_id = sent["keys"][0]["key_ID"]
        status, got = served.call("bob", "GET", f"/api/v1/keys/alice/dec_keys?key_ID={key_id}")
        assert (status, got) == (200, sent)
        with pytest.raises((ssl.SSLError, ConnectionError)):  # the alert, if it comes before the end
            served.call("Büro 1/2", "GET", "/api/v1/keys/alice/status")
    finally:
        served.close()


def test_a_list_that_is_signed_anew_holds_at_once_for_users_and_servers(tmp_path):
    served, kept = Served(tmp_path, revoked=()), {}
    try:
        enc_keys = "/api/v1/keys/bob/enc_keys"
        kept |= {
            name: http.client.HTTPSConnection("localhost", served.port(name), context=tls(tmp_path, name), timeout=30)
            for name in ("alice", "anna")
        }
        for connection in kept.values():
            connection.request("GET", enc_keys)
            assert connection.getresponse().read()
        revoke_certificates(tmp_path / "pki", ["anna"])
        within_a_while(lambda: not is_answered(kept["anna"], enc_keys))
        assert is_answered(kept["alice"], enc_keys)  # on the connection that it has
        with pytest.raises((ssl.SSLError, ConnectionError)):
            served.call("anna", "GET", enc_keys)
        revoke_certificates(tmp_path / "pki", ["kme-b"])
        within_a_while(lambda: not served.kmes["kme-a"].links["kme-b"].is_up)
        assert served.call("alice", "GET", enc_keys)[0] == 503
    finally:
        for connection in kept.values():
            connection.close()
        served.close()


def is_answered(connection, path):
    """Over the same connection, which must not be opened anew."""
    try:
        connection.auto_open = 0
        connection.request("GET", path)
        return connection.getresponse().read() and True
    except (OSError, http.client.HTTPException):
        return False


def within_a_while(holds):
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def pki(tmp_path):
    make_certificates(tmp_path / "pki", saes=["alice", "bob"], kmes=["kme-a", "kme-b"])
    return tmp_path / "pki"


def files(pki, name, revoked):
    return pki / f"{name}.crt", pki / f"{name}.key", pki / "ca.crt", revoked


@pytest.mark.parametrize("make", [server_context, client_context])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_either_end_refuses_whoever_is_on_the_list(pki, make, version):
    revoked = revoke_certificates(pki, ["kme-b"])
    judge = make(*files(pki, "kme-a", revoked))
    judge.maximum_version = version
    for name in ("bob", "kme-b"):
        other = (client_context if make is server_context else server_context)(*files(pki, name, None))
        one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
        is_server = make is server_context
        ends = [judge.wrap_bio(one, two, server_side=is_server), other.wrap_bio(two, one, server_side=not is_server)]
        if name == "bob":
            shake_hands(ends)
            assert ends[0].getpeercert()["subject"] == ((("commonName", "bob"),),)
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
                shake_hands(ends)


def shake_hands(ends):
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()


def test_what_was_revoked_stays_so(pki):
    revoke_certificates(pki, ["bob"])
    revoke_certificates(pki, ["alice"])
    numbers = {entry.serial_number for entry in x509.load_pem_x509_crl(revoke_certificates(pki, []).read_bytes())}
    assert numbers == {
        x509.load_pem_x509_certificate((pki / f"{n}.crt").read_bytes()).serial_number for n in ("alice", "bob")
    }


def test_only_certificates_that_are_there_are_revoked(pki, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        revoke_certificates(pki, ["bob", "eve"])
    with pytest.raises(InputError, match="no such file"):
        revoke_certificates(tmp_path, [])


def test_a_list_that_cannot_be_used_is_refused_in_a_sentence(pki, tmp_path):
    def refused(sentence, revoked):
        with pytest.raises(InputError, match=sentence) as caught:
            server_context(*files(pki, "kme-a", revoked))
        assert "\n" not in str(caught.value)

    refused("no such file", tmp_path / "none.crl")
    refused("and nothing else", pki / "alice.crt")  # which OpenSSL would trust
    mine = revoke_certificates(pki, []).read_bytes()
    both, cut = tmp_path / "both.crl", tmp_path / "cut.crl"
    both.write_bytes(mine + (pki / "alice.crt").read_bytes())
    refused("and nothing else", both)
    cut.write_bytes(mine[:100] + mine[-40:])
    refused("damaged", cut)
    other = tmp_path / "other"
    make_certificates(other, saes=["alice"], kmes=[])
    refused("not signed by the authority that is trusted here", revoke_certificates(other, ["alice"]))


@pytest.mark.parametrize(("first", "last", "sentence"), [(-2, -1, "ran out at"), (1, 2, "look at the clock")])
def test_a_list_of_another_time_is_refused(pki, first, last, sentence):
    path = sign(pki, first, last)
    with pytest.raises(InputError, match=sentence):
        client_context(*files(pki, "kme-a", path))


def sign(pki, first, last):
    now = dt.datetime.now(dt.UTC)
    ca = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.subject)
    builder = builder.last_update(now + dt.timedelta(days=first)).next_update(now + dt.timedelta(days=last))
    key = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    path = pki / "old.crl"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def test_lists_of_several_authorities_stand_in_one_file(pki, tmp_path):
    other = tmp_path / "other"
    make_certificates(other, saes=["alice"], kmes=[])
    bundle = tmp_path / "bundle.crl"
    bundle.write_bytes(b"".join(revoke_certificates(folder, ["alice"]).read_bytes() for folder in (pki, other)))
    read_revoked(bundle, [pki / "ca.crt", other / "ca.crt"])
    with pytest.raises(InputError, match="not signed by"):
        read_revoked(bundle, [pki / "ca.crt"])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_reads_the_list(pki):
    import subprocess

    words = [
        "openssl",
        "verify",
        "-crl_check",
        "-CAfile",
        pki / "ca.crt",
        "-CRLfile",
        revoke_certificates(pki, ["bob"]),
    ]
    assert subprocess.run([*words, pki / "alice.crt"], capture_output=True).returncode == 0
    done = subprocess.run([*words, pki / "bob.crt"], capture_output=True, text=True)
    assert "certificate revoked" in done.stderr + done.stdout
