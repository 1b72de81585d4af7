"""The native kernels against density matrices and their slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.device.sampler.cases import exact_density, noisy_steps, on_all, p_value, random_gates, seeds

from kakehashi import _native
from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel
from kakehashi.device.sampler import engine as engine_module
from kakehashi.device.sampler.engine import Engine, state_bytes
from kakehashi.device.sampler.measurements import compact
from kakehashi.device.sampler.trajectories import run_trajectories


def prepare(steps, n, **options):
    return Engine.prepare(steps, n_qubits=n, measured=range(n), **options)


def hadamards(n):
    return [Operation(name="h", qubits=(q,)) for q in range(n)]


def amplitudes_of(steps, n, **options):
    """Probabilities by the kernels, in the circuit's order; phases before the measurement are left out."""
    engine = prepare(steps, n, **options)
    size = 1 << engine.schedule.n_qubits
    real, imaginary = np.empty(size), np.empty(size)
    signs = np.zeros((1, engine.schedule.n_words), dtype=np.uint64)
    engine._kernels().fill_amplitudes(signs, real, imaginary, 1)
    found = real[: 1 << n] ** 2 + imaginary[: 1 << n] ** 2
    assert found.sum() == pytest.approx((real**2 + imaginary**2).sum(), rel=1e-6)
    index = np.arange(1 << n) ^ engine.circuit.flips
    moved = np.empty(1 << n)
    moved[sum(((index >> at) & 1) << q for q, at in enumerate(engine.circuit.position))] = found / found.sum()
    return moved


def exact_probabilities(gates, n):
    state = np.zeros(1 << n, dtype=complex)
    state[0] = 1
    for gate in gates:
        state = on_all(gate.unitary(), gate.qubits, n) @ state
    return np.abs(state) ** 2


@given(seed=seeds)
@settings(max_examples=60)
def test_probabilities_of_random_circuits(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    gates = random_gates(rng, n, int(rng.integers(0, 25)))
    found = amplitudes_of(gates, n, n_local=int(rng.integers(5, 8)))
    np.testing.assert_allclose(found, exact_probabilities(gates, n), atol=1e-12)


def rotated_by_axes(state, gates, n):
    """The state after gates, by tensor products: for more qubits than matrices on all of them allow."""
    for gate in gates:
        axes = [n - 1 - q for q in reversed(gate.qubits)]
        k = len(axes)
        product = np.tensordot(
            gate.unitary().reshape((2,) * (2 * k)), state.reshape((2,) * n), axes=(range(k, 2 * k), axes)
        )
        state = np.moveaxis(product, range(k), axes).reshape(-1)
    return state


@pytest.mark.parametrize(("precision", "tolerance"), [("double", 1e-13), ("single", 3e-6)])
@pytest.mark.parametrize("n_local", [5, 8, 11, 14])
def test_every_instruction_set_gives_the_state(kernels, precision, tolerance, n_local):
    rng = np.random.default_rng(11)
    n = 12
    gates = [*hadamards(n), *random_gates(rng, n, 150)]
    state = np.zeros(1 << n, dtype=complex)
    state[0] = 1
    wanted = np.abs(rotated_by_axes(state, gates, n)) ** 2
    found = amplitudes_of(gates, n, n_local=n_local, precision=precision)
    assert np.abs(found - wanted).sum() / 2 < tolerance  # total variation distance


def test_phases_between_all_qubits():
    n = 13
    gates = hadamards(n)
    gates += [Operation(name="cp", qubits=(p, q), parameters=(0.1 * p + q,)) for q in range(n) for p in range(q)]
    gates += hadamards(n)
    state = np.zeros(1 << n, dtype=complex)
    state[0] = 1
    wanted = np.abs(rotated_by_axes(state, gates, n)) ** 2
    for n_local in (8, 14):
        np.testing.assert_allclose(amplitudes_of(gates, n, n_local=n_local), wanted, atol=1e-14)


def test_a_long_circuit_in_single_precision_neither_overflows_nor_drifts():
    gates = [gate for _ in range(300) for gate in [*hadamards(5), Operation(name="t", qubits=(0,))]]
    np.testing.assert_allclose(amplitudes_of(gates, 5, precision="single"), exact_probabilities(gates, 5), atol=2e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("precision", ["double", "single"])
def test_the_distribution_is_that_of_the_density_matrix(seed, precision):
    rng = np.random.default_rng(100 + seed)
    n = int(rng.integers(2, 6))
    steps = [*hadamards(n), *noisy_steps(rng, n, 20)]
    engine = prepare(steps, n, precision=precision, n_local=5)
    found = engine.sample(20_000, rng)
    counts = np.bincount(found.astype(np.int64), minlength=1 << n)
    assert p_value(counts, np.diag(exact_density(steps, n)).real.clip(min=0)) > 1e-3


@pytest.mark.parametrize("name", ["x", "y", "z"])
@pytest.mark.parametrize("gate", sorted(GATES))
def test_every_operator_after_and_before_every_gate(gate, name):
    """A channel that always errs is a gate."""
    kind = GATES[gate]
    n = 2
    middle = Operation(name=gate, qubits=tuple(range(kind.n_qubits)), parameters=(0.7, 0.4, 1.1)[: kind.n_parameters])
    sure = PauliChannel(qubits=(0,), probabilities=np.array([0.0, name == "x", name == "y", name == "z"], dtype=float))
    around = [Operation(name="u", qubits=(q,), parameters=(0.4 + q, 0.9, 0.2)) for q in range(n)]
    for steps in ([*around, sure, middle, *around], [*around, middle, sure, *around]):
        engine = prepare(steps, n)
        trajectories = engine.draw_trajectories(1, np.random.default_rng(0))
        values = [engine.parities(mask, trajectories.signs, trajectories.flips)[0] for mask in range(1, 4)]
        as_gates = [Operation(name=name, qubits=(0,)) if step is sure else step for step in steps]
        wanted = exact_probabilities(as_gates, n)
        parity = [wanted @ (1 - 2 * (np.bitwise_count(np.arange(4) & mask) % 2.0)) for mask in range(1, 4)]
        np.testing.assert_allclose(values, parity, atol=1e-13)


def layers(n, depth, strength):
    rng = np.random.default_rng(5)
    for layer in range(depth):
        for q in range(n):
            yield Operation(name="u", qubits=(q,), parameters=tuple(rng.uniform(0, 6, 3)))
            yield PauliChannel(qubits=(q,), probabilities=np.array([1 - strength, *[strength / 3] * 3]))
        for q in range(layer % 2, n - 1, 2):
            yield Operation(name="cz", qubits=(q, q + 1))


@pytest.mark.parametrize("precision", ["double", "single"])
def test_neither_threads_nor_memory_nor_sharing_change_a_shot(precision, kernels, monkeypatch):
    n = 10
    steps = list(layers(n, 6, 0.02))

    def shots(**options):
        engine = prepare(steps, n, precision=precision, n_local=7, **options)
        return engine.sample(500, np.random.default_rng(9))

    first = shots()
    for n_states in (1, 2, 3):
        np.testing.assert_array_equal(shots(memory_bytes=n_states * state_bytes(n, precision)), first)
    for n_threads in (2, 3):
        np.testing.assert_array_equal(shots(n_threads=n_threads), first)
    monkeypatch.setattr(engine_module, "AMPLITUDES_AND_TURNS_PER_CALL", 0)  # many calls
    np.testing.assert_array_equal(shots(n_threads=2), first)
    monkeypatch.setattr(engine_module, "MAX_BRANCH_QUBITS", 0)  # threads share a state
    monkeypatch.setattr(engine_module, "N_LOCAL", {"double": 7, "single": 7})
    np.testing.assert_array_equal(shots(n_threads=3), first)


def test_grouped_shots_are_those_of_trajectories_one_by_one():
    n = 6
    steps = list(layers(n, 4, 0.05))
    engine = prepare(steps, n)
    rng = np.random.default_rng(2)
    grouped = np.bincount(engine.sample(6000, rng).astype(np.int64), minlength=1 << n)
    alone = np.bincount([int(engine.sample(1, rng)[0]) for _ in range(1500)], minlength=1 << n)
    measure = Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n)))
    circuit = compact(NoisyCircuit(n_qubits=n, n_bits=n, steps=(*steps, measure)))
    slow_bits = run_trajectories(circuit, 6000, rng)
    slow = np.bincount(slow_bits @ (1 << np.arange(n)), minlength=1 << n)
    for a, b in ((grouped, slow), (grouped, alone)):
        assert _same_distribution(a, b) > 1e-3


