"""A twin as a device: circuits are compiled to it, its errors are written in, and the method that suits draws shots.

Circuits of general gates go to the router (:mod:`kakehashi.device.methods.route`). Ansatz circuits that keep the number
of electrons and are too wide for it are sampled exactly in their sector, and the compiled circuit's errors are carried
to the end one electron at a time (:mod:`kakehashi.device.sector.transport`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, from_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.compile.compile import Effort, compile_circuit
from kakehashi.device.compile.model import Compiled
from kakehashi.device.methods.explain import to_json
from kakehashi.device.methods.model import Cost, Expectation, Observable, Plan
from kakehashi.device.methods.route import Limits, plan_shots, run_expectations, run_shots
from kakehashi.device.model import Shots
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.budget import error_budget, success_probability
from kakehashi.device.noise.fit import require_fit
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.readout import misread
from kakehashi.device.record import describe_run, require_shots
from kakehashi.device.sector.fitted import fit_rungs
from kakehashi.device.sector.gates import conserving_gates
from kakehashi.device.sector.places import place_channels
from kakehashi.device.sector.sample import SectorMethod, choose_method, sample_sector
from kakehashi.device.sector.transport import TYPICAL_SHARE, Transport, transport_errors
from kakehashi.device.twins.model import Twin

__all__ = ["Prepared", "TwinDevice"]

AnyCircuit: TypeAlias = Any
"""A :class:`~kakehashi.circuit.model.Circuit`, a :class:`~kakehashi.circuit.gates.GateCircuit` or qiskit's."""

FULL = NoiseOptions()

EXACT_NOISE_S = 30.0
"""Estimated time up to which an ansatz circuit is given to the router, whose noise is exact."""

ROWS_AT_ONCE = 200_000
"""Shots that are disturbed together."""

SECONDS_PER_AMPLITUDE = 4e-7
"""Of a noiseless simulation in the sector, measured on one core; for estimates alone."""

