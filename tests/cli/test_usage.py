import math

import pytest

from kakehashi.cli.main import app
from kakehashi.cli.usage import positive, show_default


def pages(inner, *words):
    """Every command, as words."""
    yield words
    for name in inner:
        if not name.startswith("-"):
            yield from pages(inner[name], *words, name)


@pytest.mark.parametrize("command", list(pages(app)), ids=" ".join)
def test_a_page_of_help_is_for_people(command, here):
    done = here(*command, "--help")
    assert done.returncode == 0
    for of_python in ("()", "('", "False", "[ARGS"):
        assert of_python not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_commands_to_begin_with_are_those_of_the_page(here):
    assert "• kakehashi qkd demo" in here("qkd", "--help").stdout
    assert "Start with" not in here("qkd", "revoke", "--help").stdout


def test_arguments_that_may_be_left_out_have_names(here):
    assert here("qkd", "revoke", "--help").stdout.startswith("Usage: kakehashi qkd revoke FOLDER [NAMES...]\n")
    assert here("qkd", "audit", "--help").stdout.startswith("Usage: kakehashi qkd audit [OPTIONS] STORE [OTHER]\n")
    assert here("qkd", "serve", "--help").stdout.startswith("Usage: kakehashi qkd serve [OPTIONS] FILE\n")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("shwo",), "There is no command 'shwo'; did you mean 'show'?"),
        (("qkd", "xyz"), "There is no command 'xyz'; there are link, "),
        (("show", "a", "b"), "There is nothing to do with 'b'."),
        (
            ("qkd", "link", "simulate", "laboratory-50km", "--seconds", "nan"),
            'Invalid value "nan" for --seconds. It must be a number above 0.',
        ),
        (("run",), 'Command "run" parameter FILE requires an argument.'),
    ],
)
def test_wrong_use_has_a_sentence_like_any_other_error(command, sentence, here):
    done = here(*command)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {sentence}")
    assert len(done.stderr.splitlines()) == 1
    assert ", ..." not in done.stderr


@pytest.mark.parametrize("value", [0, -1, math.inf, -math.inf, math.nan])
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(ValueError, match="above 0"):
        positive(float, value)


def test_defaults_as_people_read_them():
    assert [show_default(value) for value in (None, False, True, (), ("a",), 3, "x")] == [
        None, None, "yes", None, "a", "3", "x",
    ]  # fmt: skip
