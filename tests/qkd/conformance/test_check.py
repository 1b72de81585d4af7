import pytest

from kakehashi.qkd.conformance.check import check


@pytest.mark.parametrize(
    ("demand", "guards", "fails"),
    [("must", False, True), ("may", False, False), ("not-said", False, False), ("not-said", True, True)],
)
def test_what_the_standard_leaves_open_fails_only_where_keys_are_in_danger(demand, guards, fails):
    @check("x", clause="c", demand=demand, guards_keys=guards)
    def found(session):
        """It
        holds.
        """
        return "yes"

    assert found.fails is fails
    assert found.demands == "It holds."
    assert found.run(None) == "yes"
