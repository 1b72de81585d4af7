import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from kakehashi.problem.model import Reference
from kakehashi.report.example import example_processor
from kakehashi.report.figures import FIGURES, figures_of, plot_convergence, plot_occupancies, plot_size, plot_weights


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def line_with_color(axes, color):
    return next(line for line in axes.lines if line.get_color() == color and line.get_linestyle() == "-")


RUN, CONTROL = "#0b62a8", "#c2490a"


def test_convergence_shows_errors_on_a_logarithmic_axis(build):
    figure = plot_convergence(build())
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    line = line_with_color(axes, RUN)
    assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
    assert line.get_ydata()[-1] == pytest.approx(0.771778)
    dots = next(line for line in axes.lines if line.get_linestyle() == "None")
    assert len(dots.get_xdata()) == 25
    assert {"random strings", "Hartree-Fock", "1 kcal/mol", "this run"} <= set(texts(figure))
    assert "mHa above FCI (−109.04667178 hartree)" in texts(figure)


def test_lines_to_compare_with_stand_where_they_should(build):
    levels = [line.get_ydata()[0] for line in plot_convergence(build()).axes[0].lines if line.is_dashed()]
    assert sorted(levels) == pytest.approx([1.5936, 190.571778, 211.435208])


def test_convergence_without_reference_starts_from_the_result(build):
    figure = plot_convergence(build(reference=None))
    assert figure.axes[0].get_yscale() == "symlog"
    assert line_with_color(figure.axes[0], RUN).get_ydata()[-1] == 0.0
    assert "mHa above the result (−109.04590000 hartree)" in texts(figure)
    assert "1 kcal/mol" not in texts(figure)


def test_energy_below_the_reference_is_shown_below_it(build):
    figure = plot_convergence(build(energy_hartree=-109.0467))
    axes = figure.axes[0]
    assert axes.get_yscale() == "symlog"
    assert axes.get_ylim()[0] < line_with_color(axes, RUN).get_ydata()[-1] < 0
    assert "reference" in texts(figure)


def test_rounding_below_the_reference_keeps_the_logarithmic_axis(build):
    axes = plot_convergence(build(energy_hartree=-109.046671778 - 1e-9)).axes[0]
    assert axes.get_yscale() == "log"
    assert line_with_color(axes, RUN).get_ydata()[-1] == 1e-4


def test_size_shows_both_curves_up_to_the_whole_subspace(build):
    figure = plot_size(build())
    axes = figure.axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    run, control = (line_with_color(axes, color) for color in (RUN, CONTROL))
    assert run.get_xdata()[0] == 1
    assert run.get_xdata()[-1] == control.get_xdata()[-1] == 4_000_000
    assert run.get_ydata()[-1] == pytest.approx(0.771778)
    assert control.get_ydata()[-1] == pytest.approx(190.571778)


def test_size_without_curves_shows_the_end_point(build):
    axes = plot_size(build(size_curve=(), control=None)).axes[0]
    assert list(line_with_color(axes, RUN).get_xdata()) == [4_000_000]
    figure = plot_size(build(size_curve=(), control=None))
    figure.draw_without_rendering()
    assert any(tick.get_text() == "10⁶" for tick in figure.axes[0].get_xticklabels())


def test_occupancies_are_the_bars(build):
    result = build(n_elec=(6, 4))
    heights = [bar.get_height() for bar in plot_occupancies(result).axes[0].patches]
    pale_alpha, alpha, pale_beta, beta = np.array(heights).reshape(4, 16)
    np.testing.assert_array_equal(alpha, result.occupancies[0])
    np.testing.assert_array_equal(beta, -result.occupancies[1])
    assert (pale_alpha.sum(), pale_beta.sum()) == (6, -4)


def test_weights_are_the_histograms(build, build_sampling):
    figure = plot_weights(build())
    steps = [patch for patch in figure.axes[0].patches if isinstance(patch, mpl.patches.StepPatch)]
    values = [step.get_data().values for step in steps]
    np.testing.assert_array_equal(values[0], build().sampling.state_histogram)
    np.testing.assert_array_equal(values[2], build().sampling.sampled_histogram)
    assert figure.axes[0].lines[0].get_xdata()[0] == pytest.approx(-np.log10(61_410))  # one of the valid shots
    assert "one shot" in texts(figure)


def test_smallest_bin_says_that_it_collects(build, build_sampling):
    histogram = np.zeros(32, dtype=np.int64)
    histogram[0] = 5
    for state, expected in ((histogram, True), (histogram[::-1], False)):
        summary = build_sampling(state_histogram=state, weight_bins_log10=np.linspace(-12, 0, 33))
        figure = plot_weights(build(sampling=summary))
        figure.axes[0].set_xlim(-12.1, 0)
        figure.draw_without_rendering()
        assert ("≤ 10⁻¹²" in texts(figure)) == expected


def test_weights_without_samples_say_so(build, build_sampling):
    empty = build_sampling(sampled_histogram=np.zeros(32, dtype=np.int64), n_in_sector=0)
    assert "sampled: none" in texts(plot_weights(build(sampling=empty)))


@pytest.fixture
def full(build, build_selected, build_ledger):
    """A result with something for every figure, and fields replaced."""
    rest = {"ledger": build_ledger(), "processor": example_processor()}
    return lambda **changes: build(selected=build_selected(), **rest, **changes)


def test_a_result_has_the_figures_that_it_has_numbers_for(build, full, build_ledger):
    assert set(FIGURES) - set(figures_of(build())) == {"chip", "errors", "estimate", "ledger"}
    assert figures_of(full()) == tuple(FIGURES)
    assert "estimate" not in figures_of(build(ledger=build_ledger()))


@pytest.mark.parametrize("kind", list(FIGURES))
def test_title_can_be_left_to_the_page(full, kind):
    with_title, without = FIGURES[kind](full()), FIGURES[kind](full(), title=False)
    titles = set(texts(with_title)) - set(texts(without))
    assert len(titles) == (2 if kind == "chip" else 1)  # a chip has a name, and words on its calibration
    assert max(map(len, titles)) > 10


@pytest.mark.parametrize("kind", list(FIGURES))
def test_figure_can_be_saved_under_any_settings(full, kind):
    dollar = Reference(energy_hartree=-109.0466, method="$x^{$", source="")
    figure = FIGURES[kind](full(reference=dollar))
    with mpl.rc_context({"text.parse_math": True, "font.size": 30}):
        figure.savefig(io.BytesIO(), format="svg")


@pytest.mark.parametrize("kind", list(FIGURES))
def test_nothing_is_cut_off(full, kind):
    figure = FIGURES[kind](full())
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= figure.get_figwidth() + 0.01
    assert box.y1 <= figure.get_figheight() + 0.01


def test_settings_of_matplotlib_are_left_alone(full):
    before = dict(mpl.rcParams)
    for kind in FIGURES:
        FIGURES[kind](full())
    assert dict(mpl.rcParams) == before


@pytest.mark.slow
def test_figures_need_no_pyplot():
    code = (
        "import sys; from kakehashi.report.example import example_result; "
        "example_result().to_html(); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
