"""A small twin that no machine stands behind, for examples and tests."""

from __future__ import annotations

import numpy as np

from kakehashi.device.twins.model import Calibration, Source, Twin

__all__ = ["line_twin"]


def line_twin(n_qubits: int, *, zz_khz: float | None = None, line_crosstalk: float = 0.0) -> Twin:
    """Qubits in a line, joined by ``cz``, with the medians of a 156-qubit Heron r2 on every one of them.

    The numbers are medians of the calibration of ibm_fez that qiskit-ibm-runtime 0.51.0 ships: T1 145 us, T2 88 us,
    errors of 2.3e-4 for ``sx`` and ``x`` in 24 ns and 3.9e-3 for ``cz`` in 84 ns.

    Args:
        n_qubits: Number of qubits.
        zz_khz: ZZ coupling of neighbours, or None where it is not known.
        line_crosstalk: As in :class:`~kakehashi.device.twins.model.Calibration`; four neighbours share a readout line.

    Example:
        >>> line_twin(3).edges.tolist()
        [[0, 1], [1, 2]]
    """
    n_edges = max(n_qubits - 1, 0)
    calibration = Calibration(
        taken_utc="2025-02-01",
        t1_us=np.full(n_qubits, 145.0),
        t2_us=np.full(n_qubits, 88.0),
        prob_meas1_prep0=np.full(n_qubits, 0.005),
        prob_meas0_prep1=np.full(n_qubits, 0.010),
        readout_ns=np.full(n_qubits, 1560.0),
        gate_error={
            "sx": np.full(n_qubits, 2.3e-4),
            "x": np.full(n_qubits, 2.3e-4),
            "rz": np.zeros(n_qubits),
            "cz": np.full(n_edges, 3.9e-3),
        },
        gate_ns={
            "sx": np.full(n_qubits, 24.0),
            "x": np.full(n_qubits, 24.0),
            "rz": np.zeros(n_qubits),
            "cz": np.full(n_edges, 84.0),
        },
        zz_khz=None if zz_khz is None else np.full(n_edges, zz_khz),
        line_crosstalk=line_crosstalk,
        leakage={"cz": 1e-4},
    )
    return Twin(
        name=f"line-{n_qubits}",
        title=f"{n_qubits} qubits in a line",
        lattice="line",
        n_qubits=n_qubits,
        positions=np.stack([np.arange(n_qubits, dtype=np.float64), np.zeros(n_qubits)], axis=1),
        edges=np.stack([np.arange(n_edges), np.arange(1, n_edges + 1)], axis=1).astype(np.int64),
        directed=False,
        two_qubit_gate="cz",
        one_qubit_gates=("sx", "x", "rz"),
        present=np.ones(n_qubits, dtype=np.bool_),
        calibration=calibration,
        readout_line=np.arange(n_qubits, dtype=np.int64) // 4,
        clock_ns=4.0,
        sources={"calibration": Source(grade="assumed", text="medians of ibm_fez on every qubit")},
    )
