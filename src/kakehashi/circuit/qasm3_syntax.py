"""OpenQASM 3 in words: tokens that know where they stand, a cursor over them, and arithmetic."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeAlias

from kakehashi.core.errors import FileFormatError

__all__ = ["Cursor", "Expression", "Token", "read_expression"]

Expression: TypeAlias = Callable[[Mapping[str, float]], float]
"""An angle that may depend on the parameters of a gate's definition."""

TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<physical>\$\d+)
    |(?P<text>"[^"\n]*"|'[^'\n]*')
    |(?P<symbol>->|==|!=|&&|\|\||\*\*|<=|>=|[-+*/%()\[\]{},;:=@!<>#.&|^~?])
    """,
    re.VERBOSE | re.DOTALL,
)

CONSTANTS = {"pi": math.pi, "π": math.pi, "tau": math.tau, "τ": math.tau, "euler": math.e, "ℇ": math.e}
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "ceiling": math.ceil,
}
END = "the end of the file"
MAX_DEPTH = 100
"""Parentheses and signs within each other: far more than anybody writes, far fewer than Python's own limit."""


class Token(NamedTuple):
    """A word of the program: what kind, its text, and the offset at which it begins."""

    kind: str
    text: str
    at: int


class Cursor:
    """Goes through the tokens of a program, and says where what is wrong.

    Args:
        text: The program.
        path: The name that errors call it by.

    Raises:
        FileFormatError: It holds a character that OpenQASM 3 does not know.

    Example:
        >>> cursor = Cursor("x q[0];", path="a.qasm")
        >>> cursor.take().text, cursor.take("name").text, cursor.take_if("(")
        ('x', 'q', False)
        >>> cursor.take(";")
        Traceback (most recent call last):
        kakehashi.core.errors.FileFormatError: a.qasm:1: Column 4: expected ';', but found '['.
    """

    def __init__(self, text: str, *, path: Path | str) -> None:
        self.path = path
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._tokens = list(self._split(text))
        self._next = 0

    def _split(self, text: str) -> Iterator[Token]:
        at = 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                self.fail(f"the character {text[at]!r} has no meaning here", at)
            kind = str(match.lastgroup)
            if kind != "skip":
                yield Token(kind, match.group(), at)
            at = match.end()
        yield Token("end", END, len(text))

    def fail(self, problem: str, at: int | Token | None = None) -> NoReturn:
        """Raise the error, with line and column.

        Args:
            problem: What is wrong, without a full stop.
            at: Offset or token; the next token where not given.

        Raises:
            FileFormatError: Always.
        """
        token = self.peek if at is None else at
        offset = token.at if isinstance(token, Token) else token
        line = bisect.bisect_right(self._line_starts, offset)
        column = offset - self._line_starts[line - 1] + 1
        raise FileFormatError(self.path, f"Column {column}: {problem}.", line=line)

    def line_of(self, token: Token) -> int:
        """The token's 1-based line."""
        return bisect.bisect_right(self._line_starts, token.at)

    @property
    def peek(self) -> Token:
        """The next token, which stays."""
        return self._tokens[self._next]

    def take(self, wanted: str | None = None) -> Token:
        """The next token.

        Args:
            wanted: A kind such as ``"name"``, or the text that it must have; anything where not given.

        Raises:
            FileFormatError: It is another one.
        """
        token = self._tokens[self._next]
        if wanted is not None and wanted not in (token.kind, token.text):
            article = "a " if wanted in ("name", "number", "text") else ""
            expected = f"{article}{wanted}" if article else repr(wanted)
            self.fail(f"expected {expected}, but found {self.describe(token)}", token)
        self._next += token.kind != "end"
        return token

    def take_if(self, text: str) -> bool:
        """Whether the next token has this text; it is taken then."""
        found = self._tokens[self._next].text == text
        self._next += found
        return found

    @staticmethod
    def describe(token: Token) -> str:
        """The token, for people."""
        return token.text if token.kind == "end" else repr(token.text)

    def skip_line(self) -> None:
        """Pass over what is left of the line of the next token."""
        line = self.line_of(self.peek)
        while self.peek.kind != "end" and self.line_of(self.peek) == line:
            self.take()


def read_expression(
    cursor: Cursor, names: Mapping[str, float] | None = None, *, free: tuple[str, ...] = ()
) -> Expression:
    """Read arithmetic, to be evaluated for values of the free names.

    Args:
        cursor: Stands before it, and after it in the end.
        names: Constants of the program.
        free: Parameters of a gate's definition.

    Raises:
        FileFormatError: It is no arithmetic, uses an unknown name, or divides by zero.

    Example:
        >>> read_expression(Cursor("-2 * (a + 1) ** 2", path="a.qasm"), free=("a",))({"a": 1.0})
        -8.0
    """
    return _Arithmetic(cursor, {**CONSTANTS, **(names or {})}, free).sum()


class _Arithmetic:
    """Precedence by descent: sums of products of signed powers."""

    def __init__(self, cursor: Cursor, names: Mapping[str, float], free: tuple[str, ...]) -> None:
        self.cursor, self.names, self.free = cursor, names, free
        self.depth = 0

    def sum(self) -> Expression:
        left = self.product()
        while self.cursor.peek.text in ("+", "-"):
            left = self.join(self.cursor.take(), left, self.product())
        return left

    def product(self) -> Expression:
        left = self.signed()
        while self.cursor.peek.text in ("*", "/", "%"):
            left = self.join(self.cursor.take(), left, self.signed())
        return left

    def signed(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.cursor.fail(f"the expression is nested more than {MAX_DEPTH} deep")
        if self.cursor.take_if("-"):
            inner = self.signed()
            made = _negative(inner)
        elif self.cursor.take_if("+"):
            made = self.signed()
        else:
            made = self.atom()
            if self.cursor.peek.text == "**":
                made = self.join(self.cursor.take(), made, self.signed())
        self.depth -= 1
        return made

    def atom(self) -> Expression:
        token = self.cursor.take()
        if token.text == "(":
            inner = self.sum()
            self.cursor.take(")")
            return inner
        if token.kind == "number":
            return _constant(_number(token.text))
        if token.kind == "name" and token.text in FUNCTIONS and self.cursor.take_if("("):
            function, argument = FUNCTIONS[token.text], self.sum()
            self.cursor.take(")")
            return self.guard(token, lambda values: float(function(argument(values))))
        if token.kind == "name" and token.text in self.free:
            name = token.text
            return lambda values: values[name]
        if token.kind == "name" and token.text in self.names:
            return _constant(self.names[token.text])
        if token.kind != "name":
            self.cursor.fail(f"expected a value, but found {self.cursor.describe(token)}", token)
        return self.cursor.fail(f"the name {token.text!r} has no value", token)

    def join(self, token: Token, left: Expression, right: Expression) -> Expression:
        operators: dict[str, Expression] = {
            "+": lambda values: left(values) + right(values),
            "-": lambda values: left(values) - right(values),
            "*": lambda values: left(values) * right(values),
            "/": lambda values: left(values) / right(values),
            "%": lambda values: left(values) % right(values),
            "**": lambda values: float(left(values) ** right(values)),
        }
        return self.guard(token, operators[token.text])

    def guard(self, token: Token, compute: Expression) -> Expression:
        """The same, with an error at the token where there is no value."""

        def checked(values: Mapping[str, float]) -> float:
            try:
                value = compute(values)
            except (ArithmeticError, ValueError, TypeError):
                value = math.nan
            if not math.isfinite(value):
                self.cursor.fail(f"{token.text!r} gives no finite number", token)
            return value

        return checked


def _number(text: str) -> float:
    plain = text.replace("_", "")
    return float(int(plain, 0)) if plain[:2].lower() in ("0x", "0b") else float(plain)


def _negative(inner: Expression) -> Expression:
    return lambda values: -inner(values)


def _constant(value: float) -> Expression:
    return lambda _: value
