"""Statements of OpenQASM 3: what they mean, and what is said where they are wrong."""

import pytest

from kakehashi.circuit.qasm3_program import Program
from kakehashi.core.errors import FileFormatError

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def read(text, **options):
    return Program(HEAD + text, path="a.qasm", **options).read()


def steps(text, **options):
    return [(o.name, o.qubits, *o.parameters) for o in read(text, **options)]


def test_registers_are_broadcast():
    assert steps("qubit[3] q; qubit r; h q; cx q, r;") == [
        *(("h", (k,)) for k in range(3)),
        *(("cx", (k, 3)) for k in range(3)),
    ]
    assert steps("qubit[4] q; cz q[0:1], q[2:3]; x q[-1];") == [("cz", (0, 2)), ("cz", (1, 3)), ("x", (3,))]


def test_bits_are_numbered_in_the_order_of_their_declaration():
    circuit = read("qubit[2] q; bit a; bit[2] b = measure q; creg c[1]; a = measure q[0]; measure q[1] -> c[0];")
    assert circuit.measured == ((0, 1), (1, 2), (0, 0), (1, 3))
    assert circuit.metadata["bits"] == {"a": [0, 1], "b": [1, 2], "c": [3, 1]}


def test_physical_qubits_take_the_width_of_the_device():
    assert read("x $3;").n_qubits == 4
    assert read("x $3; barrier;", n_qubits=10).operations[1].qubits == tuple(range(10))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("c[1]", (1, 1)),
        ("!c[1]", (1, 0)),
        ("c[0] == 0", (0, 0)),
        ("c[0] == true", (0, 1)),
        ("c[0] != 1", (0, 0)),
        ("one == 1", (2, 1)),
    ],
)
def test_conditions(text, condition):
    circuit = read(f"qubit q; bit[2] c; bit one; if ({text}) {{ x q; reset q; }} if ({text}) y q; z q;")
    assert [o.condition for o in circuit] == [condition, condition, condition, None]


def test_else_has_the_opposite_condition():
    circuit = read("qubit q; bit c; if (c) { x q; y q; } else z q; h q;")
    assert [(o.name, o.condition) for o in circuit] == [("x", (0, 1)), ("y", (0, 1)), ("z", (0, 0)), ("h", None)]


def test_steps_of_the_clock_are_understood_where_the_clock_is_known():
    assert steps("delay[50dt] $0;", clock_ns=4.0) == [("delay", (0,), 200.0)]


def test_angles_of_a_defined_gate_go_by_position_and_not_by_name():
    assert steps("gate g(b, a) q { rx(b) q; rz(a) q; } qubit q; g(0.25, 0.5) q;") == [
        ("rx", (0,), 0.25),
        ("rz", (0,), 0.5),
    ]


def test_a_defined_gate_keeps_the_meaning_that_the_program_gives_it():
    assert steps("gate rzz(t) a, b { cx a, b; rz(t) b; cx a, b; } qubit[2] q; rzz(0.5) q[1], q[0];") == [
        ("rzz", (1, 0), 0.5)
    ]
    assert steps("gate rzz(t) a, b { rz(t) b; } qubit[2] q; rzz(0.5) q[1], q[0];") == [("rz", (0,), 0.5)]


def test_definitions_use_earlier_ones_and_unused_angles():
    text = (
        "gate one(t, u) a { rz(t) a; } gate two(t) a, b { one(2*t, 0) b; one(t, 0) a; } qubit[2] q; two(1) q[0], q[1];"
    )
    assert steps(text) == [("rz", (1,), 2.0), ("rz", (0,), 1.0)]


def test_delays_constants_comments_pragmas_and_annotations():
    text = """const float a = pi/2; const int n = 2; // qubits
    /* more
    lines */ qubit[n] q; pragma vendor anything { goes;
    @vendor here
    rx(a) q[0]; delay[1.5us] q; delay[20ns] q[1]; gphase(1);"""
    assert steps(text) == [
        ("rx", (0,), pytest.approx(1.5707963267948966)),
        ("delay", (0,), 1500.0),
        ("delay", (1,), 1500.0),
        ("delay", (1,), 20.0),
    ]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("qubit[2] q;\nx q[0]\ncx q[0], q[1];", 5, "Column 1: expected ';', but found 'cx'."),
        ("qubit[2] q;\nx q[7];", 4, "Column 5: index 7 is outside 'q', which has 2 elements."),
        ("qubit q;\n  foo q;", 4, "Column 3: 'foo' is no known gate."),
        ("qubit q; rx q;", 3, "'rx' takes 1 angles, not 0."),
        ("qubit q; rx(1/0) q;", 3, "Column 14: '/' gives no finite number."),
        ("qubit q; rx(b) q;", 3, "Column 13: the name 'b' has no value."),
        ("qubit[2] q; cx q[0];", 3, "'cx' acts on 2 qubits here, not on 1."),
        ("qubit[2] q; cx q[0], q[0];", 3, "'cx' acts twice on the same qubit."),
        ("qubit[2] q; bit c; c = measure q;", 3, "2 qubits cannot be measured into 1 bits."),
        ("qubit[2] q; qubit[3] r; cx q, r;", 3, "different lengths [2, 3]"),
        ("qubit q; bit c; if (c) { if (c) x q; }", 3, "an `if` within an `if` is not understood here."),
        ("qubit q; bit c; if (c) x q; else if (!c) y q;", 3, "an `if` within an `if` is not understood here."),
        ("qubit q; bit c; if (c) c = measure q; else y q;", 3, "Column 39: `else` is not understood where the first"),
        ("qubit q; else x q;", 3, "'else' is not understood here"),
        ("qubit q; bit[2] c; if (c == 1) x q;", 3, "a condition must be on one bit."),
        ("qubit q; for int i in [0:3] { x q; }", 3, "Column 10: 'for' is not understood here"),
        ("qubit q; input float theta;", 3, "'input' is not understood here"),
        ("qubit q; qubit q;", 3, "the name 'q' is already taken."),
        ("qubit q; x $0;", 3, "either physical qubits such as $0 or declared ones, not both."),
        ("x $5;", 3, "there is no qubit $5: there are 4."),
        ("qubit[9] q;", 1, "the program uses 9 qubits, but there are 4."),
        ("qubit q; delay[10dt] q;", 3, "a delay is given in ns, us, ms or s here, not in 'dt', since"),
        ("qubit q; measure q;", 3, "a measurement must be kept"),
        ("qubit[0] q;", 3, "a register must have at least 1 element, not 0."),
        ("qubit q; ctrl @ U(1, 2, 3) q, q;", 3, "differ in the phase of a controlled 'U'"),
        ("gate g a { x b; }", 3, "'b' is no qubit of this gate."),
        ("gate g a { x a;", 3, "but found the end of the file"),
        ('include "other.inc";', 3, 'only "stdgates.inc" can be included'),
        ("qubit q; x q; `", 3, "the character '`' has no meaning here."),
        ("[1]", 3, "expected a statement, but found '['."),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column(text, line, sentence):
    with pytest.raises(FileFormatError) as caught:
        read(text, n_qubits=4)
    assert caught.value.line == line
    assert f"a.qasm:{line}: Column " in str(caught.value)
    assert sentence in str(caught.value)


def test_other_versions_and_missing_includes_are_said():
    with pytest.raises(FileFormatError, match=r"OpenQASM 2\.0, but only version 3"):
        Program("OPENQASM 2.0;", path="a").read()
    with pytest.raises(FileFormatError, match=r"'x' is no known gate without include \"stdgates.inc\""):
        Program("qubit q; x q;", path="a").read()
