from kakehashi.circuit.gates import GateCircuit
from kakehashi.device.compile.model import Candidate, Compiled


def test_what_was_chosen_speaks_for_the_circuit():
    tried = Candidate(
        name="tree", n_two_qubit_gates=3, two_qubit_depth=2, duration_ns=5.0, esp=0.9, log10_esp=-0.05, cpu_s=0.1
    )
    compiled = Compiled(
        circuit=GateCircuit(n_qubits=1),
        initial_layout=(0,),
        final_layout=(0,),
        chosen=tried,
        reason="It alone was tried.",
        candidates=(tried,),
    )
    assert (compiled.n_two_qubit_gates, compiled.two_qubit_depth, compiled.duration_ns, compiled.esp) == (
        3,
        2,
        5.0,
        0.9,
    )
    assert compiled.table().count("\n") == 1
