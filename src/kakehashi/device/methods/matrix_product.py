"""A state of qubits on a line as a product of matrices: what the ``mps`` method computes with.

G. Vidal, Phys. Rev. Lett. 91, 147902 (2003), https://doi.org/10.1103/PhysRevLett.91.147902; sampling: A. J. Ferris and
G. Vidal, Phys. Rev. B 85, 165146 (2012), https://doi.org/10.1103/PhysRevB.85.165146.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MatrixProductState"]

Array: TypeAlias = NDArray[np.complex128]


class MatrixProductState:
    """One tensor ``(left bond, 2, right bond)`` a site; all but the one at the centre are isometries.

    Tensors are never changed in place, so that a copy costs next to nothing.

    Args:
        n_sites: Number of sites, all in 0.
        max_bond: Largest bond that is kept.
        cutoff: Weight (squared singular values) that may be left out at each cut.

    Example:
        >>> state = MatrixProductState(3)
        >>> state.apply(np.array([[1, 1], [1, -1]]) / np.sqrt(2), (0,))
        >>> state.apply(np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]), (0, 2))
        >>> state.largest_bond, np.unique(state.sample(100, np.random.default_rng(1)), axis=0).astype(int).tolist()
        (2, [[0, 0, 0], [1, 0, 1]])
    """

    def __init__(self, n_sites: int, *, max_bond: int = 64, cutoff: float = 1e-13) -> None:
        zero = np.zeros((1, 2, 1), dtype=np.complex128)
        zero[0, 0, 0] = 1.0
        self._tensors: list[Array] = [zero] * n_sites
        self._centre = 0
        self._max_bond = max_bond
        self._cutoff = cutoff
        self.fidelity = 1.0
        self.largest_bond = 1

    def copy(self) -> MatrixProductState:
        """The same state, to go another way from here."""
        other = MatrixProductState(0, max_bond=self._max_bond, cutoff=self._cutoff)
        other._tensors = list(self._tensors)
        other._centre = self._centre
        other.fidelity = self.fidelity
        other.largest_bond = self.largest_bond
        return other

    def _move(self, site: int) -> None:
        """Bring the centre to a site."""
        while self._centre < site:
            here = self._tensors[self._centre]
            left, _, right = here.shape
            q, r = np.linalg.qr(here.reshape(left * 2, right))
            self._tensors[self._centre] = q.reshape(left, 2, -1)
            self._centre += 1
            self._tensors[self._centre] = np.tensordot(r, self._tensors[self._centre], axes=1)
        while self._centre > site:
            here = self._tensors[self._centre]
            left, _, right = here.shape
            q, r = np.linalg.qr(here.reshape(left, 2 * right).T)
            self._tensors[self._centre] = q.T.reshape(-1, 2, right)
            self._centre -= 1
            self._tensors[self._centre] = np.tensordot(self._tensors[self._centre], r.T, axes=1)

    def _split(self, matrix: Array) -> tuple[Array, Array]:
        """``u, s v`` of a matrix, cut short where little is lost."""
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        weight = s**2
        total = float(weight.sum())
        tail = np.cumsum(weight[::-1])[::-1]
        keep = min(self._max_bond, max(1, int((tail > self._cutoff * total).sum())))
        kept = float(weight[:keep].sum())
        self.fidelity *= kept / total
        self.largest_bond = max(self.largest_bond, keep)
        scaled: Array = s[:keep, None] * v[:keep] * np.sqrt(total / kept)
        return u[:, :keep], scaled

    def apply(self, matrix: Array, sites: tuple[int, ...]) -> None:
        """Apply a gate on one or two sites; the first is the lowest bit of the matrix's index."""
        if len(sites) == 1:
            site = sites[0]
            self._tensors[site] = np.einsum("ij,ajb->aib", matrix, self._tensors[site])
            return
        gate = np.asarray(matrix, dtype=np.complex128).reshape(2, 2, 2, 2)  # out second, out first, in second, in first
        first, second = sites
        if first > second:
            first, second = second, first
            gate = gate.transpose(1, 0, 3, 2)
        if second == first + 1:
            self._apply_near(gate, first)
        else:
            self._apply_far(gate, first, second)

    def _apply_near(self, gate: Array, site: int) -> None:
        self._move(site if self._centre <= site else site + 1)
        a, b = self._tensors[site], self._tensors[site + 1]
        left, right = a.shape[0], b.shape[2]
        pair = np.tensordot(a, b, axes=1)
        pair = np.tensordot(pair, gate, axes=((1, 2), (3, 2))).transpose(
            0, 3, 2, 1
        )  # left, out first, out second, right
        u, v = self._split(pair.reshape(left * 2, 2 * right))
        self._tensors[site] = u.reshape(left, 2, -1)
        self._tensors[site + 1] = v.reshape(-1, 2, right)
        self._centre = site + 1

    def _apply_far(self, gate: Array, first: int, second: int) -> None:
        """The gate's two halves share a bond that is led through all sites between."""
        self._move(first)
        halves = gate.transpose(1, 3, 0, 2).reshape(4, 4)  # (out first, in first), (out second, in second)
        u, s, v = np.linalg.svd(halves)
        rank = int((s > 1e-14 * s[0]).sum())
        near = (u[:, :rank] * np.sqrt(s[:rank])).reshape(2, 2, rank)
        far = (np.sqrt(s[:rank])[:, None] * v[:rank]).reshape(rank, 2, 2)
        a = self._tensors[first]
        self._tensors[first] = np.einsum("oik,aib->aobk", near, a).reshape(a.shape[0], 2, -1)
        for site in range(first + 1, second):
            m = self._tensors[site]
            wide = np.einsum("aib,kl->akibl", m, np.eye(rank))
            self._tensors[site] = wide.reshape(m.shape[0] * rank, 2, m.shape[2] * rank)
        b = self._tensors[second]
        self._tensors[second] = np.einsum("koi,aib->akob", far, b).reshape(-1, 2, b.shape[2])
        self._move(second)
        for site in range(second, first, -1):
            here = self._tensors[site]
            left, _, right = here.shape
            u, v = self._split(here.reshape(left, 2 * right).T)
            self._tensors[site] = u.T.reshape(-1, 2, right)
            self._tensors[site - 1] = np.tensordot(self._tensors[site - 1], v.T, axes=1)
            self._centre = site - 1

    def choose(self, operators: Array, site: int, rng: np.random.Generator) -> None:
        """Apply one of a channel's Kraus operators, drawn with its probability."""
        self._move(site)
        here = self._tensors[site]
        images = np.einsum("kij,ajb->kaib", operators, here)
        weights = np.square(np.abs(images)).sum(axis=(1, 2, 3))
        drawn = int(rng.choice(len(weights), p=weights / weights.sum()))
        self._tensors[site] = images[drawn] / np.sqrt(weights[drawn])

    def sample(self, n_shots: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Measure all sites, shape ``(n_shots, n_sites)``; all shots advance together from site to site."""
        self._move(0)
        out = np.zeros((n_shots, len(self._tensors)), dtype=np.bool_)
        environment = np.ones((n_shots, 1), dtype=np.complex128)
        for site, tensor in enumerate(self._tensors):
            left, _, right = tensor.shape
            both = (environment @ tensor.reshape(left, 2 * right)).reshape(n_shots, 2, right)
            weight = np.square(both.real).sum(axis=2) + np.square(both.imag).sum(axis=2)
            one = rng.random(n_shots) * weight.sum(axis=1) >= weight[:, 0]
            out[:, site] = one
            picked = np.where(one[:, None], both[:, 1], both[:, 0])
            environment = picked / np.sqrt(np.where(one, weight[:, 1], weight[:, 0]))[:, None]
        return out

    def expect(self, letters: dict[int, Array]) -> float:
        """Expectation value of a product of one-site matrices."""
        bond = np.ones((1, 1), dtype=np.complex128)
        norm = np.ones((1, 1), dtype=np.complex128)
        for site, tensor in enumerate(self._tensors):
            image = np.einsum("ij,ajb->aib", letters[site], tensor) if site in letters else tensor
            bond = np.einsum("ab,aic,bid->cd", bond, tensor.conj(), image, optimize=True)
            norm = np.einsum("ab,aic,bid->cd", norm, tensor.conj(), tensor, optimize=True)
        return float((bond[0, 0] / norm[0, 0]).real)
