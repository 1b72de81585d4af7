import errno
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kakehashi.core.errors import DataError, InputError, ResourceError
from kakehashi.core.files import data_directories, find_data, make_folder, read_text, replace_file, write_text

CONTENT = b"&FCI NORB=1\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty user cache, and no configured folder."""
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return data_directories()[-1]


def test_text_goes_round(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "架け橋\n")
    assert read_text(path) == "架け橋\n"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfx = 1\n")
    assert read_text(path) == "x = 1\n"


def test_an_error_in_the_middle_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write_half():
        with replace_file(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_in_the_middle_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import os, signal, sys; from kakehashi.core.files import replace_file\n"
        "with replace_file(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half of the n'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_a_full_disk_is_said_and_keeps_the_old_file(tmp_path):
    """A limit on the size of files stands for the full disk: the write fails in the same way."""
    path = tmp_path / "a.txt"
    write_text(path, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ResourceError, match=r"no space left to write .*a\.txt; what was written before is kept"):
            write_text(path, "x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_the_error_of_a_full_device(tmp_path):
    with pytest.raises(ResourceError, match="no space left"), replace_file(tmp_path / "a"):
        Path("/dev/full").write_text("x")


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match=f"{tmp_path}/a cannot be written"):
        write_text(tmp_path / "a", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "a" / "b", "x")


def test_a_name_too_long(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / ("x" * 300), "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "a", "x")


def test_other_errors_of_the_system_pass_through(tmp_path):
    with pytest.raises(OSError, match="odd"), replace_file(tmp_path / "a"):
        raise OSError(errno.EIO, "odd")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_new_files_have_the_permissions_that_the_user_gives(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not a text file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, make, message):
    path = tmp_path / "a.toml"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read_text(path)
    assert str(path) in str(caught.value)


def test_data_is_looked_up_in_every_configured_folder(tmp_path, monkeypatch, cache):
    one, two = tmp_path / "one", tmp_path / "two"
    two.mkdir()
    (two / "f").write_bytes(CONTENT)
    monkeypatch.setenv("KAKEHASHI_DATA", f"{one}{os.pathsep}{two}")
    assert data_directories() == [one, two, cache]
    assert find_data("f", url="file:///nowhere", sha256=SHA256) == two / "f"


def test_data_is_fetched_once_into_the_cache(tmp_path, cache):
    source = tmp_path / "published"
    source.write_bytes(CONTENT)
    assert find_data("f", url=source.as_uri(), sha256=SHA256) == cache / "f"
    source.unlink()
    assert find_data("f", url=source.as_uri(), sha256=SHA256).read_bytes() == CONTENT


def test_a_wrong_file_in_a_folder_is_refused(cache):
    cache.mkdir(parents=True)
    (cache / "f").write_bytes(b"other")
    with pytest.raises(DataError, match=f"{SHA256} was expected; remove the file or set KAKEHASHI_DATA"):
        find_data("f", url="file:///nowhere", sha256=SHA256)


def test_a_wrong_file_from_the_server_is_refused_and_not_kept(tmp_path, cache):
    source = tmp_path / "published"
    source.write_bytes(b"other")
    with pytest.raises(DataError, match="gave a file with SHA-256"):
        find_data("f", url=source.as_uri(), sha256=SHA256)
    assert not (cache / "f").exists()


def test_without_a_network_the_message_says_what_to_do(tmp_path, cache):
    with pytest.raises(DataError, match=r"f is in none of .* put the file in a folder and set KAKEHASHI_DATA"):
        find_data("f", url=(tmp_path / "missing").as_uri(), sha256=SHA256)


def test_a_folder_is_made_with_those_above_it(tmp_path):
    make_folder(tmp_path / "a" / "b", mode=0o700)
    make_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_has_its_sentence(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match=rf"^The folder {tmp_path}/a cannot be made: there is a file of that name\.$"):
        make_folder(tmp_path / "a")
    with pytest.raises(InputError, match="Not a directory"):
        make_folder(tmp_path / "a" / "b")
    if Path("/proc/self").exists():
        with pytest.raises(InputError, match="/proc/network cannot be made: No such file or directory"):
            make_folder("/proc/network")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_in_one_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be made: Permission denied"):
        make_folder(tmp_path / "a")
