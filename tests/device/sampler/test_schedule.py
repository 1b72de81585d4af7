"""Plans of passes."""

import numpy as np
import pytest
from hypothesis import given
from tests.device.sampler.cases import random_gates, seeds

from kakehashi import _native
from kakehashi.device.sampler.rotations import Rotation, to_rotations
from kakehashi.device.sampler.schedule import MAX_CONDITIONS, plan_schedule, relevant_rotations


def read(schedule):
    """The passes as lists of local qubits and steps."""
    code = schedule.code.tolist()
    at = 0

    def take(n):
        nonlocal at
        at += n
        return code[at - n : at]

    passes = []
    while at < len(code):
        (n_local,) = take(1)
        local = take(n_local)
        _, _, n_steps = take(3)
        steps = []
        for _ in range(n_steps):
            (kind,) = take(1)
            if kind == 0:
                (n,) = take(1)
                steps.append(("turns", [tuple(take(2)) for _ in range(n)]))
            else:
                n, m = take(2)
                steps.append(("phases", [tuple(take(2)) for _ in range(n)] + [tuple(take(3)) for _ in range(m)]))
        passes.append((local, steps))
    return passes


@given(seed=seeds)
def test_every_rotation_comes_once_and_in_an_order_that_is_allowed(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    rotations = to_rotations(random_gates(rng, n, 25), n_qubits=n).rotations
    schedule = plan_schedule(rotations, n_qubits=n, n_local=int(rng.integers(5, 9)))
    order = []
    for local, steps in read(schedule):
        for kind, members in steps:
            for *qubits, bit in members:
                order.append(schedule.bit.index(bit))
                assert rotations[order[-1]].qubits == tuple(qubits)
                assert set(qubits) & set(local) if kind == "phases" else set(qubits) <= set(local)
                assert rotations[order[-1]].angle == schedule.angles[bit]
    assert sorted(order) == list(range(len(rotations)))
    when = {k: at for at, k in enumerate(order)}
    for k, later in enumerate(rotations):
        for j, earlier in enumerate(rotations[:k]):
            commute = "Y" not in (later.kind, earlier.kind) or not set(later.qubits) & set(earlier.qubits)
            assert commute or when[j] < when[k]


def test_phases_between_all_qubits_are_split_so_that_tables_stay_small():
    n = 16
    rotations = [Rotation("Y", (q,), 0.3) for q in range(n)]
    rotations += [Rotation("ZZ", (p, q), 0.1) for q in range(n) for p in range(q)]
    schedule = plan_schedule(rotations, n_qubits=n, n_local=10)
    for local, steps in read(schedule):
        place = {q: k for k, q in enumerate(local)}
        for kind, members in steps:
            if kind == "phases":
                pairs = [sorted(place.get(q, 100 + q) for q in member[:-1]) for member in members if len(member) == 3]
                assert len({high for low, high in pairs if low < 6 <= high}) <= MAX_CONDITIONS
                assert len({high for low, high in pairs if low >= 6 and high >= 100}) <= MAX_CONDITIONS


def test_what_no_result_depends_on_is_left_out():
    rotations = [
        Rotation("Y", (0,), 0.3),
        Rotation("Y", (1,), 0.3),
        Rotation("ZZ", (0, 1), 0.3),
        Rotation("Y", (0,), 0.3),
        Rotation("Z", (0,), 0.3),  # a phase before the measurement
        Rotation("Y", (2,), 0.3),  # a qubit that nobody looks at
    ]
    assert relevant_rotations(rotations, measured=[0], n_qubits=3) == [True, True, True, True, False, False]


def test_scales_undo_the_growth_of_long_circuits():
    rotations = [Rotation("Y", (q,), np.pi / 2) for _ in range(400) for q in range(5)]
    schedule = plan_schedule(rotations, n_qubits=5)
    grown = 2 ** (len(rotations) / 2) * np.prod(schedule.scales)
    assert 1 <= grown < 1e8


def test_an_empty_circuit_has_a_pass():
    schedule = plan_schedule([], n_qubits=3)
    assert (schedule.n_passes, schedule.n_words, schedule.n_qubits) == (1, 0, 5)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ([5, 0, 1, 2, 3, 4, 0, 0, 1, 0, 1, 4], "not well formed"),  # ends within a turn
        ([5, 0, 1, 2, 3, 9, 0, 0, 0], "not well formed"),  # no such qubit
        ([4, 0, 1, 2, 4, 0, 0, 0], "lowest qubits must be local"),
        ([4, 0, 1, 2, 3, 0, 1, 1, 0, 1, 4, 0], "no local qubit"),
        ([5, 0, 1, 2, 3, 4, 0, 1, 1, 0, 2, 1, 0, 1, 0], "turns a qubit twice"),
        ([5, 0, 1, 2, 3, 4, 0, 1, 1, 1, 1, 0, 0, 0], "lacks its scale"),
        ([5, 0, 1, 2, 3, 4, 7, 1, 0], "in order"),
        ([], "no pass"),
    ],
)
def test_the_kernels_refuse_a_plan_that_is_not_well_formed(code, sentence):
    with pytest.raises(ValueError, match=sentence):
        _native.make_trajectories(5, np.array(code, dtype=np.int32), np.zeros(64), np.zeros(0), False)
