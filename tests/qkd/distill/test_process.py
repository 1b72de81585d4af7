import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.distill.agreement import agree_on
from kakehashi.qkd.distill.process import distil_in_processes
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.source import SourceProcess

LINK = "tokyo-koganei-loop-ntt"


@pytest.mark.slow
def test_two_processes_distil_equal_keys_from_simulated_photons(tmp_path):
    agreement = agree_on(LINK, load_link(LINK), block_bits=300_000)
    with SourceProcess(LINK, tmp_path, seed=1):
        reports = list(distil_in_processes(agreement, tmp_path, n_blocks=2, timeout_s=120))
    by_block = {}
    for report in reports:
        assert report.reason == ""
        by_block.setdefault(report.block_id, {})[report.role] = report
    both = [pair for pair in by_block.values() if len(pair) == 2]
    assert len(both) == 2
    for pair in both:
        sender, receiver = pair["sender"], pair["receiver"]
        assert sender.key_sha256 == receiver.key_sha256
        assert sender.account == receiver.account
        assert sender.n_key > 10_000
    assert both[0]["sender"].key_sha256 != both[1]["sender"].key_sha256


@pytest.mark.slow
def test_a_link_without_photons_is_an_error(tmp_path):
    agreement = agree_on(LINK, load_link(LINK))
    with pytest.raises(DeviceError):
        list(distil_in_processes(agreement, tmp_path, n_blocks=1, timeout_s=60))
