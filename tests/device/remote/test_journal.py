"""The file of a request: what a kill leaves behind, who may touch it, and that no line of it is trusted too far."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.remote.journal import jobs_folder, open_entry


def begun(folder, *n_shots):
    with open_entry("key", folder) as entry:
        entry.begin({"device": "x"}, n_shots)
        entry.sending(0)
        entry.sent(0, "job-0")
    return folder / "key.jsonl"


def test_what_was_written_is_read_again(tmp_path):
    begun(tmp_path, 10, 20)
    with open_entry("key", tmp_path) as entry:
        assert not entry.is_new
        assert entry.about == {"device": "x"}
        first, second = entry.parts
    assert (first.job_id, first.n_shots, first.tried) == ("job-0", 10, True)
    assert first.sent_utc.endswith("Z")
    assert (second.job_id, second.n_shots, second.tried) == (None, 20, False)
    assert first.tag != second.tag


def test_an_ended_request_is_kept_aside_and_an_equal_one_is_new(tmp_path):
    begun(tmp_path, 10)
    with open_entry("key", tmp_path) as entry:
        tag = entry.parts[0].tag
        entry.end("done")
        entry.end("once more")
    with open_entry("key", tmp_path) as entry:
        assert entry.is_new
        entry.begin({}, [10])
        assert entry.parts[0].tag != tag
    (kept,) = (tmp_path / "ended").iterdir()
    assert json.loads(kept.read_text().splitlines()[-1]) == {"event": "ended", "outcome": "done"}


def test_a_request_in_which_nothing_was_asked_leaves_no_file(tmp_path):
    with open_entry("key", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_someone_works_on_is_left_to_them(tmp_path):
    begun(tmp_path, 10)
    with open_entry("key", tmp_path) as mine, open_entry("key", tmp_path) as other:
        assert not mine.is_new
        assert other.is_new
        other.begin({}, [1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.2.jsonl", "key.jsonl"]


def test_the_lock_ends_with_the_process(tmp_path):
    code = (
        "import os, sys, pathlib; from kakehashi.device.remote.journal import open_entry; "
        "entry = open_entry('key', pathlib.Path(sys.argv[1])); entry.begin({}, [5]); entry.sent(0, 'a'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    with open_entry("key", tmp_path) as entry:
        assert entry.parts[0].job_id == "a"


@given(st.data())
def test_a_line_that_a_kill_has_cut_costs_nothing_else(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("jobs")
    path = begun(folder, 10)
    text = path.read_bytes()
    cut = data.draw(st.integers(0, len(text)))
    path.write_bytes(text[:cut])
    with open_entry("key", folder) as entry:
        whole = text[:cut].count(b"\n") + (text[cut : cut + 1] == b"\n")
        assert entry.is_new == (whole < 1)
        if whole >= 1:
            assert entry.parts[0].job_id == ("job-0" if whole >= 3 else None)
            entry.sent(0, "job-1")
    if whole >= 1:
        with open_entry("key", folder) as entry:
            assert entry.parts[0].job_id == "job-1"


def test_nonsense_in_the_file_is_passed_over(tmp_path):
    path = begun(tmp_path, 10)
    path.write_bytes(path.read_bytes() + b'[1]\n{"event": "sent", "part": 7}\n\xff\n{"event": "asked"}\n')
    with open_entry("key", tmp_path) as entry:
        assert entry.parts[0].job_id == "job-0"


def test_the_folder_is_the_user_s_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("KAKEHASHI_JOBS", str(tmp_path / "mine"))
    assert jobs_folder() == tmp_path / "mine"
    with open_entry("key") as entry:
        entry.begin({}, [1])
        assert entry.path.parent == tmp_path / "mine"
    assert (tmp_path / "mine").stat().st_mode & 0o077 == 0
    monkeypatch.delenv("KAKEHASHI_JOBS")
    assert jobs_folder().name == "jobs"


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="KAKEHASHI_JOBS"):
        open_entry("key", tmp_path / "file" / "jobs")
