import itertools

import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.keys.lifecycle import FINAL, TRANSITIONS, GrantEvent, GrantState, advance


def test_what_is_not_in_the_table_cannot_happen():
    for state, event in itertools.product(GrantState, GrantEvent):
        if (state, event) in TRANSITIONS:
            assert advance(state, event) is TRANSITIONS[state, event]
        else:
            with pytest.raises(InputError, match="cannot take the event"):
                advance(state, event)


def test_what_is_gone_stays_gone():
    assert not any(state in FINAL for state, _ in TRANSITIONS)
    assert GrantState.NEW not in TRANSITIONS.values()


def test_every_state_is_reached_and_ends():
    reached = {GrantState.NEW}
    for _ in GrantState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(GrantState)
