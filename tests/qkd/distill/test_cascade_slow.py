import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.distill.strings import strings

from kakehashi import _native
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.cascade import _make_end
from kakehashi.qkd.distill.cascade_plan import CascadePlan
from kakehashi.qkd.distill.cascade_slow import SlowCascadeEnd, permute_slowly


def pack(values):
    return Bits.pack(np.array(values, dtype=np.uint8)).to_bytes()


def check_step_by_step(right, wrong, plan):
    """All four ends in step: every message of the kernels is that of the twins."""
    slow_reference = SlowCascadeEnd(Bits.pack(right), plan, corrects=False)
    slow_corrector = SlowCascadeEnd(Bits.pack(wrong), plan, corrects=True)
    reference = _make_end(Bits.pack(right), plan, corrects=False)
    corrector = _make_end(Bits.pack(wrong), plan, corrects=True)
    parities, slow_parities = reference.begin(), slow_reference.begin()
    while True:
        assert reference.n_pending == corrector.n_pending == len(slow_parities)
        assert parities == pack(slow_parities)
        if not slow_parities:
            break
        verdicts, slow_verdicts = corrector.take(parities), slow_corrector.take(slow_parities)
        assert verdicts == pack(slow_verdicts)
        parities, slow_parities = reference.answer(verdicts), slow_reference.answer(slow_verdicts)
    assert slow_corrector.corrected() == Bits.pack(right)
    assert corrector.n_flips == reference.n_flips == slow_corrector.n_flips == int(np.sum(right != wrong))
    assert corrector.n_resumed == reference.n_resumed == slow_corrector.n_resumed
    return corrector.n_resumed


def test_the_kernels_send_what_the_twins_send(kernels):
    right, wrong = strings(700, 0.05, 1)
    plan = CascadePlan(n_bits=700, log_frame=8, log_blocks=(3, 5, 6), n_halves=3, n_checks=12, group_frames=2, seed=5)
    check_step_by_step(right, wrong, plan)


def test_checks_find_what_the_passes_left(kernels):
    right, wrong = strings(1000, 0.04, 2)
    plan = CascadePlan(n_bits=1000, log_frame=7, log_blocks=(5,), n_halves=0, n_checks=20, group_frames=5, seed=6)
    assert check_step_by_step(right, wrong, plan) > 3


@settings(max_examples=15)
@given(st.integers(1, 400), st.floats(0, 0.5), st.integers(0, 99), st.sampled_from([(2, 2), (3, 4, 4), (4,)]))
def test_the_kernels_send_what_the_twins_send_whatever_the_string(n, qber, seed, blocks):
    right, wrong = strings(n, qber, seed)
    plan = CascadePlan(n_bits=n, log_frame=6, log_blocks=blocks, n_halves=2, n_checks=24, group_frames=3, seed=seed)
    check_step_by_step(right, wrong, plan)


def test_the_permutations_are_those_of_the_kernels():
    for n in (64, 1024):
        out = np.empty(n, np.uint16)
        _native.fill_permutation(2**64 - 5, 3, out)
        assert permute_slowly(2**64 - 5, 3, n) == out.tolist()
        assert sorted(out) == list(range(n))
