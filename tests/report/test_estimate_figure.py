import matplotlib as mpl
import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.estimate_figure import plot_estimate, shown_rungs

STATE = "#8a4b9e"


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def lines(figure, color):
    return [line for line in figure.axes[0].lines if line.get_color() == color]


def test_the_line_ends_at_the_estimate_where_nothing_is_left_outside(build, build_selected):
    figure = plot_estimate(build(selected=build_selected()))
    line, bar, dot = lines(figure, STATE)
    assert (line.get_xdata()[1], line.get_ydata()[1]) == pytest.approx((0.0, 0.022778))
    assert dot.get_xdata()[0] == 0.0
    assert bar.get_ydata()[1] - bar.get_ydata()[0] == pytest.approx(0.2)
    slope = (line.get_ydata()[0] - line.get_ydata()[1]) / -line.get_xdata()[0]
    assert slope == pytest.approx(1.0, abs=0.02)
    assert {"12,801", "estimate", "reference"} <= set(texts(figure))


def test_without_an_error_bar_there_is_no_line(build, build_selected):
    figure = plot_estimate(build(selected=build_selected(last=3)))
    assert lines(figure, STATE) == []
    assert "selected CI" in texts(figure)
    assert "estimate" not in texts(figure)


def test_without_a_reference_energies_are_above_the_estimate(build, build_selected):
    figure = plot_estimate(build(selected=build_selected(), reference=None))
    assert "mHa above the estimate (−109.04664900 hartree)" in texts(figure)
    bare = plot_estimate(build(selected=build_selected(last=3), reference=None))
    assert "mHa above the largest space (−108.98620900 hartree)" in texts(bare)


def test_a_single_space_can_be_drawn(build, build_selected):
    figure = plot_estimate(build(selected=build_selected(last=1)))
    figure.draw_without_rendering()
    assert "1" in texts(figure)


def test_the_last_spaces_are_shown(build_selected):
    assert [rung.n_determinants for rung in shown_rungs(build_selected())] == [1647, 3294, 6588, 12801]


def test_a_result_without_an_estimate_is_refused(build):
    with pytest.raises(InputError, match=r"no estimate to show: set energy\.max_determinants"):
        build().plot("estimate")
