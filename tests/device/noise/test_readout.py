"""Misreading by chance has the exact matrix's distribution, and the exact matrix its definition's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import NoisyCircuit, Readout
from kakehashi.device.noise.readout import CHUNK_ROWS, confuse, misread, readout_of


def make_readout(n_bits, *, line=None, crosstalk=0.0, seed=3):
    rng = np.random.default_rng(seed)
    return Readout(
        prob_meas1_prep0=rng.uniform(0.0, 0.1, n_bits),
        prob_meas0_prep1=rng.uniform(0.05, 0.3, n_bits),
        line=None if line is None else np.array(line),
        line_crosstalk=crosstalk,
    )


def confuse_slowly(probabilities, readout):
    """Every pair of what is true and what is read, bit by bit, as the definition says it."""
    n_bits = len(readout.prob_meas1_prep0)
    read = np.zeros_like(probabilities)
    for true in itertools.product((0, 1), repeat=n_bits):
        for seen in itertools.product((0, 1), repeat=n_bits):
            chance = 1.0
            for b in range(n_bits):
                flip = readout.prob_meas0_prep1[b] if true[b] else readout.prob_meas1_prep0[b]
                if readout.line is not None and readout.line[b] >= 0:
                    others = [c for c in range(n_bits) if c != b and readout.line[c] == readout.line[b]]
                    flip += readout.line_crosstalk * sum(true[c] for c in others)
                flip = min(flip, 1.0)
                chance *= flip if seen[b] != true[b] else 1 - flip
            source, target = (sum(bit << b for b, bit in enumerate(bits)) for bits in (true, seen))
            read[target] += chance * probabilities[source]
    return read


LINES = [(None, 0.0), ([0, 0, 1, -1, 0], 0.02), ([2, 1, 2, 1, -1], 0.5), ([-1, -1, -1, -1, -1], 0.1)]


@pytest.mark.parametrize(("line", "crosstalk"), LINES)
def test_the_exact_matrix_is_the_definition(line, crosstalk):
    readout = make_readout(5, line=line, crosstalk=crosstalk)
    true = np.random.default_rng(1).dirichlet(np.ones(32))
    assert confuse(true, readout) == pytest.approx(confuse_slowly(true, readout), abs=1e-15)


@pytest.mark.parametrize(("line", "crosstalk"), LINES)
def test_shots_are_misread_as_the_exact_matrix_says(line, crosstalk):
    readout = make_readout(5, line=line, crosstalk=crosstalk)
    n_shots = 200_000
    rng = np.random.default_rng(7)
    true = rng.dirichlet(np.ones(32))
    counts = rng.multinomial(n_shots, true)
    read = misread(np.arange(32, dtype=np.uint8)[:, None], readout, rng=rng, counts=counts)
    expected = n_shots * confuse(counts / n_shots, readout)
    found = np.bincount(read[:, 0], minlength=32)
    # A multinomial with known rows has a smaller variance than Poisson's, so this chi square is an upper bound.
    assert ((found - expected) ** 2 / expected).sum() < 60  # 31 degrees of freedom: 60 has a probability of 1e-3


@pytest.mark.parametrize("rate", [0.003, 0.05, 0.4])
def test_rare_and_frequent_flips_come_with_their_rates(rate):
    n_shots = 200_000
    readout = Readout(prob_meas1_prep0=np.full(9, rate), prob_meas0_prep1=np.full(9, rate / 3))
    bits = np.zeros((n_shots, 2), dtype=np.uint8)
    bits[:, 0] = 0b00001111
    read = np.unpackbits(misread(bits, readout, rng=1), axis=1, bitorder="little")[:, :9]
    error = 5 * np.sqrt(rate / n_shots)
    assert 1 - read[:, :4].mean(axis=0) == pytest.approx(np.full(4, rate / 3), abs=error)
    assert read[:, 4:].mean(axis=0) == pytest.approx(np.full(5, rate), abs=error)


def test_bits_that_nothing_is_measured_into_are_read_as_they_are():
    readout = make_readout(3, line=[4, 4, -1], crosstalk=0.5)
    measure = Operation(name="measure", qubits=(0, 1), bits=(0, 2))
    left = readout_of(NoisyCircuit(n_qubits=2, n_bits=3, steps=(measure,), readout=readout))
    ones = np.full((1000, 1), 0b101, dtype=np.uint8)
    assert not (misread(ones, left, rng=1) & 0b010).any()
    every = Operation(name="measure", qubits=(0, 1, 2), bits=(0, 1, 2))
    assert readout_of(NoisyCircuit(n_qubits=3, n_bits=3, steps=(every,), readout=readout)) is readout
    assert readout_of(NoisyCircuit(n_qubits=3, n_bits=3, steps=(every,))) is None


def test_wide_rows_and_more_than_a_chunk_of_them():
    n_rows = CHUNK_ROWS + 1000
    readout = make_readout(19)
    read = misread(np.zeros((n_rows, 3), dtype=np.uint8), readout, rng=1)
    ones = np.unpackbits(read, axis=1, bitorder="little", count=19).mean(axis=0)
    spread = np.sqrt(readout.prob_meas1_prep0 / n_rows)
    assert np.all(np.abs(ones - readout.prob_meas1_prep0) < 5 * spread)
    assert not (read[:, -1] >> 3).any()


def test_the_same_seed_reads_the_same():
    readout = make_readout(5)
    bits = np.zeros((500, 1), dtype=np.uint8)
    assert np.array_equal(misread(bits, readout, rng=4), misread(bits, readout, rng=4))
    assert not bits.any()  # what was true stays


def test_a_perfect_readout_changes_nothing():
    bits = np.array([[3], [1]], dtype=np.uint8)
    assert np.array_equal(misread(bits, None, counts=np.array([1, 2])), [[3], [1], [1]])
    assert np.array_equal(confuse(np.array([0.2, 0.8]), None), [0.2, 0.8])


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="2 bytes"):
        misread(np.zeros((3, 1), dtype=np.uint8), make_readout(9))
    with pytest.raises(InputError, match="2\\^5"):
        confuse(np.ones(8) / 8, make_readout(5))
    with pytest.raises(InputError, match="at most 26 bits"):
        confuse(np.ones(1), make_readout(27))
    with pytest.raises(InputError, match="13 bits of one line"):
        confuse(np.ones(2**13) / 2**13, make_readout(13, line=[0] * 13, crosstalk=0.01))
