import itertools

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.distill.ldpc_code import build_base


def test_a_code_is_built_the_same_everywhere():
    base = build_base(n_columns=128, n_rows=24, n_pairs=4, z=64)
    assert base.row_start.tolist()[:4] == [0, 31, 62, 93]
    assert int(np.sum(base.column * base.shift)) == 2151633
    assert build_base.__wrapped__(n_columns=128, n_rows=24, n_pairs=4, z=64).shift.tolist() == base.shift.tolist()


def test_there_are_no_cycles_of_four_in_a_roomy_code():
    base = build_base(n_columns=128, n_rows=24, n_pairs=4, z=512)
    rows = [
        dict(zip(base.column[a:b].tolist(), base.shift[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(base.row_start)
    ]
    for one, other in itertools.combinations(rows, 2):
        differences = [(one[column] - other[column]) % 512 for column in one.keys() & other.keys()]
        assert len(set(differences)) == len(differences)


def test_pairs_join_neighbouring_rows():
    base = build_base(n_columns=128, n_rows=24, n_pairs=4, z=64)
    for row in range(24):
        last = base.column[base.row_start[row + 1] - 1]
        assert (last == 128 + row // 2) == (row < 8)


@pytest.mark.parametrize("change", [{"n_rows": 7}, {"n_rows": 129}, {"n_pairs": 13}, {"z": 100}, {"n_columns": 63}])
def test_impossible_codes_are_refused(change):
    with pytest.raises(InputError):
        build_base(**({"n_columns": 128, "n_rows": 24, "n_pairs": 4, "z": 64} | change))
