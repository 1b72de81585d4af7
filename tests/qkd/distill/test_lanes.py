import pytest
from tests.qkd.distill.strings import strings

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill import lanes
from kakehashi.qkd.distill.correction import CORRECTIONS
from kakehashi.qkd.distill.lanes import CorrectorLanes, ReferenceLanes, cut


def packed(n):
    return map(Bits.pack, strings(n, 0.02))


@pytest.mark.parametrize("n", [1, 1000, 65_535, 65_536, 65_541, 100_003])
def test_lanes_are_the_block_in_order(n):
    bits, _ = packed(n)
    found = cut(bits)
    assert Bits.concatenate(found) == bits
    assert len(found) == (2 if n >= 65_536 else 1)
    assert found[0].n <= found[-1].n <= found[0].n + 15


def test_a_long_block_has_more_lanes():
    assert [len(lane) for lane in cut(Bits.from_bytes(bytes(5_000_000)))] == [13_333_328, 13_333_328, 13_333_344]


@pytest.mark.parametrize("method", ["cascade", "ldpc"])
@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("n_lanes", [2, 5])
def test_lanes_do_not_wait_for_each_other(method, is_late, n_lanes, monkeypatch):
    """Questions are answered in any order: here the oldest first, or one lane to its end before the other."""
    monkeypatch.setattr(lanes, "MOST_BITS", 80_000 // n_lanes)
    right, wrong = packed(80_000)
    reference = ReferenceLanes(CORRECTIONS[method], right)
    corrector = CorrectorLanes(CORRECTIONS[method], wrong, qber=0.02)
    waiting = corrector.begin()
    with pytest.raises(DistillationError, match="not come to its end"):
        corrector.corrected()
    assert [lane for lane, _ in waiting] == [0, 1]
    while waiting:
        lane, question = waiting.pop(-1 if is_late else 0)
        waiting += corrector.take(lane, reference.answer(lane, question))
        assert len({lane for lane, _ in waiting}) == len(waiting) <= 2
    assert corrector.is_done
    assert corrector.corrected() == right
    assert corrector.leaked_bits == reference.leaked_bits < right.n // 2


def test_a_lane_that_is_not_there_is_a_fault():
    right, wrong = packed(1000)
    reference = ReferenceLanes(CORRECTIONS["cascade"], right)
    corrector = CorrectorLanes(CORRECTIONS["cascade"], wrong, qber=0.02)
    ((_, question),) = corrector.begin()
    with pytest.raises(DistillationError, match="no lane 1"):
        reference.answer(1, question)
    with pytest.raises(DistillationError, match="lane 7, which has asked nothing"):
        corrector.take(7, reference.answer(0, question))
    assert reference.leaked_bits > 0


def test_a_question_of_another_lane_is_not_answered():
    right, wrong = packed(80_000)
    reference = ReferenceLanes(CORRECTIONS["cascade"], right)
    (_, first), (_, second) = CorrectorLanes(CORRECTIONS["cascade"], wrong, qber=0.02).begin()
    reference.answer(0, first)
    with pytest.raises(DistillationError):
        reference.answer(0, second)
