"""How the command line explains itself: pages of help, and what was wrong with a command."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable
from typing import Any

from cyclopts import App, CycloptsError, UnknownCommandError, UnusedCliTokensError

__all__ = ["begin_with", "explain_misuse", "positive", "show_default", "tidy_help"]


def begin_with(*commands: str) -> str:
    """The end of a page of help: commands to begin with, each on a line of its own, so that it can be copied whole.

    Example:
        >>> print(begin_with("kakehashi problems"))
        Start with:
        <BLANKLINE>
        - kakehashi problems
    """
    return "Start with:\n\n" + "\n".join(f"- {command}" for command in commands)


def show_default(value: Any) -> str | None:
    """A default as a page of help shows it, or None where there is nothing to show.

    Example:
        >>> show_default(("localhost", "127.0.0.1")), show_default(()), show_default(False), show_default(0.1)
        ('localhost, 127.0.0.1', None, None, '0.1')
    """
    if value is None or value is False or value == ():
        return None
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def tidy_help(app: App, *words: str) -> None:
    """Give every command below an application what is wrong with its page of help by default.

    Without an end of its own, a page would have its parent's; and arguments that may be left out would have no names.

    Args:
        app: The application.
        words: The command line that leads to it.
    """
    for name in app:
        if not name.startswith("-"):
            command = app[name]
            if command.help_epilogue is None:
                command.help_epilogue = ""
            if command.default_command is not None and command.usage is None:
                command.usage = _usage(command.default_command, *words, name)
            tidy_help(command, *words, name)


def _usage(function: Callable[..., Any], *words: str) -> str | None:
    """How a command is called, where the parser would say [ARGS]."""
    parameters = inspect.signature(function).parameters.values()
    arguments = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    if all(p.default is p.empty and p.kind is not p.VAR_POSITIONAL for p in arguments):
        return None
    line = ["Usage:", *words] + ["[OPTIONS]"] * (len(arguments) < len(parameters))
    for p in arguments:
        label = p.name.upper().replace("_", "-")
        if p.kind is p.VAR_POSITIONAL:
            line.append(f"[{label}...]")
        else:
            line.append(label if p.default is p.empty else f"[{label}]")
    return " ".join(line)


def positive(_kind: Any, value: float | None) -> None:
    """That a number, where one is given, is above 0 and finite: a validator of parameters.

    Raises:
        ValueError: It is not.

    Example:
        >>> positive(float, float("nan"))
        Traceback (most recent call last):
        ValueError: It must be a number above 0.
    """
    if value is not None and not 0 < value < math.inf:
        raise ValueError("It must be a number above 0.")


def explain_misuse(error: CycloptsError) -> str:
    """What was wrong with a command, as one sentence or two.

    Example:
        >>> app = App("kakehashi")
        >>> for name in ("run", "show"):
        ...     _ = app.command(lambda: None, name=name)
        >>> try:
        ...     app(["rum"], exit_on_error=False, print_error=False)
        ... except CycloptsError as error:
        ...     print(explain_misuse(error))
        There is no command 'rum'; did you mean 'run'?
    """
    if isinstance(error, UnknownCommandError) and error.unused_tokens and error.app is not None:
        wrong = error.unused_tokens[0]
        known = [name for name in error.app if not name.startswith("-")]
        close = difflib.get_close_matches(wrong, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(known)}."
        return f"There is no command '{wrong}'; {hint}"
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"There is nothing to do with {', '.join(map(repr, error.unused_tokens))}."
    return str(error)
