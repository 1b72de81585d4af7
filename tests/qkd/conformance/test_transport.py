import pytest
from tests.qkd.conformance.judged import assert_seen, failures_of

from kakehashi.qkd.conformance.transport import CHECKS


@pytest.mark.parametrize(("kind", "seen"), failures_of(CHECKS), ids=lambda value: getattr(value, "__name__", ""))
def test_a_failure_is_seen(kind, seen):
    assert_seen(kind, seen)


def test_a_forged_certificate_bears_the_names_of_the_real_one(tmp_path):
    from cryptography import x509
    from tests.qkd.conformance.judged import Running

    from kakehashi.qkd.conformance.transport import _forge

    with Running() as running:
        real, forged = running.party("alice"), _forge(tmp_path, running.party("alice"))
    found = [x509.load_pem_x509_certificate(party.certificate.read_bytes()) for party in (real, forged)]
    assert found[0].subject == found[1].subject
    assert found[0].issuer == found[1].issuer
    assert found[0].signature != found[1].signature
