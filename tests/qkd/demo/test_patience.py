import asyncio
import time

import pytest

from kakehashi.qkd.demo.patience import SLOWEST, Patience
from kakehashi.qkd.link.source import SourceProcess


@pytest.fixture
def folder(tmp_path):
    source = SourceProcess("tokyo-koganei-loop-ntt", tmp_path / "link", exposure_s=0.2, pace=2.0)
    with source, source.sender() as sender, source.receiver() as receiver:
        yield tmp_path / "link", sender, receiver


def watch(links, seconds, *ends):
    """Have ends take what they can for a while; gives what Patience says then."""

    async def main():
        patience = await Patience(links).begin()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for end_of_link in ends:
                await asyncio.to_thread(end_of_link)
            await asyncio.sleep(0.001)
        return await patience.passed_s(), patience

    return asyncio.run(main())


def test_time_is_that_of_the_clock_where_links_keep_their_pace(folder):
    path, sender, receiver = folder
    passed, patience = watch({path: 2.0}, 3.0, sender.prepare, receiver.detect)
    assert passed == pytest.approx(patience.clock_s, rel=0.4)
    assert patience.speed > 0.6
    assert patience.why == ""


def test_time_passes_slowly_where_they_do_not_and_the_reason_is_said(folder):
    path, sender, receiver = folder
    passed, patience = watch({path: 200.0}, 3.0, sender.prepare, receiver.detect)
    assert passed < 0.6 * patience.clock_s
    assert patience.why.startswith("this machine is busy, and the links run at")


def test_one_link_that_stands_still_is_not_the_machines_fault(tmp_path):
    began, one, other = time.monotonic(), tmp_path / "one", tmp_path / "other"

    class Half(Patience):
        def _ask(self):
            return {one: 4.0 * (time.monotonic() - began), other: 7.0}

    async def main():
        patience = await Half({one: 4.0, other: 1.0}).begin()
        await asyncio.sleep(1.2)
        return await patience.passed_s(), patience

    passed, patience = asyncio.run(main())
    assert passed == pytest.approx(patience.clock_s / 2, rel=0.2)
    assert patience.why == ""


def test_a_link_that_stands_still_is_not_waited_for_for_ever(tmp_path):
    passed, patience = watch({tmp_path / "none": 1.0}, 1.2)
    assert passed == pytest.approx(SLOWEST * patience.clock_s, rel=0.1)
