import pytest

from kakehashi.core.errors import InputError
from kakehashi.core.registry import Registry


@pytest.fixture
def registry():
    registry: Registry[int] = Registry("device")
    registry.add("noisy", 2)
    registry.add("exact", 1)
    return registry


def test_what_was_added_is_found(registry):
    assert registry["exact"] == 1
    assert list(registry) == ["exact", "noisy"]
    assert len(registry) == 2
    assert "noisy" in registry
    assert "file" not in registry


def test_a_near_miss_gets_a_hint(registry):
    with pytest.raises(InputError, match="no device 'exakt'; did you mean 'exact'"):
        registry["exakt"]


def test_a_far_miss_gets_the_list(registry):
    with pytest.raises(InputError, match=r"no device 'qpu'; there are exact, noisy\."):
        registry["qpu"]


def test_a_name_is_taken_once(registry):
    with pytest.raises(ValueError, match="'exact' is registered already"):
        registry.add("exact", 3)
