import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.qkd.link.link_cases import dps, link

from kakehashi.qkd.link.channel import MAX_PHOTONS, build_channel, thinned, transmission_of
from kakehashi.qkd.link.events import Conditions

shares = st.floats(0, 1)


@given(transmission=shares, kept=st.integers(0, 3))
def test_photons_are_lost_one_by_one(transmission, kept):
    table = thinned(transmission, kept=kept)
    n = np.maximum(0, np.arange(MAX_PHOTONS + 1) - kept)
    assert table.sum(axis=1) == pytest.approx(1)
    assert table @ np.arange(MAX_PHOTONS + 1) == pytest.approx(n * transmission)


@given(
    intercepted=shares,
    split=shares,
    blinded=shares,
    blocked=st.none() | shares,
    loss_db=st.floats(0, 60),
    choice=st.sampled_from(["active", "passive"]),
)
def test_tables_are_distributions(intercepted, split, blinded, blocked, loss_db, choice):
    now = Conditions(
        intercepted=intercepted, split=split, blocked=blocked, blinded=blinded, blinded_loss_db=3.0, blinded_error=0.1
    )
    channel = build_channel(link(fibre__loss_db=loss_db, detector__basis_choice=choice), now)
    assert channel.photons.sum(axis=1) == pytest.approx(1)
    assert sum(way.share for way in channel.ways) == pytest.approx(1)
    for way in channel.ways:
        assert way.detected.sum(axis=1) == pytest.approx(1)
        assert np.all(way.detected >= -1e-12)
        assert 0 <= way.scramble <= 1


def test_mean_photon_numbers():
    channel = build_channel(link())
    assert channel.photons @ np.arange(MAX_PHOTONS + 1) == pytest.approx(channel.intensities, rel=1e-6)


def test_conditions_add_to_the_link():
    usual, worse = (build_channel(link(), c) for c in (None, Conditions(loss_db=3.0, misalignment=0.02, light_hz=1e6)))
    assert worse.ways[0].detected[1, 1] == pytest.approx(usual.ways[0].detected[1, 1] * transmission_of(3.0))
    assert worse.flip == pytest.approx(usual.flip + 0.02)
    assert worse.dark == pytest.approx(2 * usual.dark, rel=1e-2)
    assert build_channel(link(), Conditions(misalignment=0.9)).flip == 0.5


def test_dps_has_one_basis():
    channel = build_channel(dps())
    assert (channel.sender_key, channel.receiver_key, channel.is_differential) == (1.0, 1.0, True)
    assert build_channel(dps(), Conditions(split=1.0)).ways[0].scramble == 1.0


def test_splitting_can_block_a_given_share():
    channel = build_channel(link(), Conditions(split=1.0, blocked=0.25))
    usual = build_channel(link())
    assert channel.ways[0].detected[1, 1] == pytest.approx(0.75 * usual.ways[0].detected[1, 1])
    assert channel.ways[0].detected[2, 1] == pytest.approx(0.3)  # one left, over a line without loss
