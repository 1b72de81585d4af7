import io

import pytest

from kakehashi.cli import qkd_demo
from kakehashi.cli.main import app
from kakehashi.cli.terminal import Terminal
from kakehashi.core.errors import InputError


def call(*words):
    return app([str(word) for word in ("qkd", "demo", *words)], exit_on_error=False)


def test_options_are_checked():
    with pytest.raises(Exception, match="10"):
        call("--seconds", "1")


def test_a_wrong_file_or_folder_is_wrong_use(tmp_path):
    (tmp_path / "file").write_text("mine")
    for words in (("--file", tmp_path / "nope.toml"), ("--folder", tmp_path), ("--folder", tmp_path / "file")):
        with pytest.raises(InputError) as caught:
            call(*words)
        assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("width", "widest"), [(80, 80), (100, 100), (160, 100)])
def test_no_line_is_wider_than_the_terminal_or_100_columns(width, widest, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(
        qkd_demo, "words", Terminal(file=out, width=width, height=40, force_terminal=True, color_system=None)
    )
    qkd_demo._tell(1.0, "fault", "There was no alarm within 38 s: this machine is busy. " * 4 + "In /tmp/x/logs.")
    lines = out.getvalue().splitlines()
    assert len(lines) > 1
    assert widest - 25 < max(map(len, lines)) <= widest
    assert lines[1].startswith(" " * qkd_demo.TEXT_AT)


def test_a_pipe_gets_one_line_for_each_event(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(qkd_demo, "words", Terminal(file=out, width=80))
    qkd_demo._tell(1.0, "fault", "Something went wrong. " * 10)
    assert len(out.getvalue().splitlines()) == 1
