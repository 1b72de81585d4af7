"""FCIDUMP files: integrals over real orbitals as text, the format that quantum chemistry programs exchange.

The format is from Knowles and Handy, Comput. Phys. Commun. 54, 75 (1989): a header (see
:mod:`kakehashi.problem.fcidump_header`), then one line ``value i j k l`` per integral, orbitals counted from
1: ``(ij|kl)``, ``i j 0 0`` for ``h_ij``, ``i 0 0 0`` for an orbital energy and ``0 0 0 0`` for the constant.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.files import replace_file
from kakehashi.core.resources import require_memory
from kakehashi.problem.fcidump_header import Header, read_header
from kakehashi.problem.model import SYMMETRY_TOLERANCE, Hamiltonian, Problem

__all__ = ["read_fcidump", "write_fcidump"]

BLOCK_BYTES = 8 * 1024 * 1024
"""Text that is parsed at a time: a 128-orbital file has more than 1 GiB of it."""

_GZIP_MAGIC = b"\x1f\x8b"
_D_TO_E = bytes.maketrans(b"Dd", b"ee")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[EeDd]?([+-]\d+)|[EeDd](\d+))?")


def read_fcidump(path: Path | str) -> Problem:
    r"""Read an FCIDUMP file; a gzip-compressed one is recognised by its content.

    The file may list each integral once, or any or all of its 8 equivalent index orders; absent ones are
    zero. Orbital energies are skipped.

    Args:
        path: The file.

    Returns:
        The problem. Its ``settings`` hold the file's name and SHA-256, and header keys without meaning here.

    Raises:
        FileFormatError: The file is malformed, has unrestricted or complex integrals, or gives equivalent
            integrals that differ by more than 1e-8 hartree; with the line.
        InputError: The file is missing or cannot be read.
        ResourceError: The integrals do not fit into memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "dimer.fcidump")
        ...     _ = path.write_text("&FCI NORB=2 NELEC=2 /\n 4.0 1 1 1 1\n 4D0 2 2 2 2\n -1 1 2 0 0\n")
        ...     problem = read_fcidump(path)
        >>> problem.name, problem.n_elec, problem.hamiltonian.one_body.tolist()
        ('dimer', (1, 1), [[0.0, -1.0], [-1.0, 0.0]])
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
            raw.seek(0)
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if compressed else raw
            header, hamiltonian = _read_stream(stream, path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; the path of an FCIDUMP file was expected.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    settings: dict[str, object] = {"fcidump": path.name, "sha256": sha256}
    if header.other_keys:
        settings["other_header_keys"] = dict(header.other_keys)
    return Problem(
        name=re.sub(r"(\.fcidump|\.FCIDUMP)?(\.gz)?$", "", path.name) or path.name,
        hamiltonian=hamiltonian,
        n_elec=header.n_elec,
        orbital_symmetry=header.orbital_symmetry,
        state_symmetry=header.state_symmetry,
        description=f"Integrals from the FCIDUMP file {path.name}.",
        settings=settings,
    )


def write_fcidump(problem: Problem, path: Path | str, *, tolerance: float = 0.0) -> None:
    """Write an FCIDUMP file, whole or not at all; gzip-compressed where ``path`` ends in ``.gz``.

    Each of the 8-fold equivalent integrals is written once, with as many digits as it takes to read the same
    float64 again. The name, the reference and the settings of the problem have no place in the format.

    Args:
        problem: What to write.
        path: The file.
        tolerance: Integrals of at most this size, in hartree, are left out.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> two_sites = Hamiltonian(one_body=[[0, -1], [-1, 0]], two_body=np.zeros((2, 2, 2, 2)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "dimer.fcidump")
        ...     write_fcidump(Problem(name="dimer", hamiltonian=two_sites, n_elec=(1, 1)), path)
        ...     print(path.read_text())
         &FCI NORB=2,NELEC=2,MS2=0,
          ORBSYM=1,1,
          ISYM=1,
         &END
         -1.0 2 1 0 0
         0.0 0 0 0 0
        <BLANKLINE>
    """
    path = Path(path)
    with replace_file(path) as temporary, temporary.open("wb") as raw:
        if path.suffix == ".gz":
            # No time stamp and no name inside: the same problem gives the same bytes.
            with (
                gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
                io.TextIOWrapper(packed, encoding="ascii", newline="\n") as text,
            ):
                _write_stream(problem, text, tolerance)
        else:
            with io.TextIOWrapper(raw, encoding="ascii", newline="\n") as text:
                _write_stream(problem, text, tolerance)


def _read_stream(stream: io.BufferedIOBase, path: Path) -> tuple[Header, Hamiltonian]:
    line = 1
    try:
        header = read_header(stream, path)
        n = header.n_orb
        require_memory(
            int(9.2 * n**4) + 24 * BLOCK_BYTES,
            f"Reading {path} ({n} orbitals)",
            remedy="use a machine with more memory or a smaller active space",
        )
        integrals = _Integrals(n, path)
        line += header.n_lines
        while text := stream.read(BLOCK_BYTES):
            text += stream.readline()
            integrals.add(text, line)
            line += text.count(b"\n")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFormatError(
            path, f"The compressed data are cut off or damaged ({error}); copy the file again.", line=line
        ) from None
    if not integrals.n_rows:
        raise FileFormatError(path, "There are no integrals; lines 'value i j k l' were expected.", line=line)
    return header, integrals.hamiltonian()


class _Integrals:
    """Integrals as they are read: each stored once, NaN where none was seen yet."""

    def __init__(self, n_orb: int, path: Path) -> None:
        n_pairs = n_orb * (n_orb + 1) // 2
        self._n_orb, self._path = n_orb, path
        self._one = np.full(n_pairs, np.nan)
        self._two = np.full(n_pairs * (n_pairs + 1) // 2, np.nan)
        self._constant = np.full(1, np.nan)
        self.n_rows = 0

    def add(self, text: bytes, first_line: int) -> None:
        """Take in a block of whole lines, of which the first is line ``first_line`` of the file."""
        rows = _parse_block(text, self._n_orb)
        if rows is None:
            rows = _parse_lines(text, self._n_orb, self._path, first_line)
        if not len(rows):
            return
        self.n_rows += len(rows)
        value = rows[:, 0]
        i, j, k, l = rows[:, 1:].astype(np.int64).T  # noqa: E741 - the format's own letters
        two = l > 0
        one = (j > 0) & ~two
        constant = i == 0
        bra, ket = _pair(i, j), _pair(k, l)
        for target, chosen, place in (
            (self._two, two, _pair(bra + 1, ket + 1)),
            (self._one, one, bra),
            (self._constant, constant, np.zeros_like(bra)),
        ):
            where = place[chosen]
            fault = _store(target, where, value[chosen])
            if fault is not None:
                row = int(np.flatnonzero(chosen)[fault])
                line, written = _line_of_row(text, row, first_line)
                raise FileFormatError(
                    self._path,
                    f"The integrals are not symmetric: {written!r} contradicts the value "
                    f"{float(target[where[fault]])!r} of the same integral above (real orbitals make "
                    f"(ij|kl), (ji|kl) and (kl|ij) equal; {SYMMETRY_TOLERANCE:g} is allowed).",
                    line=line,
                )

    def hamiltonian(self) -> Hamiltonian:
        """The full arrays; what was never listed is zero."""
        n = self._n_orb
        for array in (self._one, self._two, self._constant):
            array[np.isnan(array)] = 0.0
        counted = np.arange(1, n + 1)
        pair = _pair(counted[:, None], counted[None, :])
        n_pairs = len(self._one)
        offset = np.arange(n_pairs) * np.arange(1, n_pairs + 1) // 2
        row = np.empty(n_pairs)
        two_body = np.empty((n, n, n, n))
        for i in range(n):
            for j in range(i + 1):
                ij = int(pair[i, j])
                row[: ij + 1] = self._two[offset[ij] : offset[ij] + ij + 1]
                row[ij + 1 :] = self._two[offset[ij + 1 :] + ij]
                two_body[i, j] = two_body[j, i] = row[pair]
        return Hamiltonian(one_body=self._one[pair], two_body=two_body, constant=float(self._constant[0]))


def _pair(i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the unordered pair ``i, j`` (from 1) among all pairs."""
    high, low = np.maximum(i, j), np.minimum(i, j)
    place: NDArray[np.int64] = high * (high - 1) // 2 + low - 1
    return place


def _store(target: NDArray[np.float64], where: NDArray[np.int64], value: NDArray[np.float64]) -> int | None:
    """Fill empty places, first come first stored; return the first entry that contradicts what is stored."""
    empty = np.flatnonzero(np.isnan(target[where]))[::-1]  # of repeated places, numpy keeps the last written
    target[where[empty]] = value[empty]
    wrong = np.flatnonzero(np.abs(target[where] - value) > SYMMETRY_TOLERANCE)
    return int(wrong[0]) if len(wrong) else None


def _parse_block(text: bytes, n_orb: int) -> NDArray[np.float64] | None:
    """Rows ``value, i, j, k, l`` of a block, or None where any line is out of the ordinary."""
    if not text.strip():
        return np.empty((0, 5))
    try:
        lines = io.StringIO(text.translate(_D_TO_E).decode("ascii"))
        rows = np.loadtxt(lines, dtype=np.float64, comments=None, ndmin=2)
    except ValueError:
        return None
    if rows.shape[1] != 5 or not np.isfinite(rows).all():
        return None
    index = rows[:, 1:]
    if (index != np.rint(index)).any() or index.min() < 0 or index.max() > n_orb:
        return None
    i, j, k, l = (index > 0).T  # noqa: E741
    ordinary = (k == l) & (j | ~k) & (i | ~j)
    return rows if ordinary.all() else None


def _parse_lines(text: bytes, n_orb: int, path: Path, first_line: int) -> NDArray[np.float64]:
    """The same line by line: slow, takes Fortran's rarer forms, and names the line that is wrong."""
    rows = []
    for number, raw in enumerate(text.split(b"\n"), first_line):
        line = raw.decode("ascii", errors="replace").strip()
        if line:
            rows.append(_parse_line(line, n_orb, path, number))
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def _parse_line(line: str, n_orb: int, path: Path, number: int) -> list[float]:
    def fail(problem: str) -> NoReturn:
        raise FileFormatError(path, problem, line=number)

    if line.startswith("("):
        fail(f"The integrals are complex ({line!r}); only real orbitals are supported.")
    fields = line.replace(",", " ").split()
    if len(fields) != 5:
        fail(f"A value and four orbital numbers were expected, but got {len(fields)} fields: {line!r}.")
    match = _NUMBER.fullmatch(fields[0])
    if match is None:
        fail(f"A finite number was expected, but got {fields[0]!r}.")
    value = float(f"{match[1]}e{match[2] or match[3] or 0}")
    if not np.isfinite(value):
        fail(f"A finite number was expected, but {fields[0]!r} is too large.")
    if not all(re.fullmatch(r"\+?\d{1,9}", field) for field in fields[1:]):
        fail(f"Four orbital numbers were expected after the value, but got {' '.join(fields[1:])!r}.")
    i, j, k, l = index = [int(field) for field in fields[1:]]  # noqa: E741
    if max(index) > n_orb:
        fail(f"Orbital {max(index)} is out of range; the header says NORB={n_orb}.")
    if bool(k) != bool(l) or (k and not j) or (j and not i):
        fail(f"Orbitals 'i j k l', 'i j 0 0', 'i 0 0 0' or '0 0 0 0' were expected, but got '{i} {j} {k} {l}'.")
    return [value, i, j, k, l]


def _line_of_row(text: bytes, row: int, first_line: int) -> tuple[int, str]:
    """Number and text of the line that gave ``row``: rows come from the lines that are not blank."""
    filled = ((number, line) for number, line in enumerate(text.split(b"\n"), first_line) if line.strip())
    number, line = next(pair for count, pair in enumerate(filled) if count == row)
    return number, line.decode("ascii", errors="replace").strip()


def _write_stream(problem: Problem, text: io.TextIOWrapper, tolerance: float) -> None:
    hamiltonian, n = problem.hamiltonian, problem.n_orb
    symmetry = problem.orbital_symmetry or (1,) * n
    text.write(f" &FCI NORB={n},NELEC={sum(problem.n_elec)},MS2={problem.two_s},\n")
    text.write(f"  ORBSYM={','.join(map(str, symmetry))},\n  ISYM={problem.state_symmetry},\n &END\n")
    first, second = np.tril_indices(n)
    suffixes = [f" {k + 1} {m + 1}\n" for k, m in zip(first.tolist(), second.tolist(), strict=True)]
    for ij, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        values = hamiltonian.two_body[i, j][first[: ij + 1], second[: ij + 1]]
        kept = np.flatnonzero(np.abs(values) > tolerance)
        middle = f" {i + 1} {j + 1}"
        # repr() is the shortest text that reads back as the same float64.
        pairs = zip(values[kept].tolist(), kept.tolist(), strict=True)
        text.write("".join([f" {value!r}{middle}{suffixes[kl]}" for value, kl in pairs]))
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        value = float(hamiltonian.one_body[i, j])
        if abs(value) > tolerance:
            text.write(f" {value!r} {i + 1} {j + 1} 0 0\n")
    text.write(f" {float(hamiltonian.constant)!r} 0 0 0 0\n")
