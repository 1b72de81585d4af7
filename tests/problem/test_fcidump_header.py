import io
from pathlib import Path

import pytest

from kakehashi.core.errors import FileFormatError
from kakehashi.problem.fcidump_header import read_header


def read(text):
    stream = io.BytesIO(text.encode())
    return read_header(stream, Path("x.fcidump")), stream.read().decode()


@pytest.mark.parametrize(
    "text",
    [
        "&FCI NORB=4,NELEC=6,MS2=2,\n  ORBSYM=1,1,5,2,\n  ISYM=3,\n &END\n",
        " &FCI NORB=   4, NELEC= 6, MS2= 2, ORBSYM=1,1,5,2, ISYM=3 /\n",
        "$FCI\n norb = 4\n nelec=6\n ms2=2\n orbsym=1 1 5 2\n isym=3\n$END\n",
        "&fci isym=3 orbsym=2*1,5,2 ms2=+2 nelec=6 norb=4 &end\n",
        "\n\n &Fci Norb=4\n,Nelec=6,,\nMs2=2,Orbsym=1,\n1,\n5,\n2,\nIsym=3\n/\n",
        "$FCI NORB=4,NELEC=6,MS2=2,ORBSYM=1,1,5,2,ISYM=3 $\n",
        "&FCI NORB=4,NELEC=6,MS2=2,ORBSYM=1,1,5,2,ISYM=3 &\n",
        "&FCI NORB=4,NELEC=6,MS2=2,IUHF=0,ORBSYM=1,1,5,2,ISYM=3,UHF=.FALSE. &END\n",
        "&FCI NORB=4,NELEC=6,MS2=2,UHF=F,TREL=.false.,ORBSYM=1,1,5,2,ISYM=3 &END\n",
        "&FCI NORB=4, ! NELEC=8 /\n NELEC=6,MS2=2,ORBSYM=1,1,5,2,ISYM=3 / ! done\n",
        "&FCI NORB=4,NELEC=6,MS2=2,ORBSYM=1,1,5,2,ISYM=3,TITLE='a/b, NORB=9 &END' /\r\n",
    ],
)
def test_every_spelling_in_use_says_the_same(text):
    header, rest = read(text + " 1.0 1 1 1 1\n")
    assert (header.n_orb, header.n_elec, header.state_symmetry) == (4, (4, 2), 3)
    assert header.orbital_symmetry == (1, 1, 5, 2)
    assert rest == " 1.0 1 1 1 1\n"
    assert header.n_lines == text.count("\n")


def test_what_may_be_left_out_has_its_default():
    header, _ = read("&FCI NORB=2 NELEC=2 /\n")
    assert (header.n_elec, header.orbital_symmetry, header.state_symmetry) == ((1, 1), (), 1)


def test_foreign_keys_are_kept_as_they_are():
    header, _ = read("&FCI NORB=2,NELEC=2,NPROP=0 0 0, PROPBITLEN=15,OCC=1,0, /\n")
    assert header.other_keys == {"NPROP": "0 0 0", "PROPBITLEN": "15", "OCC": "1,0"}


@pytest.mark.parametrize(
    ("orbsym", "expected"),
    [
        ("0,5,0,6,7", (1, 5, 1, 3, 2)),  # D2h in PySCF's numbering: Ag, B1u, Ag, B2u, B3u
        ("0,2,3,1,0", (1, 2, 3, 4, 1)),  # C2v: A1, B1, B2, A2, A1
        ("0,1,0,1,0", (1, 2, 1, 2, 1)),
        ("5*0", (1, 1, 1, 1, 1)),
        ("1,9,1,1,1", ()),
        ("-1,1,1,1,1", ()),
    ],
)
def test_other_numberings_of_symmetry(orbsym, expected):
    header, _ = read(f"&FCI NORB=5,NELEC=2,ORBSYM={orbsym},/\n")
    assert header.orbital_symmetry == expected
    assert ("ORBSYM" in header.other_keys) == (not expected)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "The file is empty"),
        ("\n\n", 1, "The file is empty"),
        ("0.5 1 1 1 1\n", 1, "must begin with an FCIDUMP header"),
        ("&FCIDUMP NORB=2 /\n", 1, "must begin with an FCIDUMP header"),
        ("\n&FCI NORB=2,NELEC=2,\n0.5 1 1 1 1\n", 2, "no end"),
        ("&FCI NORB=2\n" * 3000, 1, "no end"),
        ("&FCI NELEC=2 /\n", 1, "must give NORB"),
        ("&FCI NORB=2 /\n", 1, "must give NELEC"),
        ("&FCI NORB=,NELEC=2 /\n", 1, "must give NORB"),
        ("&FCI\nNORB=two,NELEC=2 /\n", 2, "NORB must be made of whole numbers, but is 'two'"),
        ("&FCI\nNORB=2,\nNELEC=2.0 /\n", 3, "NELEC must be made of whole numbers"),
        ("&FCI NORB=2,\nNORB=3,NELEC=2 /\n", 2, "NORB is given twice"),
        ("&FCI NORB=0,NELEC=2 /\n", 1, "NORB must be 1 to 128"),
        ("&FCI NORB=129,NELEC=2 /\n", 1, "NORB must be 1 to 128"),
        ("&FCI NORB=2,NELEC=3 /\n", 1, "sum must be even"),
        ("&FCI NORB=2,NELEC=2,\nMS2=1 /\n", 2, "sum must be even"),
        ("&FCI NORB=2,NELEC=6 /\n", 1, "3 alpha and 3 beta electrons, which do not fit into 2"),
        ("&FCI NORB=2,NELEC=2,MS2=4 /\n", 1, "do not fit"),
        ("&FCI NORB=2,NELEC=0 /\n", 1, "do not fit"),
        ("&FCI NORB=2,NELEC=2,\nORBSYM=1,1,1 /\n", 2, "ORBSYM must have 2 values, one per orbital, but has 3"),
        ("&FCI NORB=2,NELEC=2,\nORBSYM=A,B /\n", 2, "ORBSYM must be made of whole numbers"),
        ("&FCI NORB=2,NELEC=2,\nORBSYM(1)=1,1 /\n", 2, "subscript is not supported"),
        ("&FCI NORB=2,NELEC=2,\nIUHF=1 /\n", 2, r"IUHF announces unrestricted \(UHF\) integrals"),
        ("&FCI NORB=2,NELEC=2,UHF=.TRUE. /\n", 1, "UHF announces unrestricted"),
        ("&FCI NORB=2,NELEC=2,TREL=.TRUE. /\n", 1, "complex relativistic"),
        ("&FCI 4 orbitals, NORB=2,NELEC=2 /\n", 1, "must be made of KEY=value, but starts with '4'"),
        ("&FCI NORB=2,NELEC=2 / 0.5 1 1 1 1\n", 1, "Nothing may follow the end of the header"),
    ],
)
def test_faults_are_named_with_their_line(text, line, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        read(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"x.fcidump:{line}: ")
