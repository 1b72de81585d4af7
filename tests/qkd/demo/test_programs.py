import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.demo.programs import Programs

pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
"""JAX, which other tests may have loaded, warns of any fork; these only start programs."""


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(autouse=True)
def _find_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def write(folder, text):
    (folder / "a_program.py").write_text(text)
    return ["a_program"]


READY = "import sys, json, time\nprint(json.dumps({'event': 'ready', 'n': 1}), flush=True)\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize("failure", [None, RuntimeError, asyncio.CancelledError])
def test_all_are_ended_however_the_block_ends(tmp_path, failure):
    async def main():
        started = []
        try:
            async with Programs(tmp_path) as programs:
                for name in ("one", "two"):
                    arguments = write(tmp_path, READY + "time.sleep(100)\n")
                    started.append(await programs.start(name, arguments))
                    await started[-1].wait_ready()
                assert started[0].says["ready"] == {"event": "ready", "n": 1}
                assert programs.fallen() == []
                assert all(is_alive(program.process.pid) for program in started)
                if failure:
                    raise failure
        except (RuntimeError, asyncio.CancelledError):
            pass
        return [program.process.pid for program in started]

    assert not any(map(is_alive, asyncio.run(main())))


def test_one_that_does_not_start_is_an_error(tmp_path):
    async def main():
        async with Programs(tmp_path) as programs:
            program = await programs.start("one", write(tmp_path, "raise SystemExit(3)\n"))
            with pytest.raises(DeviceError, match=r"^one has ended by itself \(exit code 3\)\.$"):
                await program.wait_ready()
            assert programs.fallen() == [program]

    asyncio.run(main())


def test_an_error_is_not_taken_for_the_word_that_it_is_up(tmp_path):
    text = "import sys, time\nprint('Error: the door is shut.', file=sys.stderr, flush=True)\ntime.sleep(0.3)\n"

    async def main(more):
        async with Programs(tmp_path) as programs:
            program = await programs.start("one", write(tmp_path, text + more), sign="is up")
            await program.wait_ready()
            return program.is_ready

    with pytest.raises(DeviceError, match=r"^one has ended by itself \(exit code 2\); its last words: Error: the door"):
        asyncio.run(main("raise SystemExit(2)"))
    assert asyncio.run(main("print('It is up.', file=sys.stderr, flush=True)\ntime.sleep(100)"))


def test_one_that_dies_ends_the_work_and_one_that_may_end_does_not(tmp_path):
    async def main(may_end):
        async with Programs(tmp_path) as programs:
            text = "import sys\nprint('farewell', file=sys.stderr)\nraise SystemExit(7)\n"
            program = await programs.start("one", write(tmp_path, text))
            program.may_end = may_end
            began = time.monotonic()
            try:
                return await programs.watch(asyncio.sleep(20 if not may_end else 1, "done"))
            finally:
                assert time.monotonic() - began < 10

    with pytest.raises(DeviceError, match=r"^one has ended by itself \(exit code 7\); its last words: farewell\.$"):
        asyncio.run(main(may_end=False))
    assert asyncio.run(main(may_end=True)) == "done"


def test_a_fault_of_the_work_itself_comes_through(tmp_path):
    async def work():
        raise ZeroDivisionError

    async def main():
        async with Programs(tmp_path) as programs:
            await programs.watch(work())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_one_that_will_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("kakehashi.qkd.demo.programs.END_S", 0.5)

    async def main():
        async with Programs(tmp_path) as programs:
            program = await programs.start("one", write(tmp_path, STUBBORN + READY + "time.sleep(100)\n"))
            await program.wait_ready()
        return program.process

    process = asyncio.run(main())
    assert process.returncode == -9


def test_words_go_to_a_log(tmp_path):
    async def main():
        async with Programs(tmp_path) as programs:
            program = await programs.start("one", write(tmp_path, "import sys\nprint('words', file=sys.stderr)\n"))
            await program.process.wait()

    asyncio.run(main())
    assert (tmp_path / "one.log").read_text() == "words\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends them")
def test_they_end_when_the_demonstration_is_killed(tmp_path):
    write(tmp_path, READY + "time.sleep(100)\n")
    (tmp_path / "a_parent.py").write_text(
        "import asyncio, pathlib\n"
        "from kakehashi.qkd.demo.programs import Programs\n"
        "async def main():\n"
        "    async with Programs(pathlib.Path('.')) as programs:\n"
        "        program = await programs.start('one', ['a_program'])\n"
        "        await program.wait_ready()\n"
        "        print(program.process.pid, flush=True)\n"
        "        await asyncio.sleep(100)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-m", "a_parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    limit = time.monotonic() + 10
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < limit
        time.sleep(0.05)
