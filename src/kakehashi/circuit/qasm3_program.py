"""From an OpenQASM 3 program to a circuit of gates: one statement after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kakehashi.circuit.gates import NS_PER, GateCircuit, Operation
from kakehashi.circuit.qasm3_gates import (
    ALIASES,
    DEFINITIONS,
    PHASE_UNCLEAR,
    STANDARD,
    Call,
    Definition,
    expand,
    matches_known,
)
from kakehashi.circuit.qasm3_registers import Registers
from kakehashi.circuit.qasm3_syntax import Cursor, Expression, Token, read_expression
from kakehashi.circuit.unitaries import GATES

__all__ = ["Program"]

STATEMENTS = (
    *("include", "qubit", "qreg", "bit", "creg", "const", "gate"),
    *("reset", "barrier", "delay", "measure", "if"),
)
GLOBAL = STATEMENTS[:7]
MODIFIERS = ("inv", "pow", "ctrl", "negctrl")
NOT_UNDERSTOOD = (
    *("for", "while", "switch", "def", "defcal", "defcalgrammar", "cal", "extern", "input", "output", "let", "box"),
    *("break", "continue", "return", "end", "int", "uint", "float", "angle", "bool", "duration", "stretch", "complex"),
    *("array", "else"),
)
MAX_MATRIX_QUBITS = 8
"""Modified gates are computed as matrices."""

NONE: Mapping[str, float] = {}


class Program:
    """Reads a program into a circuit.

    Args:
        text: The program.
        path: The name that errors call it by.
        n_qubits: Number of qubits of the circuit; as many as the program declares, or as its highest physical qubit
            asks for, where not given.
        clock_ns: The device's step of time, which programs write as ``dt``.

    Example:
        >>> circuit = Program('include "stdgates.inc"; rz(pi/2) $3;', path="a.qasm").read()
        >>> circuit.n_qubits, circuit.operations[0].qubits
        (4, (3,))
    """

    def __init__(
        self, text: str, *, path: Path | str, n_qubits: int | None = None, clock_ns: float | None = None
    ) -> None:
        self.cursor = Cursor(text, path=path)
        self.units = NS_PER | {"µs": NS_PER["us"], "μs": NS_PER["us"]} | ({"dt": clock_ns} if clock_ns else {})
        self.asked_qubits = n_qubits
        self.registers = Registers(self.cursor, n_qubits=n_qubits)
        self.definitions: dict[str, Definition] = {}
        self.gates: dict[str, tuple[str, int, int]] = {"U": ("u", 3, 1), "gphase": ("gphase", 1, 0)}
        self.operations: list[Operation] = []
        self.condition: tuple[int, int] | None = None

    def read(self) -> GateCircuit:
        """The circuit.

        Raises:
            FileFormatError: The program is wrong, or uses what is not understood here; with line and column.
        """
        if self.cursor.take_if("OPENQASM"):
            version = self.cursor.take("number")
            if version.text.split(".")[0] != "3":
                self.cursor.fail(f"this is OpenQASM {version.text}, but only version 3 is read", version)
            self.cursor.take(";")
        while self.cursor.peek.kind != "end":
            self._statement()
        n_qubits = max(self.registers.n_declared, self.registers.n_physical)
        if self.asked_qubits is not None and n_qubits > self.asked_qubits:
            self.cursor.fail(f"the program uses {n_qubits} qubits, but there are {self.asked_qubits}", 0)
        return GateCircuit(
            n_qubits=self.asked_qubits if self.asked_qubits is not None else n_qubits,
            n_bits=self.registers.n_bits,
            operations=tuple(self.operations),
            metadata={"bits": {name: [bits.start, len(bits)] for name, bits in self.registers.bits.items()}},
        )

    # -- statements

    def _statement(self) -> None:
        token = self.cursor.peek
        if token.text in ("@", "#", "pragma"):
            self.cursor.skip_line()  # annotations and pragmas are for others
        elif token.kind not in ("name", "physical"):
            self.cursor.fail(f"expected a statement, but found {self.cursor.describe(token)}")
        elif token.text in NOT_UNDERSTOOD:
            self.cursor.fail(f"{token.text!r} is not understood here; gates, measurements and a plain `if` are")
        elif token.text in STATEMENTS:
            if self.condition is not None and token.text in GLOBAL:
                self.cursor.fail(f"{token.text!r} cannot stand within an `if`")
            self.cursor.take()
            getattr(self, f"_read_{token.text}")()
        elif token.text in self.registers.bits:
            self._assignment()
        else:
            self._gate_call()

    def _read_include(self) -> None:
        token = self.cursor.take("text")
        if token.text[1:-1] != "stdgates.inc":
            self.cursor.fail(f'only "stdgates.inc" can be included, not {token.text}', token)
        self.cursor.take(";")
        for name in STANDARD:
            known = ALIASES.get(name, name)
            if known in GATES:
                self.gates[name] = (known, GATES[known].n_parameters, GATES[known].n_qubits)
            else:
                self._prelude(name)
            self.registers.reserved.add(name)

    def _prelude(self, name: str) -> None:
        """A standard gate in terms of those that are known; its own names are not the program's."""
        inner = Program("", path="stdgates.inc")
        inner.gates = {known: (known, kind.n_parameters, kind.n_qubits) for known, kind in GATES.items()}
        inner.gates |= {"U": ("u", 3, 1)} | {n: (n, len(d.parameters), d.n_qubits) for n, d in self.definitions.items()}
        inner.definitions = self.definitions
        inner.cursor = Cursor(DEFINITIONS[name], path="stdgates.inc")
        inner._statement()
        self.gates[name] = inner.gates[name]

    def _read_qubit(self) -> None:
        size = self.registers.size()
        self.registers.declare_qubits(self.cursor.take("name"), size)

    def _read_qreg(self) -> None:
        name = self.cursor.take("name")
        self.registers.declare_qubits(name, self.registers.size())

    def _read_bit(self) -> None:
        size = self.registers.size()
        name = self.cursor.take("name")
        self.registers.declare_bits(name, size)
        if self.cursor.take_if("="):
            self.cursor.take("measure")
            self._connect(self.registers.qubit_operand(), self.registers.bits[name.text], name)
        self.cursor.take(";")

    def _read_creg(self) -> None:
        name = self.cursor.take("name")
        self.registers.declare_bits(name, self.registers.size())
        self.cursor.take(";")

    def _read_const(self) -> None:
        kind = self.cursor.take("name")
        if kind.text not in ("int", "uint", "float", "angle"):
            self.cursor.fail(f"constants of type {kind.text!r} are not understood here", kind)
        if self.cursor.peek.text == "[":
            self.registers.size()
        name = self.cursor.take("name")
        self.registers.require_new(name)
        self.cursor.take("=")
        self.registers.constants[name.text] = read_expression(self.cursor, self.registers.constants)(NONE)
        self.cursor.take(";")

    def _read_reset(self) -> None:
        for qubit in self.registers.qubit_operand():
            self._add("reset", (qubit,))
        self.cursor.take(";")

    def _read_barrier(self) -> None:
        every = self.cursor.peek.text == ";"
        n_qubits = self.registers.n_declared or self.asked_qubits or self.registers.n_physical
        qubits = list(range(n_qubits)) if every else self.registers.qubit_list()
        if qubits:
            self._add("barrier", tuple(qubits))
        self.cursor.take(";")

    def _read_delay(self) -> None:
        self.cursor.take("[")
        number, unit = self.cursor.take("number"), self.cursor.take("name")
        factor = self.units.get(unit.text)
        if factor is None:
            clock = ", since the length of a step is not given" if unit.text == "dt" else ""
            self.cursor.fail(f"a delay is given in ns, us, ms or s here, not in {unit.text!r}{clock}", unit)
        self.cursor.take("]")
        for qubit in self.registers.qubit_list():
            self._add("delay", (qubit,), parameters=(float(number.text.replace("_", "")) * factor,))
        self.cursor.take(";")

    def _read_measure(self) -> None:
        token = self.cursor.peek
        qubits = self.registers.qubit_operand()
        if not self.cursor.take_if("->"):
            self.cursor.fail("a measurement must be kept: write `c = measure q;`", token)
        self._connect(qubits, self.registers.bit_operand(), token)
        self.cursor.take(";")

    def _assignment(self) -> None:
        token = self.cursor.peek
        bits = self.registers.bit_operand()
        self.cursor.take("=")
        self.cursor.take("measure")
        self._connect(self.registers.qubit_operand(), bits, token)
        self.cursor.take(";")

    def _connect(self, qubits: range, bits: range, token: Token) -> None:
        if len(qubits) != len(bits):
            self.cursor.fail(f"{len(qubits)} qubits cannot be measured into {len(bits)} bits", token)
        for qubit, bit in zip(qubits, bits, strict=True):
            self._add("measure", (qubit,), bits=(bit,))

    def _read_if(self) -> None:
        if self.condition is not None:
            self.cursor.fail("an `if` within an `if` is not understood here")
        self.cursor.take("(")
        bit, value = self._read_condition()
        self.cursor.take(")")
        first = len(self.operations)
        self._body((bit, value))
        if self.cursor.peek.text != "else":
            return
        token = self.cursor.take()
        if any(bit in operation.bits for operation in self.operations[first:]):
            # The condition is asked once, before the first branch; here each operation asks it again.
            self.cursor.fail("`else` is not understood where the first branch writes the bit of the condition", token)
        self._body((bit, 1 - value))

    def _body(self, condition: tuple[int, int]) -> None:
        """A statement or a block, on a condition."""
        self.condition = condition
        if self.cursor.take_if("{"):
            while not self.cursor.take_if("}"):
                self._statement()
        else:
            self._statement()
        self.condition = None

    def _read_condition(self) -> tuple[int, int]:
        negated = self.cursor.take_if("!")
        token = self.cursor.peek
        bits = self.registers.bit_operand()
        if len(bits) != 1:
            self.cursor.fail("a condition must be on one bit", token)
        value = 1
        if not negated and self.cursor.peek.text in ("==", "!="):
            differs = self.cursor.take().text == "!="
            given = self.cursor.take()
            if given.text not in ("0", "1", "true", "false"):
                self.cursor.fail(f"a bit is 0, 1, true or false, not {given.text!r}", given)
            value = int(given.text in ("1", "true")) ^ differs
        return bits[0], 1 - value if negated else value

    def _add(
        self,
        name: str,
        qubits: tuple[int, ...],
        *,
        parameters: tuple[float, ...] = (),
        bits: tuple[int, ...] = (),
    ) -> None:
        self.operations.append(
            Operation(name=name, qubits=qubits, parameters=parameters, bits=bits, condition=self.condition)
        )

    # -- gates

    def _read_gate(self) -> None:
        name = self.cursor.take("name")
        self.registers.require_new(name)
        parameters = self._names_until_bracket()
        qubits = self._name_list()
        if len(set(qubits)) != len(qubits) or len(set(parameters)) != len(parameters):
            self.cursor.fail(f"a name stands twice in the head of the gate {name.text!r}", name)
        self.cursor.take("{")
        calls = []
        while not self.cursor.take_if("}"):
            calls.append(self._inner_call(parameters, qubits))
        made = Definition(name=name.text, parameters=parameters, n_qubits=len(qubits), calls=tuple(calls))
        self.gates[name.text] = (name.text, len(parameters), len(qubits))
        self.registers.reserved.add(name.text)
        if not matches_known(made, self.definitions):
            # A name of ours with another meaning keeps the program's meaning.
            internal = f"{name.text}*" if name.text in GATES else name.text
            self.definitions[internal] = made
            self.gates[name.text] = (internal, len(parameters), len(qubits))

    def _names_until_bracket(self) -> tuple[str, ...]:
        if not self.cursor.take_if("("):
            return ()
        names = () if self.cursor.peek.text == ")" else self._name_list()
        self.cursor.take(")")
        return names

    def _name_list(self) -> tuple[str, ...]:
        names = [self.cursor.take("name").text]
        while self.cursor.take_if(","):
            names.append(self.cursor.take("name").text)
        return tuple(names)

    def _inner_call(self, parameters: tuple[str, ...], qubits: tuple[str, ...]) -> Call:
        modifiers, token = self._modifiers()
        known, angles = self._head(token, modifiers, parameters)
        on = []
        if self.cursor.peek.text != ";":
            for name in self._operands():
                if name.text not in qubits:
                    self.cursor.fail(f"{name.text!r} is no qubit of this gate", name)
                on.append(qubits.index(name.text))
        self._require_width(token, modifiers, on)
        self.cursor.take(";")
        return Call(name=known, angles=angles, qubits=tuple(on), modifiers=modifiers)

    def _operands(self) -> list[Token]:
        names = [self.cursor.take("name")]
        while self.cursor.take_if(","):
            names.append(self.cursor.take("name"))
        return names

    def _gate_call(self) -> None:
        modifiers, token = self._modifiers()
        known, expressions = self._head(token, modifiers, ())
        angles = [expression(NONE) for expression in expressions]
        operands = [] if self.cursor.peek.text == ";" else [self.registers.qubit_operand()]
        while operands and self.cursor.take_if(","):
            operands.append(self.registers.qubit_operand())
        self.cursor.take(";")
        lengths = {len(operand) for operand in operands} - {1}
        if len(lengths) > 1:
            self.cursor.fail(f"registers of different lengths {sorted(lengths)} cannot be joined by a gate", token)
        for k in range(max(lengths, default=1)):
            qubits = [operand[k if len(operand) > 1 else 0] for operand in operands]
            self._require_width(token, modifiers, qubits)
            for operation in expand(known, angles, qubits, modifiers, self.definitions):
                if self.condition is None:
                    self.operations.append(operation)
                else:
                    self._add_conditional(operation)

    def _add_conditional(self, operation: Operation) -> None:
        self.operations.append(
            Operation(
                name=operation.name,
                qubits=operation.qubits,
                parameters=operation.parameters,
                matrix=operation.matrix,
                condition=self.condition,
            )
        )

    def _modifiers(self) -> tuple[tuple[tuple[str, float], ...], Token]:
        found: list[tuple[str, float]] = []
        while (token := self.cursor.take()).text in MODIFIERS:
            value = 1.0 if token.text != "inv" else 0.0
            if token.text != "inv" and self.cursor.take_if("("):
                value = read_expression(self.cursor, self.registers.constants)(NONE)
                self.cursor.take(")")
            if "ctrl" in token.text and (value < 1 or value != int(value)):
                self.cursor.fail(f"a number of controls must be whole and positive, not {value:g}", token)
            self.cursor.take("@")
            found.append((token.text, value))
        return tuple(found), token

    def _head(
        self, token: Token, modifiers: tuple[tuple[str, float], ...], free: tuple[str, ...]
    ) -> tuple[str, tuple[Expression, ...]]:
        """The gate's name here, and its angles."""
        if token.kind != "name":
            self.cursor.fail(f"expected a gate, but found {self.cursor.describe(token)}", token)
        if token.text not in self.gates:
            include = ' without include "stdgates.inc"' if token.text in STANDARD else ""
            self.cursor.fail(f"{token.text!r} is no known gate{include}", token)
        known, n_parameters, _ = self.gates[token.text]
        angles: list[Expression] = []
        if self.cursor.take_if("(") and not self.cursor.take_if(")"):
            angles.append(read_expression(self.cursor, self.registers.constants, free=free))
            while self.cursor.take_if(","):
                angles.append(read_expression(self.cursor, self.registers.constants, free=free))
            self.cursor.take(")")
        if len(angles) != n_parameters:
            self.cursor.fail(f"{token.text!r} takes {n_parameters} angles, not {len(angles)}", token)
        if token.text in PHASE_UNCLEAR and any("ctrl" in kind for kind, _ in modifiers):
            self.cursor.fail(
                f"versions of OpenQASM 3 differ in the phase of a controlled {token.text!r}; use `cu` instead", token
            )
        return known, tuple(angles)

    def _require_width(self, token: Token, modifiers: tuple[tuple[str, float], ...], qubits: list[int]) -> None:
        width = self.gates[token.text][2] + int(sum(value for kind, value in modifiers if "ctrl" in kind))
        if len(qubits) != width:
            self.cursor.fail(f"{token.text!r} acts on {width} qubits here, not on {len(qubits)}", token)
        if modifiers and width > MAX_MATRIX_QUBITS:
            self.cursor.fail(f"modifiers are understood on up to {MAX_MATRIX_QUBITS} qubits, not on {width}", token)
        if len(set(qubits)) != width:
            self.cursor.fail(f"{token.text!r} acts twice on the same qubit", token)
