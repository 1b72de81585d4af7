"""Options refuse what has no meaning."""

from __future__ import annotations

import pytest

from kakehashi.core.errors import InputError
from kakehashi.device.noise.options import ORIGINS, NoiseOptions


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"coherent_share": 1.5}, "must be in"),
        ({"crosstalk": "loud"}, "off, twirled, coherent"),
        ({"policy": "soon"}, "alap, asap"),
        ({"excess": "drop"}, "cap, keep"),
    ],
)
def test_what_has_no_meaning_is_refused(given, complaint):
    with pytest.raises(InputError, match=complaint):
        NoiseOptions(**given)


def test_origins_are_distinct():
    assert len(set(ORIGINS)) == len(ORIGINS)
