import typing

from kakehashi.qkd.distill.model import Corrector, ReferenceSide


def test_both_ends_of_a_correction_count_what_leaks():
    for end in (ReferenceSide, Corrector):
        assert typing.get_type_hints(end.leaked_bits.fget)["return"] is int
