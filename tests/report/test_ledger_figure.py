import matplotlib as mpl
import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.ledger import ARMS
from kakehashi.report.ledger_figure import ledger_scale, plot_ledger, plot_ledger_alone

FCI = -109.046671778


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def curves(axes):
    return [line for line in axes.lines if line.get_marker() in ("o", "s", "^")]


def test_both_panels_show_all_arms_at_the_same_heights(build, build_ledger):
    figure = plot_ledger(build(ledger=build_ledger()))
    left, right = figure.axes
    assert [len(curves(axes)) for axes in figure.axes] == [len(ARMS)] * 2
    for sizes, times, arm in zip(curves(left), curves(right), build_ledger().arms, strict=True):
        assert list(sizes.get_xdata()) == [point.n_determinants for point in arm.points]
        assert list(times.get_xdata()) == [point.cpu_s for point in arm.points]
        assert list(sizes.get_ydata()) == list(times.get_ydata())
        assert sizes.get_ydata()[-1] == pytest.approx(1000 * (arm.last.energy_hartree - FCI))
    assert left.get_ylim() == right.get_ylim()
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert left.get_yscale() == "log"
    assert set(ARMS) | {"1 kcal/mol", "mHa above FCI (−109.04667178 hartree)"} <= set(texts(figure))


def test_an_arm_at_the_exact_energy_stands_on_the_floor(build_ledger, build):
    exact = build_ledger(heat_bath=((1, 211.4, 0.001), (400, 0.0, 0.01)))
    heights = curves(plot_ledger_alone(exact, reference=build().reference).axes[0])[2].get_ydata()
    assert heights[-1] == 1e-4


def test_without_a_reference_energies_are_above_the_best_that_is_known(build, build_selected, build_ledger):
    assert ledger_scale(build_ledger(), None, -109.05) == (-109.05, "the estimate")
    assert ledger_scale(build_ledger(), None, None)[1] == "the lowest energy"
    assert ledger_scale(build_ledger(), build().reference, -109.05) == (FCI, "FCI")
    result = build(reference=None, ledger=build_ledger(), selected=build_selected())
    assert "mHa above the estimate (−109.04664900 hartree)" in texts(plot_ledger(result))
    bare = build(reference=None, ledger=build_ledger(), selected=build_selected(last=3))
    assert any(text.startswith("mHa above the lowest energy") for text in texts(plot_ledger(bare)))


def test_times_that_no_clock_sees_can_be_drawn(build_ledger):
    at_once = build_ledger(heat_bath=((1, 211.4, 0.0), (400, 1.0, 0.0)))
    plot_ledger_alone(at_once).draw_without_rendering()


def test_a_result_without_a_ledger_is_refused(build):
    with pytest.raises(InputError, match=r"no ledger to show: set ledger\.enabled"):
        build().plot("ledger")
