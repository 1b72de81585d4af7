import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.distill.cascade_plan import CascadePlan, plan_cascade


@given(st.integers(0, 2**30), st.floats(0, 0.5), st.sampled_from([64, 1024, 2**14, 2**16]), st.integers(0, 2**64 - 1))
def test_a_plan_comes_back_from_the_wire(n_bits, qber, frame_bits, seed):
    plan = plan_cascade(n_bits=n_bits, qber=qber, seed=seed, frame_bits=frame_bits)
    assert CascadePlan.from_bytes(plan.to_bytes()) == plan
    assert (plan.n_frames - 1) << plan.log_frame < max(n_bits, 1) or n_bits == 0
    assert plan.n_frames << plan.log_frame >= n_bits


def test_blocks_of_the_first_pass_hold_about_one_error():
    for qber, first in [(0.005, 8), (0.01, 7), (0.02, 6), (0.03, 5), (0.05, 4), (0.11, 3)]:
        assert plan_cascade(n_bits=10**6, qber=qber, seed=0).log_blocks[0] == first
    assert plan_cascade(n_bits=2**14, qber=0, seed=0).log_blocks == (12, 12, 12)
    assert plan_cascade(n_bits=2**14, qber=0.5, seed=0).log_blocks[0] == 2


def test_a_short_block_is_one_smaller_frame():
    assert (plan := plan_cascade(n_bits=1000, qber=0.02, seed=0)).log_frame == 10
    assert plan.n_frames == 1
    assert plan_cascade(n_bits=0, qber=0.02, seed=0).n_frames == 0


@given(st.binary(max_size=60))
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(DistillationError):
        CascadePlan.from_bytes(b"KHC0" + data)
    with pytest.raises(DistillationError):
        CascadePlan.from_bytes(data[:20])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"log_frame": 17}, "2\\^6 to 2\\^16"),
        ({"log_blocks": ()}, "1 to 8 passes"),
        ({"log_blocks": (6, 5)}, "do not shrink"),
        ({"log_blocks": (6, 14)}, "smaller than frames"),
        ({"n_halves": 65}, "at most 64 passes"),
        ({"group_frames": 0}, "frames in a group"),
        ({"n_bits": 2**36}, "less than 2\\^36"),
        ({"seed": -1}, "64 bits"),
    ],
)
def test_an_impossible_plan_is_refused(change, words):
    plan = plan_cascade(n_bits=1000, qber=0.02, seed=0, frame_bits=2**14)
    with pytest.raises(InputError, match=words):
        dataclasses.replace(plan, **({"log_frame": 14} | change))


def test_an_impossible_plan_on_the_wire_is_the_other_ends_fault():
    data = bytearray(plan_cascade(n_bits=1000, qber=0.02, seed=0).to_bytes())
    data[22] = 40  # frames of 2^40 bits
    with pytest.raises(DistillationError, match="impossible"):
        CascadePlan.from_bytes(bytes(data))


def test_arguments_out_of_range_are_refused():
    with pytest.raises(InputError, match="`qber`"):
        plan_cascade(n_bits=10, qber=0.6, seed=0)
    with pytest.raises(InputError, match="`frame_bits`"):
        plan_cascade(n_bits=10, qber=0.1, seed=0, frame_bits=1000)
