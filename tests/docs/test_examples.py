"""Every example in README.md and in docs/ runs, in the order in which the page shows it.

- Python blocks of a page share their names, and run in an empty folder that holds a copy of ``examples/``.
- Shell blocks (``console``) run where ``<!-- run -->`` stands before them: each line that begins with ``$``
  must succeed, and where output is shown below it, that must be its output; ``...`` stands for anything.
- ``<!-- skip: next -->`` leaves the next Python block out; so does ``<!-- skip: next if(CONDITION, reason="...") -->``
  where the condition holds, and then the page counts as skipped for that reason, though all its other blocks ran.
- ``<!-- slow -->`` marks the page as slow.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
import unittest
from importlib.util import find_spec
from pathlib import Path

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = re.compile(r"<!-- run -->\s*\n+```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


def is_slow(page):
    return "<!-- slow -->" in page.read_text(encoding="utf-8")


PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)), marks=[pytest.mark.slow] if is_slow(page) else [])
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if "_build" not in page.parts
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    if (ROOT / "examples").is_dir():
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"])
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run(page, folder):
    document = Document.parse(str(page), PythonCodeBlockParser(), SkipParser())
    document.namespace["find_spec"] = find_spec
    left_out = []
    for example in document.examples():
        try:
            example.evaluate()
        except unittest.SkipTest as reason:
            left_out.append(str(reason))
    if left_out:
        pytest.skip(f"{page.name}: all other blocks ran; {', '.join(left_out)}")


def commands(block):
    """Pairs of a command and the output shown below it."""
    found = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif found and found[-1][0].endswith("\\\n"):
            found[-1][0] += line
        else:
            found[-1][1] += line
    return found


@pytest.mark.parametrize("page", PAGES)
def test_console_blocks_run(page, folder):
    checker = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        for command, expected in commands(block):
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, f"{page.name}: {command}{done.stderr}"
            if expected:
                assert checker.check_output(expected, done.stdout, flags), f"{command}{done.stdout}"


def test_a_wrong_example_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    examples = list(Document.parse(str(page), PythonCodeBlockParser(), SkipParser()).examples())
    assert len(examples) == 2
    examples[0].evaluate()
    with pytest.raises(AssertionError):
        examples[1].evaluate()


def test_commands_are_told_from_output():
    block = "$ echo a \\\n    b\na b\n$ true\n"
    assert commands(block) == [["echo a \\\n    b\n", "a b\n"], ["true\n", ""]]
    assert CONSOLE.findall(f"<!-- run -->\n```console\n{block}```\n") == [block]
    assert CONSOLE.findall(f"```console\n{block}```\n") == []