def _same_distribution(a, b):
    from scipy.stats import chi2_contingency

    frequent = (a + b) >= 10
    table = np.array([np.append(x[frequent], x[~frequent].sum()) for x in (a, b)])
    return chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue


def test_shots_are_drawn_in_batches_where_their_signs_would_take_too_much_memory(monkeypatch):
    n = 5
    steps = list(layers(n, 4, 0.05))
    monkeypatch.setattr(engine_module, "MAX_SIGN_BYTES", 1 << 14)
    found = prepare(steps, n).sample(20_000, np.random.default_rng(3))
    counts = np.bincount(found.astype(np.int64), minlength=1 << n)
    assert p_value(counts, np.diag(exact_density(steps, n)).real) > 1e-3


def test_qubits_that_are_not_measured_are_traced_out():
    rng = np.random.default_rng(21)
    n = 4
    steps = [*hadamards(n), *noisy_steps(rng, n, 20)]
    engine = Engine.prepare(steps, n_qubits=n, measured=[1])
    ones = int(((engine.sample(20_000, rng) >> np.uint64(1)) & np.uint64(1)).sum())
    exact = np.diag(exact_density(steps, n)).real @ ((np.arange(1 << n) >> 1) & 1)
    assert abs(ones / 20_000 - exact) < 4 * np.sqrt(exact * (1 - exact) / 20_000)


def test_no_gates_at_all():
    assert prepare([], 2).sample(3, np.random.default_rng(0)).tolist() == [0, 0, 0]


def test_bad_arguments():
    with pytest.raises(InputError, match="precision"):
        prepare([], 2, precision="half")
    with pytest.raises(InputError, match="n_threads"):
        prepare([], 2, n_threads=0)
    with pytest.raises(ResourceError, match=r"A state of 40 qubits in double precision needs about 16\.0 TiB"):
        prepare(hadamards(40), 40)


def test_the_kernels_refuse_arrays_that_do_not_fit():
    engine = prepare(hadamards(5), 5)
    kernels = engine._kernels()
    rows = np.array([[1], [0]], dtype=np.uint64)
    out = np.empty(1, dtype=np.int64)
    with pytest.raises(ValueError, match="ascend"):
        kernels.sample(rows, np.array([0, 1, 1]), np.zeros(1), out, 1, 1, 1)
    with pytest.raises(ValueError, match="width"):
        kernels.sample(np.zeros((1, 3), dtype=np.uint64), np.array([0, 1]), np.zeros(1), out, 1, 1, 1)
    with pytest.raises(ValueError, match="belong"):
        kernels.sample(rows[::-1].copy(), np.array([0, 1, 2]), np.zeros(1), out, 1, 1, 1)
    assert _native.kernel_name() in ("portable", "avx2", "avx512")
