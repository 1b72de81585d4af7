"""The errors that follow each gate of a twin, computed once for all its places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.rng import named_stream
from kakehashi.device.noise.channels import GateNoise, depolarizing, gate_noise, relaxation_kraus
from kakehashi.device.noise.fit import number_edges
from kakehashi.device.noise.model import KrausChannel, PauliChannel, Step
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.twins.model import Calibration, Twin

__all__ = ["GateErrors"]

Floats: TypeAlias = NDArray[np.float64]
Part: TypeAlias = tuple[Step, str]

OVER_ROTATIONS = {"cx": ("rzx", "ZX"), "ecr": ("rzx", "ZX"), "rzx": ("rzx", "ZX"), "rxx": ("rxx", "XX")}
"""Which turn a two-qubit gate makes too far, and its generator; ``rzz`` where the gate is not named here."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateErrors:
    """What follows each gate on each place.

    Attributes:
        noise: By gate name, for all qubits or all edges.
        twin: The twin.
        calibration: Its calibration without not-a-numbers.
        options: Which errors, and in which form.
    """

    noise: dict[str, GateNoise]
    twin: Twin
    calibration: Calibration
    options: NoiseOptions
    _edges: dict[tuple[int, int], int]
    _known: dict[tuple[str, tuple[int, ...]], tuple[Part, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, twin: Twin, calibration: Calibration, options: NoiseOptions) -> GateErrors:
        """Split the calibrated error of every gate on every place.

        Example:
            >>> from kakehashi.device.noise.example import line_twin
            >>> twin = line_twin(2)
            >>> errors = GateErrors.of(twin, twin.calibration, NoiseOptions())
            >>> (channel, _), = errors.after(Operation(name="cz", qubits=(1, 0)))
            >>> round(channel.error_probability / 3.9e-3, 6)
            1.25
        """
        noise = {}
        for gate, infidelity in calibration.gate_error.items():
            duration = calibration.gate_ns.get(gate, np.zeros_like(infidelity))
            if not infidelity.any() and not duration.any():
                continue
            places = twin.edges if gate == twin.two_qubit_gate else np.arange(twin.n_qubits)[:, None]
            if len(places) == 0:
                continue
            signs = named_stream(options.seed, "over-rotation", gate).choice([-1.0, 1.0], len(places))
            noise[gate] = gate_noise(
                infidelity,
                calibration.t1_us[places],
                calibration.t2_us[places],
                duration,
                generator=OVER_ROTATIONS.get(gate, ("rzz", "ZZ"))[1],
                coherent_share=options.coherent_share,
                signs=signs,
                excess=options.excess,
            )
        return cls(noise=noise, twin=twin, calibration=calibration, options=options, _edges=number_edges(twin))

    def place(self, operation: Operation) -> int:
        """Number of the qubit or edge that a gate acts on."""
        if operation.name == self.twin.two_qubit_gate:
            a, b = operation.qubits
            return self._edges[a, b]
        return operation.qubits[0]

    def after(self, operation: Operation) -> tuple[Part, ...]:
        """The errors that follow an operation; the same objects for the same gate on the same qubits."""
        key = (operation.name, operation.qubits)
        if key not in self._known:
            self._known[key] = self._make(operation)
        return self._known[key]

    def _make(self, operation: Operation) -> tuple[Part, ...]:
        if operation.name == "reset":
            return tuple((self._reset(q), "") for q in operation.qubits)
        if operation.name not in self.noise:
            return ()
        noise, place = self.noise[operation.name], self.place(operation)
        two = operation.name == self.twin.two_qubit_gate
        on = tuple(int(q) for q in self.twin.edges[place]) if two else operation.qubits
        origin = "two-qubit gates" if two else "one-qubit gates"
        parts: list[Part] = []
        angle = float(noise.angle[place])
        if angle:
            turn = OVER_ROTATIONS.get(operation.name, ("rzz", "ZZ"))[0]
            parts.append((Operation(name=turn, qubits=operation.qubits, parameters=(angle,)), origin))
        if self.options.twirl:
            parts.append((PauliChannel(qubits=on, probabilities=noise.twirled[place], origin=origin), ""))
        else:
            if noise.depolarizing[place, 0] < 1:
                parts.append((PauliChannel(qubits=on, probabilities=noise.depolarizing[place], origin=origin), ""))
            length = float(noise.relaxation_ns[place])
            if length > 0:
                for q in on:
                    given = self.calibration
                    kraus = relaxation_kraus(float(given.t1_us[q]), float(given.t2_us[q]), length)
                    parts.append((KrausChannel(qubits=(q,), operators=kraus, origin=origin), ""))
        if self.options.leakage and operation.name in self.calibration.leakage:
            # Full depolarization with the probability of leaving: 3/4 of it are errors, 1/2 is average infidelity.
            lost = depolarizing(self.calibration.leakage[operation.name] / 2, 1)
            parts += [(PauliChannel(qubits=(q,), probabilities=lost, origin="leakage"), "") for q in on]
        return tuple(parts)

    def _reset(self, q: int) -> PauliChannel:
        given = self.calibration
        wrong = float(given.prob_meas1_prep0[q] + given.prob_meas0_prep1[q]) / 2
        return PauliChannel(qubits=(q,), probabilities=np.array([1 - wrong, wrong, 0.0, 0.0]), origin="reset")
