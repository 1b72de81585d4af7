from io import StringIO

from rich.table import Table

from kakehashi.cli.terminal import MAX_WIDTH, Terminal, tell, words


def test_a_wide_terminal_is_not_filled(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    stream = StringIO()
    table = Table("a", "b", expand=True)
    Terminal(file=stream).print(table)
    assert max(map(len, stream.getvalue().splitlines())) == MAX_WIDTH


def test_a_narrow_one_keeps_its_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert Terminal().width == 60
    terminal = Terminal(width=300, height=10)
    terminal.size = (70, 20)
    assert (terminal.width, terminal.height) == (70, 20)


def test_a_pipe_gets_a_sentence_as_one_line(capsys):
    sentence = "one two three " * 30
    tell(sentence)
    assert not words.is_terminal
    assert capsys.readouterr().err == sentence + "\n"
