"""Sweeps draw shots from the exact distribution, of circuits of any width, with noise, compiled or not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.device.methods.graphs import heavy_hex

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.cone import LightConeMethod
from kakehashi.device.methods.front import FrontMethod
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout

METHOD = FrontMethod()
NAMES = ["h", "rx", "u", "cx", "rzz", "ecr", "swap", "crx"]


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def sample(circuit, n_shots, method=METHOD, seed=1):
    return method.sample(circuit, n_shots, rng=np.random.default_rng(seed), reporter=Reporter())


@pytest.mark.parametrize("seed", range(6))
def test_shots_have_the_exact_distribution(exact, seed):
    circuit = exact.random_circuit(np.random.default_rng(seed), 4, 18, names=NAMES, readout=True)
    assert isinstance(METHOD.consider_shots(circuit, 100), Cost)
    done = sample(circuit, 100_000)
    p = exact.distribution(circuit)
    # Expected of 100,000 shots on at most 16 values: 0.005.
    assert exact.distance(exact.histogram(done, 4), p) < 0.012
    assert done.error.startswith("exact")


def qaoa(compiled, noisy):
    """Two layers on heavy-hex 127, rotations about ZZ as they are or as a compiler writes them."""
    edges = heavy_hex(127)
    edges = edges[1] if isinstance(edges, tuple) else edges
    n, steps = 127, [gate("h", q) for q in range(127)]
    error = PauliChannel(qubits=(0, 1), probabilities=np.r_[0.97, np.full(15, 0.002)])
    for gamma, beta in ((0.5, 1.1), (0.8, 0.6)):
        for a, b in edges:
            angle = (gamma,)
            if compiled:
                steps += [gate("cx", a, b), gate("rz", b, parameters=angle), gate("cx", a, b)]
            else:
                steps.append(gate("rzz", a, b, parameters=angle))
            if noisy:
                steps.append(PauliChannel(qubits=(a, b), probabilities=error.probabilities))
        steps += [gate("rx", q, parameters=(beta,)) for q in range(n)]
    steps.append(gate("measure", *range(n), bits=tuple(range(n))))
    return NoisyCircuit(n_qubits=n, n_bits=n, steps=tuple(steps)), edges


@pytest.mark.parametrize(("compiled", "noisy"), [(False, False), (True, True)])
def test_correlations_of_127_qubits_are_those_of_their_light_cones(compiled, noisy):
    circuit, edges = qaoa(compiled, noisy)
    assert METHOD.consider_shots(circuit, 1).reason.startswith("of 127 qubits at most 12 ")
    n_shots = 4000
    bits = np.unpackbits(sample(circuit, n_shots).bits, axis=1, bitorder="little", count=127)
    z = 1.0 - 2.0 * bits
    for a, b in [edges[0], edges[71], edges[-1]]:
        a, b = sorted((a, b))
        exact = LightConeMethod().expect(circuit, Observable(paulis=((a, "Z"), (b, "Z"))), reporter=Reporter()).value
        assert (z[:, a] * z[:, b]).mean() == pytest.approx(exact, abs=5 / np.sqrt(n_shots))


def test_bits_readout_and_unmeasured_qubits():
    steps = (
        gate("x", 5),
        gate("cx", 5, 80),
        gate("rx", 7, parameters=(0.4,)),
        gate("measure", 80, 5, 6, bits=(2, 0, 1)),
    )
    readout = Readout(prob_meas1_prep0=np.array([0.0, 1.0, 0.0]), prob_meas0_prep1=np.array([1.0, 0.0, 0.0]))
    circuit = NoisyCircuit(n_qubits=90, n_bits=3, steps=steps, readout=readout)
    assert sample(circuit, 20).bits.ravel().tolist() == [0b110] * 20


def test_threads_and_precision(exact):
    circuit, _ = qaoa(compiled=False, noisy=True)
    one = sample(circuit, 200, FrontMethod(n_threads=1))
    assert (sample(circuit, 200, FrontMethod(n_threads=3)).bits == one.bits).all()
    single = FrontMethod(precision="single", n_threads=1)
    assert (sample(circuit, 200, single).bits == one.bits).mean() > 0.99
    assert single.consider_shots(circuit, 100).error_bound > 0


def test_refusals():
    n = 36
    steps = [gate("rx", q, parameters=(0.3,)) for q in range(n)] * 2
    pairs = [gate("rzz", a, b, parameters=(0.1,)) for a in range(n) for b in range(a)]
    measure = gate("measure", *range(n), bits=tuple(range(n)))
    wide = NoisyCircuit(n_qubits=n, n_bits=n, steps=(*steps[:n], *pairs, *steps[n:], measure))
    refusal = METHOD.consider_shots(wide, 10)
    assert isinstance(refusal, Refusal)
    assert "of 36 qubits are alive at once" in refusal.reason
    with pytest.raises(ResourceError, match="alive at once"):
        sample(wide, 10)
    small = FrontMethod(memory_bytes=10_000).consider_shots(qaoa(False, False)[0], 10)
    assert "more than 6 of 127 qubits are alive at once, which takes 16.0 KiB or more" in small.reason
    kraus = KrausChannel(qubits=(0,), operators=np.array([np.eye(2)], dtype=complex))
    for odd in (
        (gate("h", 0), kraus, gate("measure", 0, bits=(0,))),
        (gate("measure", 0, bits=(0,)), gate("h", 0), measure),
    ):
        assert isinstance(METHOD.consider_shots(NoisyCircuit(n_qubits=n, n_bits=n, steps=odd), 10), Refusal)
    assert isinstance(METHOD.consider_expectation(wide, Observable(paulis=((0, "Z"),))), Refusal)
    with pytest.raises(InputError):
        METHOD.expect(wide, Observable(paulis=((0, "Z"),)), reporter=Reporter())
    with pytest.raises(InputError):
        sample(qaoa(False, False)[0], 0)
