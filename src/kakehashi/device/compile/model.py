"""What compiling gives: the circuit on physical qubits, and what else was tried."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.circuit.gates import GateCircuit

__all__ = ["Candidate", "Compiled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to compile a circuit.

    Attributes:
        name: The method.
        n_two_qubit_gates: Number of native gates on two qubits.
        two_qubit_depth: Longest chain of them.
        duration_ns: Length of the schedule with its readout.
        esp: Estimated success probability: the product of what all gates, readouts and idle times leave.
        log10_esp: Its decimal logarithm; the probability itself may be too small for a float.
        cpu_s: Processor time that it took, seconds.
    """

    name: str
    n_two_qubit_gates: int
    two_qubit_depth: int
    duration_ns: float
    esp: float
    log10_esp: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compiled:
    """A circuit in the native gates of a twin.

    Attributes:
        circuit: On physical qubits, as many as the twin has; classical bits are those of the given circuit.
        initial_layout: Physical qubit that each qubit of the given circuit starts on.
        final_layout: Physical qubit that it ends on.
        chosen: The candidate that was kept.
        reason: Why, as a sentence.
        candidates: All that were tried and scored, the best first.
        notes: Sentences about what was recognised, and what was skipped and why.
    """

    circuit: GateCircuit
    initial_layout: tuple[int, ...]
    final_layout: tuple[int, ...]
    chosen: Candidate
    reason: str
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()

    @property
    def n_two_qubit_gates(self) -> int:
        """Number of native gates on two qubits."""
        return self.chosen.n_two_qubit_gates

    @property
    def two_qubit_depth(self) -> int:
        """Longest chain of native gates on two qubits."""
        return self.chosen.two_qubit_depth

    @property
    def duration_ns(self) -> float:
        """Length of the schedule with its readout, nanoseconds."""
        return self.chosen.duration_ns

    @property
    def esp(self) -> float:
        """Estimated success probability."""
        return self.chosen.esp

    def table(self) -> str:
        """The candidates as a table of text, the best first.

        Example:
            >>> tried = Candidate(name="tree", n_two_qubit_gates=3, two_qubit_depth=2, duration_ns=500.0, esp=0.9,
            ...     log10_esp=-0.0458, cpu_s=0.01)
            >>> print(Compiled(circuit=GateCircuit(n_qubits=4), initial_layout=(0,), final_layout=(0,), chosen=tried,
            ...     reason="It alone was tried.", candidates=(tried,)).table())
            candidate                              2q gates  2q depth  duration/us  log10 ESP  CPU/s
            tree                                          3         2         0.50     -0.046   0.01
        """
        lines = [f"{'candidate':38s} {'2q gates':>8s}  {'2q depth':>8s}  duration/us  log10 ESP  CPU/s"]
        for tried in self.candidates:
            lines.append(
                f"{tried.name:38s} {tried.n_two_qubit_gates:8d}  {tried.two_qubit_depth:8d}  "
                f"{tried.duration_ns / 1e3:11.2f}  {tried.log10_esp:9.3f}  {tried.cpu_s:5.2f}"
            )
        return "\n".join(lines)
