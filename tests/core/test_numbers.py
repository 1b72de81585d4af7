import pytest

from kakehashi.core.numbers import percent


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.0, 2, "0.00 %"), (0.11, 2, "11.00 %"), (1.0, 0, "100 %"), (0.00049, 1, "0.0 %"), (-0.05, 1, "-5.0 %")],
)
def test_a_share_has_its_digits_and_a_space(share, digits, text):
    assert percent(share, digits) == text
