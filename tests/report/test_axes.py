import pytest
from matplotlib.figure import Figure

from kakehashi.problem.model import Reference
from kakehashi.report.axes import Level, draw_levels, make_scale, raise_to_floor, reference_levels, scale_sizes

FCI = Reference(energy_hartree=-1.0, method="FCI", source="")


def level(y, text="other"):
    return Level(y=y, text=text, color="#000000")


def test_the_zero_is_the_reference_where_there_is_one():
    scale = make_scale(FCI, other_hartree=-2.0, other="the result")
    assert scale.known
    assert scale.convert(-0.999) == pytest.approx(1.0)
    other = make_scale(None, other_hartree=-2.0, other="the result")
    assert not other.known
    assert other.convert(-2.0) == 0.0


def test_long_methods_are_cut():
    long = Reference(energy_hartree=-1.0, method="DMRG with a bond dimension of 4000", source="")
    assert make_scale(long, other_hartree=0.0, other="").text.startswith("mHa above DMRG with a bond dime… (")


def test_an_uncertain_reference_has_a_level_of_its_own_where_it_matters():
    assert reference_levels(None, error_mhartree=1.0) == []
    assert [item.text for item in reference_levels(FCI, error_mhartree=1.0)] == ["1 kcal/mol", "reference"]
    unsure = Reference(energy_hartree=-1.0, method="HCI", source="", uncertainty_hartree=0.001)
    assert reference_levels(unsure, error_mhartree=1.0)[-1].y == pytest.approx(1.0)
    assert len(reference_levels(unsure, error_mhartree=100.0)) == 2


def test_errors_below_the_floor_stand_on_it_only_on_a_logarithmic_axis():
    known = [level(0.0, "reference"), level(5.0)]
    assert raise_to_floor(known, [1e-9, 2.0]) == [1e-4, 2.0]
    assert raise_to_floor([level(5.0)], [0.0, 2.0]) == [0.0, 2.0]
    assert raise_to_floor(known, [-0.5, 2.0]) == [-0.5, 2.0]


def test_the_axis_shows_all_levels_and_data():
    axes = Figure().add_subplot()
    labels = draw_levels(axes, [level(0.0, "reference"), level(300.0)], [0.02, 4.0])
    assert [label.text for label in labels] == ["other"]
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] < 0.02
    assert axes.get_ylim()[1] > 300.0
    linear = Figure().add_subplot()
    draw_levels(linear, [level(-3.0)], [0.0, 4.0])
    assert linear.get_yscale() == "symlog"
    assert linear.get_ylim()[0] < -3.0


def test_sizes_have_air_on_both_sides():
    axes = Figure().add_subplot()
    scale_sizes(axes, [10, 1000])
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == pytest.approx((10 / 1.6, 1600))
    scale_sizes(axes, [10, 20])
    assert axes.get_xlim() == pytest.approx((1, 200))
