"""The page about the command line says what the command line can: every command, option and exit code."""

import re
from pathlib import Path

import pytest

from kakehashi.cli.main import app
from kakehashi.core import errors

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"
TEXT = PAGE.read_text(encoding="utf-8")
GROUPS = ("device", "qkd link", "qkd network", "qkd use", "qkd")
"""Commands that have commands of their own; the longer ones first."""


def commands_of(group):
    """The commands of an application, those of its groups in their place."""
    inner = application(group)
    for name in inner:
        if not name.startswith("-"):
            command = f"{group} {name}".strip()
            if command in GROUPS:
                yield from commands_of(command)
            else:
                yield command


def application(command):
    """The application of a command."""
    inner = app
    for word in command.split():
        inner = inner[word]
    return inner


COMMANDS = list(commands_of(""))


def section(heading):
    """The text below a heading, up to the next."""
    found = re.search(rf"^## {re.escape(heading)}.*?$(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found, f"there is no section {heading}"
    return found[1]


def listed(text):
    """The first words of the first column of a table: arguments and options."""
    return {row.split()[0] for row in re.findall(r"^\| `(.*?)`", text, re.MULTILINE)}


def test_every_command_has_a_section():
    words = rf"(?:{'|'.join(GROUPS)}) [\w-]+|\w+"
    assert re.findall(rf"^## `kakehashi ({words})", TEXT, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_its_table(command):
    arguments = application(command).assemble_argument_collection()
    names = list(
        dict.fromkeys(name for argument in arguments for name in argument.names if name != "*")
    )  # of a dataclass
    text = section(f"`kakehashi {command}")
    assert listed(text) == set(names)
    usage = re.search(rf"^## `kakehashi {command}(.*?)`", TEXT, re.MULTILINE)[1].split()
    assert usage == [name for name in names if not name.startswith("-")]


def test_global_options():
    names = [name for name in app if name.startswith("-")]
    shown = re.findall(r"`(-+\w+)`", TEXT.partition("\n## ")[0])
    assert sorted(shown) == sorted(names)


def test_exit_codes_are_those_of_the_errors():
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", section("Exit codes"), re.MULTILINE)
    shown = {name: int(code) for code, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert shown == {name: getattr(errors, name).exit_code for name in errors.__all__}
    assert {code for code, _ in rows} >= {"0", "1", "2", "3", "130"}
