"""The names of an OpenQASM 3 program: qubits, bits and constants, and operands made of them."""

from __future__ import annotations

from collections.abc import Mapping

from kakehashi.circuit.qasm3_syntax import Cursor, Token, read_expression

__all__ = ["Registers"]

NONE: Mapping[str, float] = {}


class Registers:
    """What a program has declared so far.

    Args:
        cursor: Goes through the program.
        n_qubits: Number of qubits of the device; None where the program says it.

    Attributes:
        qubits: Numbers of the qubits by the name of their register.
        bits: The same for classical bits.
        constants: Values by name.
        reserved: Names of gates, which registers cannot have.
        n_declared: Number of declared qubits.
        n_physical: The highest physical qubit so far, plus 1.
        n_bits: Number of classical bits.

    Example:
        >>> registers = Registers(Cursor("q[2]; q c", path="a.qasm"))
        >>> registers.declare_qubits(registers.cursor.take(), registers.size())
        >>> registers.qubit_operand()
        range(0, 2)
    """

    def __init__(self, cursor: Cursor, *, n_qubits: int | None = None) -> None:
        self.cursor = cursor
        self.asked_qubits = n_qubits
        self.qubits: dict[str, range] = {}
        self.bits: dict[str, range] = {}
        self.constants: dict[str, float] = {}
        self.reserved: set[str] = set()
        self.n_declared = self.n_physical = self.n_bits = 0

    def declare_qubits(self, name: Token, size: int) -> None:
        """Give a register of qubits its numbers; the semicolon after it is taken."""
        self.require_new(name)
        if self.n_physical:
            self.cursor.fail("a program has either physical qubits such as $0 or declared ones, not both", name)
        self.qubits[name.text] = range(self.n_declared, self.n_declared + size)
        self.n_declared += size
        self.cursor.take(";")

    def declare_bits(self, name: Token, size: int) -> None:
        """Give a register of classical bits its numbers."""
        self.require_new(name)
        self.bits[name.text] = range(self.n_bits, self.n_bits + size)
        self.n_bits += size

    def size(self) -> int:
        """``[n]``, or 1 where there is none."""
        if not self.cursor.take_if("["):
            return 1
        token = self.cursor.peek
        size = self.whole()
        if size < 1:
            self.cursor.fail(f"a register must have at least 1 element, not {size}", token)
        self.cursor.take("]")
        return size

    def whole(self) -> int:
        """A whole number that is known now."""
        token = self.cursor.peek
        value = read_expression(self.cursor, self.constants)(NONE)
        if value != int(value):
            self.cursor.fail(f"expected a whole number, but found {value:g}", token)
        return int(value)

    def qubit_operand(self) -> range:
        """Numbers of the qubits of the operand that comes next."""
        token = self.cursor.take()
        if token.kind == "physical":
            qubit = int(token.text[1:])
            if self.n_declared:
                self.cursor.fail("a program has either physical qubits such as $0 or declared ones, not both", token)
            if self.asked_qubits is not None and qubit >= self.asked_qubits:
                self.cursor.fail(f"there is no qubit {token.text}: there are {self.asked_qubits}", token)
            self.n_physical = max(self.n_physical, qubit + 1)
            return range(qubit, qubit + 1)
        return self._indexed(token, self.qubits, "qubit")

    def qubit_list(self) -> list[int]:
        """Numbers of the qubits of operands with commas between them."""
        qubits = list(self.qubit_operand())
        while self.cursor.take_if(","):
            qubits += self.qubit_operand()
        return qubits

    def bit_operand(self) -> range:
        """Numbers of the classical bits of the operand that comes next."""
        return self._indexed(self.cursor.take(), self.bits, "bit")

    def _indexed(self, token: Token, known: Mapping[str, range], kind: str) -> range:
        if token.text not in known:
            self.cursor.fail(f"expected a {kind}, but found {self.cursor.describe(token)}", token)
        found = known[token.text]
        if not self.cursor.take_if("["):
            return found
        at = self.cursor.peek
        first = last = self.whole()
        if self.cursor.take_if(":"):
            last = self.whole()
        self.cursor.take("]")
        where = f"{first}" if first == last else f"{first}:{last}"
        first, last = (index + len(found) if index < 0 else index for index in (first, last))
        if not 0 <= first <= last < len(found):
            self.cursor.fail(f"index {where} is outside {token.text!r}, which has {len(found)} elements", at)
        return found[first : last + 1]

    def require_new(self, name: Token) -> None:
        """Refuse a name that is taken.

        Raises:
            FileFormatError: It is.
        """
        if name.text in self.reserved or name.text in {*self.qubits, *self.bits, *self.constants}:
            self.cursor.fail(f"the name {name.text!r} is already taken", name)
