import json

import pytest

from kakehashi.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no link 'nowhere'"),
        (["laboratory-50km", "--block-bits", "1000"], "give no key over laboratory-50km: 1.4% of the bits are wrong"),
        (["laboratory-50km", "--block-bits", "-4"], "greater than or equal to 1000"),
    ],
)
def test_what_cannot_give_a_key_is_refused_before_a_photon_is_sent(arguments, message, capsys):
    assert main(["qkd", "distill", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_two_ends_report_the_same_blocks(capsys):
    assert main(["qkd", "distill", "tokyo-koganei-loop-ntt", "--blocks", "1", "--seed", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert "kbit/s of key expected" in captured.err
    reports = json.loads(captured.out)
    hashes = {report["role"]: report["key_sha256"] for report in reports}
    assert hashes["sender"] == hashes["receiver"]
    assert all(report["account"]["secret"] > 10_000 for report in reports)


@pytest.mark.slow
def test_a_table_shows_what_became_of_the_bits(capsys):
    assert main(["qkd", "distill", "tokyo-koganei-loop-ntt", "--blocks", "1", "--seed", "2"]) == 0
    assert "equal" in capsys.readouterr().out
