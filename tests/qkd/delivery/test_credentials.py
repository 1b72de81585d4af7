import pytest
from cryptography import x509

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import make_certificates, revoke_certificates
from kakehashi.qkd.delivery.credentials import Credentials


@pytest.fixture
def pki(tmp_path):
    make_certificates(tmp_path / "pki", saes=["alice"], kmes=["kme-a", "kme-b"])
    return tmp_path / "pki"


def read(pki, revoked=None):
    return Credentials("kme-a", pki / "kme-a.crt", pki / "kme-a.key", pki / "ca.crt", revoked)


def number(pki, name):
    return {"serialNumber": f"{x509.load_pem_x509_certificate((pki / f'{name}.crt').read_bytes()).serial_number:X}"}


def test_who_is_on_the_list_is_known_once_it_has_changed(pki):
    credentials = read(pki, revoke_certificates(pki, ["kme-b"]))
    before = credentials.server, credentials.client
    assert credentials.is_revoked(number(pki, "kme-b"))
    assert not credentials.is_revoked(number(pki, "alice"))
    assert not credentials.is_revoked({})
    assert not credentials.renew()
    revoke_certificates(pki, ["alice"])
    assert not credentials.is_revoked(number(pki, "alice"))
    assert credentials.renew()
    assert credentials.is_revoked(number(pki, "alice"))
    assert credentials.is_revoked(number(pki, "kme-b"))
    assert credentials.server is not before[0]
    assert credentials.client is not before[1]


def test_files_that_no_longer_fit_are_refused_once_and_what_was_read_holds(pki):
    credentials = read(pki, revoke_certificates(pki, ["alice"]))
    server = credentials.server
    for path in (pki / "revoked.crl", pki / "kme-a.key", pki / "kme-a.crt", pki / "ca.crt"):
        content = path.read_bytes()
        path.write_bytes(b"no PEM")
        with pytest.raises(InputError):
            credentials.renew()
        assert not credentials.renew()
        path.unlink()
        with pytest.raises(InputError, match="no such file"):
            credentials.renew()
        assert credentials.server is server
        assert credentials.is_revoked(number(pki, "alice"))
        path.write_bytes(content)
        assert credentials.renew()
        server = credentials.server


def test_a_certificate_that_is_renewed_is_shown_and_that_of_another_is_not(pki, tmp_path):
    credentials = read(pki)
    for ending in ("crt", "key"):
        (pki / f"kme-a.{ending}").write_bytes((pki / f"kme-b.{ending}").read_bytes())
    with pytest.raises(InputError, match="not of 'kme-a'"):
        credentials.renew()
    other = tmp_path / "other"
    make_certificates(other, saes=[], kmes=["kme-a"])
    for name in ("kme-a.crt", "kme-a.key", "ca.crt"):
        (other / name).replace(pki / name)
    assert credentials.renew()


def test_files_of_another_are_refused_at_the_start(pki):
    with pytest.raises(InputError, match="not of 'kme-a'"):
        Credentials("kme-a", pki / "kme-b.crt", pki / "kme-b.key", pki / "ca.crt")