SECONDS_PER_ERROR = 2e-6
"""Of an error that is carried, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A circuit that is ready to run on a twin.

    Attributes:
        compiled: The circuit on physical qubits, or None where it was given so.
        noisy: With its errors.
        plan: How shots will be drawn.
        budget: Probability of at least one error in a shot, by source.
        success_probability: Of a shot without any error, readout included.
        machine_s: Time that the machine itself would take for the shots.
        ansatz: What of an ansatz circuit is run, where shots are drawn in its sector; None otherwise.
        transport: How its errors are carried.
        changes: What was changed about the circuit for the processor's sake, as sentences.
    """

    compiled: Compiled | None
    noisy: NoisyCircuit
    plan: Plan
    budget: dict[str, float]
    success_probability: float
    machine_s: float
    ansatz: Circuit | None = None
    transport: Transport | None = None
    changes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        made = self.compiled
        return {
            "compiled": None
            if made is None
            else {
                "method": made.chosen.name,
                "n_two_qubit_gates": made.n_two_qubit_gates,
                "two_qubit_depth": made.two_qubit_depth,
                "duration_us": 1e-3 * made.duration_ns,
                "layout": list(made.initial_layout),
                "used_qubits": list(made.circuit.used_qubits),
                "notes": list(made.notes),
            },
            "plan": to_json(self.plan),
            "error_budget": self.budget,
            "success_probability": self.success_probability,
            "machine_s": self.machine_s,
            "changes": list(self.changes),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwinDevice:
    """A processor's twin.

    Attributes:
        twin: The processor.
        noise: Which of its errors there are.
        effort: How hard circuits are compiled: ``"fast"``, ``"normal"`` or ``"thorough"``.
        seed: Of compilation.
        settings: How the twin was made, for provenance: seed, day, preset.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> from kakehashi.device.twins.library import load_twin
        >>> chain = [Operation(name="cx", qubits=(q, q + 1)) for q in range(4)]
        >>> measure = Operation(name="measure", qubits=tuple(range(5)), bits=tuple(range(5)))
        >>> ghz = GateCircuit(n_qubits=5, n_bits=5, operations=(Operation(name="h", qubits=(0,)), *chain, measure))
        >>> device = TwinDevice(load_twin("ibm-kobe"))
        >>> counts = device.run(ghz, 1000, rng=1).to_counts()
        >>> counts["00000"] + counts["11111"] > 700
        True
    """

    twin: Twin = field(kw_only=False)
    noise: NoiseOptions = FULL
    effort: Effort = "normal"
    seed: int = 0
    settings: dict[str, object] | None = None

    @property
    def name(self) -> str:
        """The twin's name."""
        return self.twin.name

    @property
    def reads_circuit(self) -> bool:
        """True."""
        return True

    def compile(self, circuit: AnyCircuit) -> Compiled:
        """The circuit in the twin's gates on its qubits."""
        return compile_circuit(circuit, self.twin, effort=self.effort, seed=self.seed)

    def prepare(self, circuit: AnyCircuit, n_shots: int) -> Prepared:
        """Compile a circuit, write its errors in, and say how it will be run.

        Args:
            circuit: A circuit with measurements, or an ansatz circuit, of which all qubits are measured. One that is as
                wide as the twin and in its gates already, such as qiskit's transpiler makes for
                :class:`~kakehashi.device.interfaces.backend.TwinBackend`, is run as it is.
            n_shots: Number of shots.

        Raises:
            InputError: The circuit does not fit the twin, or measures nothing.
        """
        require_shots(n_shots)
        if isinstance(circuit, Circuit):
            return self._prepare_ansatz(circuit, n_shots)
        made, native = None, self._as_native(circuit)
        if native is None:
            made = self.compile(circuit)
            native = made.circuit
        if not native.measured:
            raise InputError("The circuit measures nothing: add measurements, or ask for expectation values.")
        noisy = attach_noise(native, self.twin, options=self.noise)
        return self._prepared(made, noisy, plan_shots(noisy, n_shots), n_shots)

    def explain(self, circuit: AnyCircuit, n_shots: int = 100_000) -> Plan:
        """How shots would be drawn; nothing is simulated."""
        return self.prepare(circuit, n_shots).plan

    def run(self, circuit: AnyCircuit, n_shots: int, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Compile a circuit and draw shots.

        Args:
            circuit: As in :meth:`prepare`.
            n_shots: Number of shots.
            rng: Seed or generator; the same seed gives the same shots.
            progress: Receives events.

        Returns:
            Shots over the circuit's classical bits; of an ansatz circuit over its qubits. What was compiled, planned
            and approximated is in the provenance.

        Raises:
            InputError: The circuit does not fit the twin, or measures nothing.
            ResourceError: No method can draw shots; said before any long work.
        """
        reporter = Reporter(progress)
        reporter.step("sample", f"compiling for {self.name}")
        prepared = self.prepare(circuit, n_shots)
        shots = self._draw(prepared, n_shots, as_generator(rng), progress)
        about = circuit if isinstance(circuit, Circuit) else None
        described = describe_run(self.name, about, n_shots, rng, **(self.settings or {}))
        return replace(shots, provenance={**described, "twin": prepared.to_json()})

    def run_gates(self, circuit: GateCircuit, n_shots: int, *, rng: RngLike = None) -> Shots:
        """The same for a circuit that is compiled already, or is to be."""
        return self.run(circuit, n_shots, rng=rng)

    def expect(
        self, circuit: GateCircuit, observables: Sequence[Observable], *, progress: Progress = silent
    ) -> list[Expectation]:
        """Expectation values with the twin's errors, before readout.

        Args:
            circuit: In the twin's gates on its qubits.
            observables: On its qubits.
            progress: Receives events.

        Raises:
            InputError: The circuit is not the twin's, or an observable does not fit it.
            ResourceError: No method can; said before any long work.
        """
        require_fit(circuit, self.twin)
        noisy = attach_noise(circuit, self.twin, options=self.noise)
        return run_expectations(noisy, observables, progress=progress)[0]

    def _as_native(self, circuit: AnyCircuit) -> GateCircuit | None:
        """The circuit, if it is one on all physical qubits and in native gates already; None otherwise."""
        n_qubits = getattr(circuit, "n_qubits", getattr(circuit, "num_qubits", None))
        if n_qubits != self.twin.n_qubits:
            return None
        try:
            given = circuit if isinstance(circuit, GateCircuit) else from_qiskit(circuit, clock_ns=self.twin.clock_ns)
            require_fit(given, self.twin)
        except InputError:
            return None
        return given

    def _prepared(self, made: Compiled | None, noisy: NoisyCircuit, plan: Plan, n_shots: int, **rest: Any) -> Prepared:
        return Prepared(
            compiled=made,
            noisy=noisy,
            plan=plan,
            budget=error_budget(noisy),
            success_probability=success_probability(noisy),
            machine_s=n_shots * self.twin.shot_s(noisy.duration_ns),
            **rest,
        )

    def _prepare_ansatz(self, circuit: Circuit, n_shots: int) -> Prepared:
        fitted, changes = fit_rungs(circuit, self.twin)
        made = self.compile(fitted)
        noisy = attach_noise(made.circuit, self.twin, options=self.noise)
        # Without errors the sector is exact, and smaller than any state vector of all qubits.
        plan = Plan(method=None, cost=None)
        if any(isinstance(step, PauliChannel | KrausChannel) for step in noisy.steps):
            plan = plan_shots(noisy, n_shots, limits=Limits(max_wall_s=EXACT_NOISE_S))
        if plan.method is not None and plan.cost is not None and plan.cost.error_bound is not None:
            return self._prepared(made, noisy, plan, n_shots, changes=changes)
        gates = conserving_gates(fitted)
        transport = transport_errors(gates, place_channels(gates, noisy, made.initial_layout))
        plan = _transport_plan(fitted, transport, noisy, n_shots, plan)
        return self._prepared(made, noisy, plan, n_shots, ansatz=fitted, transport=transport, changes=changes)

    def _draw(self, prepared: Prepared, n_shots: int, rng: np.random.Generator, progress: Progress) -> Shots:
        noisy = prepared.noisy
        if prepared.ansatz is None or prepared.transport is None:
            limits = Limits() if prepared.changes == () else Limits(max_wall_s=None)
            drawn, _ = run_shots(noisy, n_shots, limits=limits, rng=rng, progress=progress)
            return Shots.from_packed(drawn.bits, n_qubits=noisy.n_bits, counts=drawn.counts)
        reporter = Reporter(progress)
        ideal = sample_sector(prepared.ansatz, n_shots, rng=rng, reporter=reporter)
        rows = np.repeat(np.arange(len(ideal.counts)), ideal.counts)
        packed: list[NDArray[np.uint8]] = []
        for start in range(0, n_shots, ROWS_AT_ONCE):
            bits = ideal.bits[rows[start : start + ROWS_AT_ONCE]].copy()
            prepared.transport.disturb(bits, rng)
            packed.append(misread(np.packbits(bits, axis=1, bitorder="little"), noisy.readout, rng=rng))
            reporter.step("sample", "carrying errors to the end", step=start + len(bits), total=n_shots)
        return Shots.from_packed(np.concatenate(packed), n_qubits=prepared.ansatz.n_qubits)


WAYS: dict[SectorMethod, str] = {
    "determinant": "one determinant",
    "state-vector": "its state vector in the electron sector",
    "spin-factored": "its state as a sum of products of alpha and beta",
}


def _transport_plan(circuit: Circuit, transport: Transport, noisy: NoisyCircuit, n_shots: int, refused: Plan) -> Plan:
    """What carrying errors through an ansatz circuit takes, and how far off it is."""
    method = choose_method(circuit)
    n_errors = -n_shots * float(np.log(max(transport.error_free_probability, 1e-300)))
    share = 1 - transport.error_free_probability
    bound = TYPICAL_SHARE * share
    cost = Cost(
        time_s=SECONDS_PER_AMPLITUDE * _n_amplitudes(circuit) + SECONDS_PER_ERROR * n_errors,
        memory_bytes=16 * _n_amplitudes(circuit) + 2 * n_shots * circuit.n_qubits,
        error="exact"
        if not n_errors
        else (
            f"total variation distance of about {bound:.2g}: {100 * TYPICAL_SHARE:.0f} % of what the errors in "
            f"{100 * share:.3g} % of the shots do, measured at 6 to 10 qubits (verification/transport.py)"
        ),
        error_bound=bound,
        reason=(
            f"shots without errors come from {WAYS[method]}"
            + (", and errors are carried to the end one electron at a time" if n_errors else "")
        ),
    )
    return Plan(
        method=f"{method} + transport" if n_errors else method,
        cost=cost,
        refused=refused.refused,
        slower=refused.slower,
        approximations=(
            *noisy.approximations,
            *(("Errors between the native gates of one gate of the ansatz act after it.",) if n_errors else ()),
        ),
    )


def _n_amplitudes(circuit: Circuit) -> int:
    sizes = [math.comb(circuit.n_orb, n) for n in circuit.n_elec]
    if choose_method(circuit) == "state-vector":
        return sizes[0] * sizes[1]
    return sum(sizes) * 128
