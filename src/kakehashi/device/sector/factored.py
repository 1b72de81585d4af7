"""Exact shots of a local circuit that is too wide for its state vector: alpha and beta as sums of products.

A layer of a local cluster Jastrow circuit couples alpha to beta by the phases of a few orbital pairs alone. For each
way ``P`` in which electrons can occupy the alpha orbitals of those pairs, the circuit does one thing to alpha and one
to beta, so that its state is a short sum of products::

    psi = sum_P A_P (x) B_P,     A_P = U Pi_P exp(i J_aa) V |HF_a>,     B_P = U exp(i J_bb + i phi_P) V |HF_b>,

where ``Pi_P`` keeps the determinants with the pattern ``P`` and ``phi_P`` are the phases that it gives to beta.
Of 26 orbitals with five electrons a spin, seven pairs (heavy-hex) leave 120 patterns: two matrices of 65,780 x 120
numbers in place of 4.3e9 amplitudes. Alpha strings are drawn from their own distribution, which the overlaps of the
``B_P`` give, and beta strings from what each alpha string leaves of them; nothing is approximated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import require_memory
from kakehashi.device.sector.strings import occupations, slater_amplitudes

__all__ = ["SpinFactors", "bytes_of", "count_patterns", "estimate_memory_bytes", "factor_state"]

Complex: TypeAlias = NDArray[np.complex128]
Integers: TypeAlias = NDArray[np.int64]

CONDITIONAL_BYTES = 1 << 28
"""Memory for the conditional distributions that are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpinFactors:
    """A state of two spins as a sum of products.

    Attributes:
        alpha: Amplitudes of the alpha strings, ascending, shape ``(n_alpha_strings, n_terms)``.
        beta: Likewise for beta.
    """

    alpha: Complex
    beta: Complex

    def alpha_probabilities(self) -> NDArray[np.float64]:
        """Probability of each alpha string, shape ``(n_alpha_strings,)``."""
        overlaps = self.beta.conj().T @ self.beta
        probabilities = np.einsum("xp,xp->x", self.alpha.conj(), self.alpha @ overlaps.T).real
        clipped: NDArray[np.float64] = np.maximum(probabilities, 0.0)
        return clipped

    def draw(
        self, n_shots: int, rng: np.random.Generator, *, reporter: Reporter | None = None
    ) -> tuple[Integers, Integers, Integers]:
        """Sample pairs of strings.

        Args:
            n_shots: Number of samples.
            rng: Source of random numbers.
            reporter: Told how far it is.

        Returns:
            Addresses of the alpha and of the beta strings of distinct pairs, and how often each pair was drawn.

        Example:
            >>> factors = SpinFactors(alpha=np.array([[1.0], [0]]) + 0j, beta=np.array([[0.0], [1]]) + 0j)
            >>> [array.tolist() for array in factors.draw(5, np.random.default_rng(1))]
            [[0], [1], [5]]
        """
        reporter = Reporter() if reporter is None else reporter
        cumulative = np.cumsum(self.alpha_probabilities())
        drawn = _invert(cumulative, np.sort(rng.random(n_shots)))
        rows, repeats = np.unique(drawn, return_counts=True)
        points = rng.random(n_shots)
        first = np.concatenate([[0], np.cumsum(repeats)])
        at_once = max(1, CONDITIONAL_BYTES // (24 * len(self.beta)))
        beta = np.empty(n_shots, dtype=np.int64)
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            amplitudes = self.alpha[part] @ self.beta.T
            weights = np.square(amplitudes.real) + np.square(amplitudes.imag)
            np.cumsum(weights, axis=1, out=weights)
            for k in range(len(part)):
                own = slice(first[start + k], first[start + k + 1])
                beta[own] = _invert(weights[k], np.sort(points[own]))
            reporter.step("sample", "drawing shots", step=int(first[start + len(part)]), total=n_shots)
        pairs = np.stack([np.repeat(rows, repeats), beta], axis=1)
        distinct, counts = np.unique(pairs, axis=0, return_counts=True)
        return distinct[:, 0], distinct[:, 1], counts.astype(np.int64)


def _invert(cumulative: NDArray[np.float64], points: NDArray[np.float64]) -> Integers:
    """Where ascending points in [0, 1) fall; rounding may not lead past the last string with any weight."""
    last = np.searchsorted(cumulative, cumulative[-1])
    found = np.searchsorted(cumulative, points * cumulative[-1], side="right")
    inside: Integers = np.minimum(found, last).astype(np.int64)
    return inside


def count_patterns(circuit: Circuit) -> int:
    """Number of products in the sum; 0 where the circuit is none of a single layer.

    Example:
        >>> count_patterns(Circuit(n_orb=4, n_elec=(2, 2)))
        0
    """
    operator = circuit.operator
    if operator is None or operator.n_reps != 1:
        return 0
    n_coupled, n_free = len(_coupled(circuit)), circuit.n_orb - len(_coupled(circuit))
    n_alpha = circuit.n_elec[0]
    return sum(math.comb(n_coupled, k) for k in range(n_coupled + 1) if 0 <= n_alpha - k <= n_free)


def estimate_memory_bytes(circuit: Circuit) -> int:
    """Peak memory of :func:`factor_state` and of drawing, in bytes."""
    return bytes_of(sum(math.comb(circuit.n_orb, n) for n in circuit.n_elec), max(count_patterns(circuit), 1))


def bytes_of(n_strings: int, n_patterns: int) -> int:
    """The same for so many strings of both spins together and so many products.

    Example:
        >>> bytes_of(2 * 65_780, 120) // 2**20
        1234
    """
    return 3 * 16 * n_strings * n_patterns + 2 * CONDITIONAL_BYTES


def factor_state(circuit: Circuit, *, reporter: Reporter | None = None) -> SpinFactors:
    """The state that a circuit of one layer prepares, as a sum of products.

    Args:
        circuit: A circuit with an operator of one layer.
        reporter: Told how far it is.

    Raises:
        InputError: The circuit has no layer or more than one.
        ResourceError: The factors do not fit into the free memory; said before any work.

    Example:
        >>> import ffsim
        >>> pairs = ([(0, 1), (1, 2)], [(0, 0)])
        >>> operator = ffsim.random.random_ucj_op_spin_balanced(3, n_reps=1, interaction_pairs=pairs, seed=1)
        >>> factor_state(Circuit(n_orb=3, n_elec=(2, 1), operator=operator)).alpha.shape
        (3, 2)
    """
    n_patterns = count_patterns(circuit)
    if not n_patterns:
        raise InputError("Only the state of a circuit with one layer is a sum over the occupations of its rungs.")
    require_memory(
        estimate_memory_bytes(circuit),
        f"The {n_patterns} products of which the state of {circuit.n_qubits} qubits consists",
        remedy="take fewer orbitals, a lattice with fewer rungs such as heavy-hex, or the device 'file' with shots of "
        "a quantum computer",
    )
    coupled, n_elec = _coupled(circuit), circuit.n_elec
    alpha_layer, beta_layer = _Layer.of(circuit, 0), _Layer.of(circuit, 1)
    patterns, which = np.unique(alpha_layer.strings[:, coupled], axis=0, return_inverse=True)
    which = which.ravel()
    opposite = np.asarray(_operator(circuit).diag_coulomb_mats[0][1])
    phases = np.exp(1j * beta_layer.strings @ (patterns @ opposite[coupled]).T)
    reporter = Reporter() if reporter is None else reporter
    alpha = np.empty((len(which), len(patterns)), dtype=np.complex128)
    beta = np.empty((len(phases), len(patterns)), dtype=np.complex128)
    for term in range(len(patterns)):
        alpha[:, term] = alpha_layer.finish(which == term, n_elec[0])
        beta[:, term] = beta_layer.finish(phases[:, term], n_elec[1])
        reporter.step("sample", f"simulating {circuit.n_qubits} qubits", step=term + 1, total=len(patterns))
    return SpinFactors(alpha=alpha, beta=beta)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layer:
    """What the layer does to one spin, beside the phases with the other.

    Attributes:
        strings: Occupations, shape ``(n_strings, n_orb)``.
        middle: The state before the last rotation, shape ``(n_strings,)``.
        rotation: The last rotation, that of the circuit's end included.
    """

    strings: NDArray[np.float64]
    middle: Complex
    rotation: Complex

    @classmethod
    def of(cls, circuit: Circuit, spin: int) -> _Layer:
        """Of alpha (0) or beta (1)."""
        operator = _operator(circuit)
        unbalanced = operator.orbital_rotations.ndim == 4
        rotation, final = operator.orbital_rotations[0], operator.final_orbital_rotation
        if unbalanced:
            rotation, final = rotation[spin], None if final is None else final[spin]
        same = operator.diag_coulomb_mats[0][2 * spin if unbalanced else 0]
        strings = occupations(circuit.n_orb, circuit.n_elec[spin])
        phases = np.exp(0.5j * np.einsum("xp,xp->x", strings @ same, strings))
        middle = phases * slater_amplitudes(rotation.T.conj(), circuit.n_elec[spin])
        return cls(strings=strings, middle=middle, rotation=rotation if final is None else final @ rotation)

    def finish(self, factors: NDArray[np.bool_] | Complex, n: int) -> Complex:
        """The end of the layer, after every string was multiplied by a factor."""
        import ffsim

        vector = np.asarray(factors * self.middle, dtype=np.complex128)
        turned: Complex = ffsim.apply_orbital_rotation(vector, self.rotation, norb=len(self.rotation), nelec=n)
        return turned


def _operator(circuit: Circuit) -> Any:
    return circuit.operator


def _coupled(circuit: Circuit) -> list[int]:
    """Alpha orbitals that have a phase with any beta orbital."""
    opposite = np.asarray(_operator(circuit).diag_coulomb_mats[0][1])
    return [int(p) for p in np.flatnonzero(np.abs(opposite).max(axis=1) > 0)]
