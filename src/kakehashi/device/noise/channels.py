r"""Errors as numbers: relaxation, its Pauli twirl, depolarizing errors, and what a gate does wrong beside relaxing.

Every channel here maps Pauli operators to Pauli operators times a factor, relaxation up to its pull to the ground
state. The factors of I, X, Y, Z under relaxation for a time :math:`t` are
:math:`1, e^{-t/T_2}, e^{-t/T_2}, e^{-t/T_1}`. The twirled channel has the same factors without the pull, and so the
same average fidelity :math:`F = (d F_{\mathrm{pro}} + 1)/(d + 1)`, where :math:`F_{\mathrm{pro}}` is the mean of the
factors (Nielsen, quant-ph/0205035).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.model import KrausChannel
from kakehashi.device.noise.options import Excess

__all__ = [
    "GateNoise",
    "depolarizing",
    "gate_noise",
    "pauli_matrices",
    "probabilities_of",
    "probability_of_decay",
    "relaxation_factors",
    "relaxation_kraus",
    "relaxation_twirl",
]

Floats: TypeAlias = NDArray[np.float64]

SIGNS = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=np.float64)
"""1 where two of I, X, Y, Z commute, -1 where they do not: the transform from factors to probabilities."""


def pauli_matrices(n_qubits: int) -> NDArray[np.complex128]:
    """All Pauli operators in the order of :class:`~kakehashi.device.noise.model.PauliChannel`.

    Returns:
        Shape ``(4**n, 2**n, 2**n)``; the first qubit is the lowest bit and the fastest digit.

    Example:
        >>> pauli_matrices(2)[3].diagonal().real  # Z on the first qubit
        array([ 1., -1.,  1., -1.])
    """
    single = np.stack([GATES[name].matrix() for name in ("id", "x", "y", "z")])
    made = np.ones((1, 1, 1), dtype=np.complex128)
    for _ in range(n_qubits):
        size = 2 * made.shape[1]
        # The qubit that comes last is the highest bit of the index and the slowest digit of the number.
        made = np.einsum("aij,bkl->abikjl", single, made).reshape(4 * len(made), size, size)
    return made


def probabilities_of(factors: Floats) -> Floats:
    """Probabilities of Pauli operators from the factors that they multiply Pauli operators by.

    Args:
        factors: Shape ``(..., 4**k)``.

    Example:
        >>> probabilities_of(np.array([1.0, 0.9, 0.9, 0.9]))
        array([0.925, 0.025, 0.025, 0.025])
    """
    size = factors.shape[-1]
    signs: Floats = np.ones((1, 1))
    while len(signs) < size:
        signs = np.kron(SIGNS, signs).astype(np.float64)
    found: Floats = np.clip(factors @ signs / size, 0.0, 1.0)
    return found


def _ratio(duration_ns: ArrayLike, lifetime_us: ArrayLike) -> Floats:
    """Duration over lifetime; 0 for no duration whatever the lifetime."""
    duration, lifetime = np.broadcast_arrays(np.asarray(duration_ns, np.float64), np.asarray(lifetime_us, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = duration / (1e3 * lifetime)
    found: Floats = np.where(duration <= 0, 0.0, ratio)
    return found


def relaxation_factors(t1_us: ArrayLike, t2_us: ArrayLike, duration_ns: ArrayLike) -> Floats:
    """Factors of I, X, Y, Z under relaxation, shape ``(..., 4)``.

    Args:
        t1_us: Relaxation time, microseconds.
        t2_us: Dephasing time, microseconds, at most ``2 * t1_us``.
        duration_ns: For how long, nanoseconds.

    Example:
        >>> relaxation_factors(100.0, 50.0, 1000.0).round(4)
        array([1.    , 0.9802, 0.9802, 0.99  ])
    """
    population = np.exp(-_ratio(duration_ns, t1_us))
    coherence = np.exp(-_ratio(duration_ns, t2_us))
    population, coherence = np.broadcast_arrays(population, coherence)
    return np.stack([np.ones_like(population), coherence, coherence, population], axis=-1)


def relaxation_kraus(t1_us: float, t2_us: float, duration_ns: float) -> NDArray[np.complex128]:
    r"""Kraus operators of decay to the ground state and pure dephasing, at zero temperature.

    With :math:`\gamma = 1 - e^{-t/T_1}` and :math:`c = e^{-t/T_2}` they are :math:`\mathrm{diag}(1, c)`,
    :math:`\mathrm{diag}(0, \sqrt{1 - \gamma - c^2})` and :math:`\sqrt\gamma\,|0\rangle\langle 1|`.

    Returns:
        Shape ``(3, 2, 2)``, complex128.

    Example:
        >>> kraus = relaxation_kraus(100.0, 50.0, 1000.0)
        >>> np.allclose(np.einsum("kij,kil->jl", kraus.conj(), kraus), np.eye(2))
        True
    """
    _, coherence, _, population = relaxation_factors(t1_us, t2_us, duration_ns)
    kraus = np.zeros((3, 2, 2), dtype=np.complex128)
    kraus[0] = np.diag([1.0, coherence])
    kraus[1, 1, 1] = np.sqrt(max(population - coherence**2, 0.0))
    kraus[2, 0, 1] = np.sqrt(1.0 - population)
    return kraus


def probability_of_decay(channel: KrausChannel) -> float:
    """Probability that a qubit in 1 is in 0 after a channel.

    Example:
        >>> made = KrausChannel(qubits=(0,), operators=relaxation_kraus(100.0, 50.0, 1000.0))
        >>> round(probability_of_decay(made), 6)  # 1 - exp(-0.01)
        0.00995
    """
    return float((np.abs(channel.operators[:, 0, 1]) ** 2).sum())


def relaxation_twirl(t1_us: ArrayLike, t2_us: ArrayLike, duration_ns: ArrayLike) -> Floats:
    r"""Relaxation averaged over Pauli operators.

    :math:`p_x = p_y = (1 - e^{-t/T_1})/4` and :math:`p_z = (1 - e^{-t/T_2})/2 - p_x` (arXiv:1210.5799).

    Returns:
        Probabilities of I, X, Y, Z, shape ``(..., 4)``.

    Example:
        >>> relaxation_twirl(100.0, 50.0, 1000.0).round(5)
        array([0.98761, 0.00249, 0.00249, 0.00741])
    """
    return probabilities_of(relaxation_factors(t1_us, t2_us, duration_ns))


def depolarizing(infidelity: ArrayLike, n_qubits: int) -> Floats:
    """The depolarizing channel of an average infidelity, as randomised benchmarking measures it.

    All operators but the identity are equally probable and their probabilities sum to ``(d + 1)/d`` times the
    infidelity: 3/2 on one qubit, 5/4 on two.

    Args:
        infidelity: Average infidelity ``r``; beyond full depolarization, ``(d - 1)/d``, it is taken for full.
        n_qubits: 1 or 2.

    Returns:
        Probabilities, shape ``(..., 4**n_qubits)``.

    Example:
        >>> depolarizing(0.002, 1)
        array([0.997, 0.001, 0.001, 0.001])
    """
    size = 2**n_qubits
    total = np.minimum(np.asarray(infidelity, np.float64) * (size + 1) / size, 1 - size**-2.0)
    return _spread(total, size**2)


def _spread(total: Floats, size: int) -> Floats:
    """Total error probability, evenly over all operators but the identity."""
    probabilities = np.repeat((total / (size - 1))[..., None], size, axis=-1)
    probabilities[..., 0] = 1 - total
    return probabilities


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateNoise:
    """What one gate does wrong on each place: first a turn, then Pauli operators by chance, then relaxation.

    Attributes:
        angle: Over-rotation in radians, shape ``(n_places,)``.
        relaxation_ns: For how long the qubits relax: the gate's duration, or less where that would exceed the error.
        depolarizing: What remains beside turn and relaxation, shape ``(n_places, 4**k)``.
        twirled: Relaxation, twirled, together with what remains, likewise.
        exceeds: Whether relaxation over the whole duration would exceed the calibrated error, shape ``(n_places,)``.
        full_infidelity: Average infidelity of relaxation over the whole duration, likewise.
    """

    angle: Floats
    relaxation_ns: Floats
    depolarizing: Floats
    twirled: Floats
    exceeds: NDArray[np.bool_]
    full_infidelity: Floats


def gate_noise(
    infidelity: Floats,
    t1_us: Floats,
    t2_us: Floats,
    duration_ns: Floats,
    *,
    generator: str = "ZZ",
    coherent_share: float = 0.0,
    signs: Floats | None = None,
    excess: Excess = "cap",
) -> GateNoise:
    """Split the average infidelity of a gate into a constant turn, relaxation and the rest.

    The three together have exactly the calibrated infidelity: relaxation over the gate's duration is part of it and is
    not counted twice. Where relaxation alone exceeds it, ``excess`` says what happens.

    Args:
        infidelity: Average infidelity, shape ``(n_places,)``.
        t1_us: Of each qubit of each place, shape ``(n_places, k)``, k = 1 or 2.
        t2_us: Likewise.
        duration_ns: Duration of the gate, shape ``(n_places,)``.
        generator: Two Pauli letters, first qubit first, about which a two-qubit gate turns too far.
        coherent_share: Share of the infidelity beside relaxation that is a turn.
        signs: Of the turn, shape ``(n_places,)``; all positive where not given.
        excess: See :class:`~kakehashi.device.noise.options.NoiseOptions`.

    Example:
        >>> made = gate_noise(np.array([2e-3]), np.array([[100.0]]), np.array([[80.0]]), np.array([30.0]))
        >>> float(1.5e-3 * 2 - made.twirled[0, 1:].sum()) < 1e-15  # 3/2 r in all
        True
    """
    k = t1_us.shape[1]
    size = 2**k
    target = 1 - np.asarray(infidelity, np.float64) * (size + 1) / size
    full = _joint_factors(t1_us, t2_us, duration_ns)
    exceeds = full.mean(axis=1) < target - 1e-15
    relaxation_ns = duration_ns.astype(np.float64)
    if excess == "cap" and exceeds.any():
        relaxation_ns[exceeds] = _shorten(t1_us[exceeds], t2_us[exceeds], relaxation_ns[exceeds], target[exceeds])
    factors = _joint_factors(t1_us, t2_us, relaxation_ns)
    left = np.maximum(factors.mean(axis=1) - target, 0.0)
    angle = np.zeros(len(left))
    turned = factors
    if coherent_share > 0 and k == 2:
        moved = _anticommuting(generator)
        cosine = np.maximum(1 - size**2 * coherent_share * left / factors[:, moved].sum(axis=1), -1.0)
        angle = np.arccos(cosine) * (1.0 if signs is None else signs)
        turned = np.where(moved, factors * cosine[:, None], factors)
    fidelity = turned.mean(axis=1)
    # A share `mixed` of full depolarization takes the process fidelity from `fidelity` to the target.
    floor = size**-2.0
    mixed = np.clip((fidelity - target) / np.maximum(fidelity - floor, 1e-300), 0.0, 1.0)
    shrink = np.where(np.arange(size**2) == 0, 1.0, (1 - mixed)[:, None])
    return GateNoise(
        angle=angle,
        relaxation_ns=relaxation_ns,
        depolarizing=_spread(mixed * (1 - floor), size**2),
        twirled=probabilities_of(factors * shrink),
        exceeds=exceeds,
        full_infidelity=(1 - full.mean(axis=1)) * size / (size + 1),
    )


def _joint_factors(t1_us: Floats, t2_us: Floats, duration_ns: Floats) -> Floats:
    """Factors of all qubits of a place together, shape ``(n_places, 4**k)``, the first qubit the fastest digit."""
    each = relaxation_factors(t1_us, t2_us, duration_ns[:, None])
    joint: Floats = each[:, 0]
    for qubit in range(1, each.shape[1]):
        joint = (each[:, qubit, :, None] * joint[:, None, :]).reshape(len(joint), -1)
    return joint


def _shorten(t1_us: Floats, t2_us: Floats, duration_ns: Floats, target: Floats) -> Floats:
    """The duration after which relaxation has the process fidelity ``target``, by bisection."""
    low, high = np.zeros_like(duration_ns), duration_ns.copy()
    for _ in range(60):
        middle = (low + high) / 2
        enough = _joint_factors(t1_us, t2_us, middle).mean(axis=1) < target
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    return low


def _anticommuting(generator: str) -> NDArray[np.bool_]:
    """Which two-qubit operators a product of two Pauli operators does not commute with, shape ``(16,)``."""
    first, second = ("IXYZ".index(letter) for letter in generator)
    signs: NDArray[np.bool_] = np.kron(SIGNS[second], SIGNS[first]) < 0
    return signs
