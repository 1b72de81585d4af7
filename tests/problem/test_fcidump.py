import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kakehashi.core import resources
from kakehashi.core.errors import FileFormatError, InputError, ResourceError
from kakehashi.core.files import data_directories
from kakehashi.problem import fcidump
from kakehashi.problem.fcidump import read_fcidump, write_fcidump
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Hamiltonian, Problem
from kakehashi.problem.molecule import molecule_problem

HEADER = "&FCI NORB=3,NELEC=2,MS2=0 /\n"


def read_text(tmp_path, body, header=HEADER):
    path = tmp_path / "x.fcidump"
    path.write_bytes((header + body).encode())
    return read_fcidump(path)


def unpack(packed_one, packed_two, constant=0.0):
    """A Hamiltonian with exactly these distinct integrals."""
    n = int((8 * len(packed_one) + 1) ** 0.5 - 1) // 2
    pair = np.zeros((n, n), dtype=int)
    pair[np.tril_indices(n)] = np.arange(len(packed_one))
    pair = np.maximum(pair, pair.T)
    high = np.maximum(pair[:, :, None, None], pair[None, None])
    low = np.minimum(pair[:, :, None, None], pair[None, None])
    return Hamiltonian(one_body=packed_one[pair], two_body=packed_two[high * (high + 1) // 2 + low], constant=constant)


@st.composite
def problems(draw):
    n = draw(st.integers(1, 4))
    n_pairs = n * (n + 1) // 2
    finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
    one = draw(hnp.arrays(np.float64, n_pairs, elements=finite))
    two = draw(hnp.arrays(np.float64, n_pairs * (n_pairs + 1) // 2, elements=finite))
    n_alpha = draw(st.integers(0, n))
    n_beta = draw(st.integers(0 if n_alpha else 1, n))
    symmetry = draw(st.lists(st.integers(1, 8), min_size=n, max_size=n))
    return Problem(
        name="x",
        hamiltonian=unpack(one, two, draw(finite)),
        n_elec=(n_alpha, n_beta),
        orbital_symmetry=tuple(symmetry),
        state_symmetry=draw(st.integers(1, 8)),
    )


def assert_equal(left, right):
    assert np.array_equal(left.hamiltonian.one_body, right.hamiltonian.one_body)
    assert np.array_equal(left.hamiltonian.two_body, right.hamiltonian.two_body)
    assert left.hamiltonian.constant == right.hamiltonian.constant
    assert left.n_elec == right.n_elec
    assert left.orbital_symmetry == right.orbital_symmetry
    assert left.state_symmetry == right.state_symmetry


@settings(max_examples=60, deadline=None)
@given(problem=problems(), suffix=st.sampled_from(["", ".gz"]))
def test_a_round_trip_is_exact_to_the_last_bit(tmp_path_factory, problem, suffix):
    path = tmp_path_factory.mktemp("trip") / f"x.fcidump{suffix}"
    write_fcidump(problem, path)
    assert_equal(read_fcidump(path), problem)


@pytest.fixture(scope="module")
def water():
    from pyscf import gto, scf

    molecule = gto.M(atom="O 0 0 0; H 0 0.76 0.59; H 0 -0.76 0.59", basis="sto-3g", symmetry=True, verbose=0)
    return scf.RHF(molecule).run(conv_tol=1e-12)


def pyscf_integrals(scf, folds):
    from pyscf import ao2mo

    one_body = scf.mo_coeff.T @ scf.get_hcore() @ scf.mo_coeff
    two_body = ao2mo.kernel(scf.mol, scf.mo_coeff)
    full = ao2mo.restore(1, two_body, len(one_body))
    full = (full + full.transpose(2, 3, 0, 1)) / 2
    return one_body, full, ao2mo.restore(folds, full, len(one_body))


@pytest.mark.parametrize("folds", [8, 4])
def test_files_of_pyscf_read_the_same(tmp_path, water, folds):
    from pyscf.tools import fcidump as pyscf_fcidump

    one_body, full, packed = pyscf_integrals(water, folds)
    path = tmp_path / "water.fcidump"
    pyscf_fcidump.from_integrals(
        str(path), one_body, packed, 7, 10, nuc=water.mol.energy_nuc(), tol=0, float_format=" %.17g"
    )
    problem = read_fcidump(path)
    assert problem.n_elec == (5, 5)
    assert np.array_equal(problem.hamiltonian.two_body, full)
    assert np.array_equal(np.tril(problem.hamiltonian.one_body), np.tril(one_body))
    assert problem.hamiltonian.constant == water.mol.energy_nuc()
    assert hartree_fock_energy(problem) == pytest.approx(water.e_tot, abs=1e-10)


@pytest.mark.parametrize("molpro", [True, False])
def test_symmetry_labels_of_pyscf_are_understood_in_both_numberings(tmp_path, water, molpro):
    from pyscf.tools import fcidump as pyscf_fcidump

    path = tmp_path / "water.fcidump"
    pyscf_fcidump.from_scf(water, str(path), molpro_orbsym=molpro)
    # C2v in Molpro's numbering: A1 = 1, B1 = 2, B2 = 3
    assert read_fcidump(path).orbital_symmetry == (1, 1, 3, 1, 2, 1, 3)


def test_pyscf_reads_our_files(tmp_path, water):
    from pyscf import ao2mo
    from pyscf.tools import fcidump as pyscf_fcidump

    problem = molecule_problem("O 0 0 0; H 0 0.76 0.59; H 0 -0.76 0.59", basis="sto-3g")
    path = tmp_path / "water.fcidump"
    write_fcidump(problem, path)
    read = pyscf_fcidump.read(str(path), molpro_orbsym=True, verbose=False)
    assert (read["NORB"], read["NELEC"], read["MS2"], read["ISYM"]) == (7, 10, 0, 1)
    assert read["ECORE"] == problem.hamiltonian.constant
    assert np.array_equal(read["H1"], problem.hamiltonian.one_body)
    assert np.array_equal(ao2mo.restore(1, read["H2"], 7), problem.hamiltonian.two_body)
    assert tuple(pyscf_fcidump.ORBSYM_MAP["C2v"][i] for i in read["ORBSYM"]) == problem.orbital_symmetry


def test_all_eight_index_orders_may_be_listed(tmp_path):
    original = hubbard(3, u=2.0, n_elec=(1, 1), basis="standing_wave")
    lines = []
    for p, q, r, s in np.ndindex(3, 3, 3, 3):
        value = float(original.hamiltonian.two_body[p, q, r, s]) + 4e-9 * (p > q)  # within what is allowed
        lines.append(f"{value!r} {p + 1} {q + 1} {r + 1} {s + 1}")
    for p, q in np.ndindex(3, 3):
        lines.append(f"{float(original.hamiltonian.one_body[p, q])!r} {p + 1} {q + 1} 0 0")
    problem = read_text(tmp_path, "\n".join(lines))
    # The first of equivalent entries counts, and all orders hold it.
    assert np.array_equal(problem.hamiltonian.two_body, original.hamiltonian.two_body)
    assert np.array_equal(problem.hamiltonian.one_body, original.hamiltonian.one_body)


def test_orbital_energies_are_skipped_and_absent_integrals_are_zero(tmp_path):
    problem = read_text(tmp_path, "-0.5 1 0 0 0\n-0.4 2 0 0 0\n0.25 2 1 0 0\n\n7.5 0 0 0 0")
    assert np.count_nonzero(problem.hamiltonian.one_body) == 2
    assert problem.hamiltonian.one_body[0, 1] == 0.25
    assert not problem.hamiltonian.two_body.any()
    assert problem.hamiltonian.constant == 7.5


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.5D0", 0.5),
        ("5.0d-1", 0.5),
        (".5E+00", 0.5),
        ("5", 5.0),
        ("+5.", 5.0),
        ("0.1234567890123456789", 0.12345678901234568),
        ("1.0-101", 1e-101),  # Fortran drops the letter where the exponent has three digits
        ("0.5D+1", 5.0),
    ],
)
def test_numbers_as_fortran_writes_them(tmp_path, written, value):
    problem = read_text(tmp_path, f"{written} 1 1 1 1\r\n{written},2,2,0,0\r\n")
    assert problem.hamiltonian.two_body[0, 0, 0, 0] == value
    assert problem.hamiltonian.one_body[1, 1] == value


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("0.5 1 1 1 1\n0.5 1 1 1\n", 3, "A value and four orbital numbers were expected, but got 4 fields"),
        ("0.5 1 1 1 1 1\n", 2, "got 6 fields"),
        ("0.5 1 1 1 1\n\nabc 1 1 1 1\n", 4, "A finite number was expected, but got 'abc'"),
        ("nan 1 1 1 1\n", 2, "A finite number was expected, but got 'nan'"),
        ("-inf 1 1 1 1\n", 2, "A finite number was expected"),
        ("1e999 1 1 1 1\n", 2, "too large"),
        ("1_0 1 1 1 1\n", 2, "A finite number was expected, but got '1_0'"),
        ("0.5 1 1 x 1\n", 2, "Four orbital numbers were expected after the value, but got '1 1 x 1'"),
        ("0.5 1 1 1.5 1\n", 2, "Four orbital numbers were expected"),
        ("0.5 1 1 1 -1\n", 2, "Four orbital numbers were expected"),
        ("0.5 1 4 1 1\n", 2, "Orbital 4 is out of range; the header says NORB=3"),
        ("0.5 1 1 1 0\n", 2, "'i j k l', 'i j 0 0', 'i 0 0 0' or '0 0 0 0' were expected"),
        ("0.5 0 1 0 0\n", 2, "were expected, but got '0 1 0 0'"),
        ("0.5 0 0 1 1\n", 2, "were expected"),
        ("0.5 1 0 1 1\n", 2, "were expected"),
        ("(0.5,0.1) 1 1 1 1\n", 2, "The integrals are complex"),
        ("0.5 1 1 1 1 \xff\n", 2, "got 6 fields"),
        ("0.5 1 2 1 1\n0.5 1 1 2 1\n\n0.6 2 1 1 1\n", 5, r"not symmetric: '0.6 2 1 1 1'.*value 0.5"),
        ("0.5 1 2 0 0\n0.6 2 1 0 0\n", 3, "not symmetric"),
        ("0.5 0 0 0 0\n0.6 0 0 0 0\n", 3, "not symmetric"),
        ("", 2, "There are no integrals"),
        ("\n\n", 4, "There are no integrals"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, body, line, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        read_text(tmp_path, body)
    assert caught.value.line == line


def test_blocks_are_seamless(tmp_path, monkeypatch):
    problem = hubbard(4, 2, u=2.0, n_elec=(3, 2), basis="standing_wave")
    path = tmp_path / "x.fcidump"
    write_fcidump(problem, path)
    monkeypatch.setattr(fcidump, "BLOCK_BYTES", 100)
    assert np.array_equal(read_fcidump(path).hamiltonian.two_body, problem.hamiltonian.two_body)
    lines = path.read_text().splitlines()
    number, i = next((n, line) for n, line in enumerate(lines, 1) if n > 60 and line.split()[3:] != ["0", "0"])
    _, *orbitals = i.split()
    path.write_text("\n".join([*lines, " ".join(["9.0", *orbitals[2:], *orbitals[:2]])]))
    with pytest.raises(FileFormatError, match="not symmetric") as caught:
        read_fcidump(path)
    assert caught.value.line == len(lines) + 1
    assert number < len(lines)


def test_a_compressed_file_that_is_cut_off(tmp_path):
    path = tmp_path / "x.fcidump.gz"
    write_fcidump(hubbard(4, u=2.0, n_elec=(1, 1), basis="standing_wave"), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match="cut off or damaged"):
        read_fcidump(path)


def test_compression_is_recognised_by_content_and_writes_the_same_bytes_again(tmp_path):
    problem = hubbard(3, u=2.0, n_elec=(1, 1))
    for name in ("a.fcidump.gz", "b.fcidump.gz", "c.fcidump"):
        write_fcidump(problem, tmp_path / name)
    assert (tmp_path / "a.fcidump.gz").read_bytes() == (tmp_path / "b.fcidump.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.fcidump.gz").read_bytes()) == (tmp_path / "c.fcidump").read_bytes()
    (tmp_path / "a.fcidump.gz").rename(tmp_path / "a.fcidump")
    assert read_fcidump(tmp_path / "a.fcidump").n_orb == 3


def test_a_tolerance_leaves_small_integrals_out(tmp_path):
    problem = hubbard(3, u=1e-5, n_elec=(1, 1))
    write_fcidump(problem, tmp_path / "x", tolerance=1e-4)
    again = read_fcidump(tmp_path / "x")
    assert not again.hamiltonian.two_body.any()
    assert np.array_equal(again.hamiltonian.one_body, problem.hamiltonian.one_body)


def test_what_is_known_about_the_file_is_in_the_problem(tmp_path):
    problem = read_text(tmp_path, "0.5 1 1 1 1\n", "&FCI NORB=3,NELEC=2,NPROP=0 /\n")
    digest = hashlib.sha256((tmp_path / "x.fcidump").read_bytes()).hexdigest()
    assert problem.name == "x"
    assert problem.settings == {
        "fcidump": "x.fcidump",
        "sha256": digest,
        "other_header_keys": {"NPROP": "0"},
    }


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.fcidump: there is no such file"):
        read_fcidump(tmp_path / "nowhere.fcidump")
    with pytest.raises(InputError, match="cannot be read"):
        read_fcidump(tmp_path)


def test_too_little_memory_is_said_before_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "available_memory_bytes", lambda: 10**9)
    with pytest.raises(ResourceError, match=r"x.fcidump \(128 orbitals\) needs about 2.5 GiB"):
        read_text(tmp_path, "0.5 1 1 1 1\n", "&FCI NORB=128,NELEC=2 /\n")


@pytest.mark.slow
def test_128_orbitals(tmp_path):
    problem = hubbard(128, u=4.0, n_elec=(64, 64))
    write_fcidump(problem, tmp_path / "x.fcidump.gz")
    assert_equal(read_fcidump(tmp_path / "x.fcidump.gz"), Problem(
        name="x", hamiltonian=problem.hamiltonian, n_elec=(64, 64), orbital_symmetry=(1,) * 128
    ))  # fmt: skip


def test_a_real_active_space():
    candidates = [folder / "fe2s2.fcidump" for folder in data_directories()]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        pytest.skip("fe2s2.fcidump is in no data folder (KAKEHASHI_DATA)")
    problem = read_fcidump(path)
    assert (problem.n_orb, problem.n_elec) == (20, (15, 15))
    assert problem.hamiltonian.two_body[0, 0, 0, 0] == 0.4768367057084017


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(st.integers(0, 120), st.binary(max_size=6)),
        st.lists(
            st.sampled_from([b"&FCI", b"NORB=2", b"NELEC=2", b"/", b"\n", b"0.5 1 1 2 2", b"*", b"=", b"1D0", b"'"])
        ),
    )
)
def test_whatever_a_file_holds_the_answer_is_a_problem_or_a_sentence(tmp_path_factory, content):
    valid = b"&FCI NORB=2,NELEC=2,MS2=0,ORBSYM=1,5,ISYM=1 &END\n 0.5 1 1 1 1\n -1.0D0 1 1 0 0\n 0.7 0 0 0 0\n"
    if isinstance(content, tuple):
        content = valid[: content[0]] + content[1] + valid[content[0] + len(content[1]) :]
    elif isinstance(content, list):
        content = b" ".join(content)
    path = tmp_path_factory.mktemp("fuzz") / "x.fcidump"
    path.write_bytes(content)
    try:
        problem = read_fcidump(path)
    except InputError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - most contents are wrong, not all
    else:
        assert problem.n_orb >= 1
