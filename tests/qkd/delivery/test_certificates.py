import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import (
    client_context,
    identity,
    make_certificates,
    require_identity,
    server_context,
)


def test_a_name_is_that_of_the_urn_or_the_common_name():
    subject = ((("organizationName", "x"),), (("commonName", "alice"),))
    assert identity({"subject": subject}, "sae") == identity({"subject": subject}, "kme") == "alice"
    assert identity({"subject": subject, "subjectAltName": (("DNS", "x"),)}, "sae") == "alice"
    assert identity({"subject": subject, "subjectAltName": (("URI", "urn:sae:bob"),)}, "sae") == "bob"
    assert identity({"subject": subject, "subjectAltName": (("URI", "urn:sae:bob"),)}, "kme") is None
    two = (("URI", "urn:sae:bob"), ("URI", "urn:sae:eve"))
    assert identity({"subject": subject, "subjectAltName": two}, "sae") is None
    assert identity({"subject": ((("commonName", "a"),), (("commonName", "b"),))}, "sae") is None
    assert identity({}, "sae") is None


def test_files_are_for_their_owner(tmp_path):
    files = make_certificates(tmp_path, saes=["a b/c"], kmes=["k"], hosts=["example.org", "::1"])
    assert [path.name for path in files] == ["ca.crt", "ca.key", "a b%2Fc.crt", "a b%2Fc.key", "k.crt", "k.key"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files if path.suffix == ".key")
    for make in (server_context, client_context):
        context = make(files[4], files[5], files[0])
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("names", [[], ["a", "a"], ["ca"], [""], ["x" * 65]])
def test_wrong_names_are_refused(tmp_path, names):
    with pytest.raises(InputError, match="1 to 64 characters"):
        make_certificates(tmp_path, saes=names, kmes=[])


def test_an_authority_that_is_there_signs_more_and_nothing_is_written_over(tmp_path):
    made = make_certificates(tmp_path, saes=["a"], kmes=[])
    before = {path: path.read_bytes() for path in made}
    more = make_certificates(tmp_path, saes=["b"], kmes=["k"])
    assert [path.name for path in more] == ["b.crt", "b.key", "k.crt", "k.key"]
    assert {path: path.read_bytes() for path in made} == before
    ca, b = (x509.load_pem_x509_certificate((tmp_path / f"{name}.crt").read_bytes()) for name in ("ca", "b"))
    b.verify_directly_issued_by(ca)
    assert b.not_valid_after_utc <= ca.not_valid_after_utc
    for names in (["c", "a"], ["b"]):
        with pytest.raises(InputError, match="not written over"):
            make_certificates(tmp_path, saes=names, kmes=[])
    assert not (tmp_path / "c.key").exists()


@pytest.mark.parametrize("spoil", ["ca.key", "ca.crt"])
@pytest.mark.parametrize("how", ["gone", "rubbish", "another"])
def test_an_authority_that_cannot_sign_is_refused(tmp_path, spoil, how):
    make_certificates(tmp_path, saes=["a"], kmes=[])
    if how == "gone":
        (tmp_path / spoil).unlink()
    elif how == "rubbish":
        (tmp_path / spoil).write_text("x")
    else:
        make_certificates(tmp_path / "other", saes=["a"], kmes=[])
        (tmp_path / spoil).write_bytes((tmp_path / "other" / spoil).read_bytes())
    with pytest.raises(InputError, match=r"ca\.key"):
        make_certificates(tmp_path, saes=["b"], kmes=[])
    assert not (tmp_path / "b.key").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        make_certificates(tmp_path / "file" / "pki", saes=["a"], kmes=[])


def test_files_that_do_not_fit_are_refused_in_a_sentence(tmp_path):
    ca, _, a, a_key, _b, b_key = make_certificates(tmp_path, saes=["a", "b"], kmes=[])
    with pytest.raises(InputError, match="no such file; `kakehashi qkd certificates` makes those of a trial"):
        server_context(tmp_path / "x", a_key, ca)
    with pytest.raises(InputError, match=f"no such file; for a trial make it with: kakehashi qkd revoke {tmp_path}$"):
        server_context(a, a_key, ca, tmp_path / "revoked.crl")
    with pytest.raises(InputError, match="no certificate and its key"):
        server_context(a, b_key, ca)
    (tmp_path / "bad").write_text("x")
    with pytest.raises(InputError, match="not in PEM"):
        server_context(a, a_key, tmp_path / "bad")


def test_a_server_does_not_start_under_anothers_name(tmp_path):
    ca, _, a, a_key, b, _ = make_certificates(tmp_path, saes=["a"], kmes=["b"])
    require_identity(a, "sae", "a")
    require_identity(b, "kme", "b")
    with pytest.raises(InputError, match="certificate of urn:sae:a, not of 'b'"):
        require_identity(a, "kme", "b")
    with pytest.raises(InputError, match="kakehashi trial authority, not of 'b'"):
        require_identity(ca, "kme", "b")
    with pytest.raises(InputError, match="cannot be read"):
        require_identity(a_key, "sae", "a")


@pytest.mark.parametrize("days", [(-3, -1), (1, 3)])
def test_a_server_does_not_start_outside_of_its_certificates_time(tmp_path, days):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "k")])
    now = dt.datetime.now(dt.UTC)
    first, last = (now + dt.timedelta(days=n) for n in days)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, first, last).sign(key, hashes.SHA256())
    (tmp_path / "k.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    with pytest.raises(InputError, match="this machine's clock"):
        require_identity(tmp_path / "k.crt", "kme", "k")
