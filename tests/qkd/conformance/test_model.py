import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.conformance.model import (
    Bounds,
    Finding,
    Party,
    Report,
    Target,
    VerdictError,
    fail,
    untested,
    warn,
)


def party(folder, name="alice", url="https://kme:1"):
    for ending in ("crt", "key"):
        (folder / f"{name}.{ending}").touch()
    return Party(sae_id=name, certificate=folder / f"{name}.crt", private_key=folder / f"{name}.key", url=url)


@pytest.mark.parametrize("url", ["http://kme", "kme:8443", "https://", "https://kme:99999", "https://kme?x", ""])
def test_an_address_must_be_https(tmp_path, url):
    with pytest.raises(InputError, match="https://host:port"):
        party(tmp_path, url=url)


def test_files_and_names_are_checked(tmp_path):
    with pytest.raises(InputError, match="not there"):
        Party(sae_id="a", certificate=tmp_path / "x", private_key=tmp_path / "y", url="https://kme")
    with pytest.raises(InputError, match="empty"):
        party(tmp_path, "")
    one = party(tmp_path)
    with pytest.raises(InputError, match="different"):
        Target(master=one, slave=one, authority=one.certificate)
    with pytest.raises(InputError, match="authority"):
        Target(master=one, slave=party(tmp_path, "bob"), authority=tmp_path / "ca.crt")


def test_bounds_are_stated_and_positive():
    assert "7 requests" in Bounds(max_requests=7).sentence()
    with pytest.raises(InputError, match="n_racers"):
        Bounds(n_racers=1)
    with pytest.raises(InputError, match="max_seconds"):
        Bounds(max_seconds=0)


@pytest.mark.parametrize(("end", "verdict"), [(fail, "fail"), (warn, "warn"), (untested, "not-tested")])
def test_a_check_ends_with_a_verdict(end, verdict):
    with pytest.raises(VerdictError, match="so it is") as found:
        end("so it is")
    assert found.value.verdict == verdict


def report(**verdicts):
    findings = tuple(
        Finding(
            check=name.replace("_", "-"), group="g", clause="c", demand="must", demands="d", verdict=v, sentence="s"
        )
        for name, v in verdicts.items()
    )
    return Report(url="https://kme", findings=findings, n_requests=1, n_keys=1, duration_s=1.0, version="1")


def test_conformant_is_who_fails_nothing_and_really_delivers():
    assert report(enc_get="pass", dec_post="pass", x="warn").is_conformant
    assert not report(enc_get="pass", dec_post="pass", x="fail").is_conformant
    assert report(x="fail", y="not-tested").judgement == "not conformant"


@pytest.mark.parametrize(
    "verdicts",
    [{}, {"x": "pass"}, {"x": "not-tested"}, {"enc_get": "not-tested", "dec_post": "pass"}, {"enc_get": "pass"}],
)
def test_where_no_key_was_seen_to_reach_both_sides_there_is_no_verdict(verdicts):
    found = report(**verdicts)
    assert found.judgement == found.to_json()["judgement"] == "no verdict"
    assert found.untried
    assert not found.is_conformant


def test_findings_are_counted():
    assert report(x="pass", y="not-tested").counts == {"pass": 1, "fail": 0, "warn": 0, "not-tested": 1}
    assert report(x="fail").to_json()["findings"][0]["verdict"] == "fail"
