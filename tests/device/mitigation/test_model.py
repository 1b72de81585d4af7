"""What a mitigated value says of itself."""

from kakehashi.device.mitigation.model import Mitigated


def test_it_says_the_value_before_and_the_cost():
    found = Mitigated(value=1, error=0.1, unmitigated=0.5, unmitigated_error=0.05, overhead=4, method="readout")
    assert str(found) == "1.000 ± 0.100 (0.500 ± 0.050 without readout mitigation, which costs 4 times the shots)"
