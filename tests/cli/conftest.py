"""The command line in this process."""

import subprocess
import sys

import pytest

from kakehashi.cli.main import main


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process, in a terminal of 100 columns; a process of its own takes a second to start.

    What only a process can show (signals, pipes, ranks, a full disk) is tested in processes.
    """

    def run(*arguments, cwd=None):
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(sys, "argv", ["kakehashi", *map(str, arguments)])
        if cwd is not None:
            monkeypatch.chdir(cwd)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, out, err)

    return run
