import matplotlib as mpl
import numpy as np
import pytest

from kakehashi.report.scan_figure import plot_scan, scan_base


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def curves(axes):
    return [line for line in axes.lines if len(line.get_xdata()) > 2]


def test_both_axes_show_every_curve_against_the_key(build_scan):
    figure = plot_scan(build_scan())
    upper, lower = figure.axes
    assert {"Hartree-Fock", "samples", "selected CI", "estimate", "no error bar", "1 kcal/mol"} <= set(texts(figure))
    assert "mHa above the estimate" in texts(figure)
    for axes in (upper, lower):
        for line in curves(axes):
            np.testing.assert_array_equal(line.get_xdata(), [0.9, 1.0, 1.1, 1.2])
    assert upper.get_xlim() == lower.get_xlim()


def test_distances_are_those_of_the_numbers(build_scan):
    scan = build_scan()
    base, name = scan_base(scan)
    assert name == "the estimate"
    assert np.isnan(base[2:]).all()
    heights = [1000 * (point.energy_hartree - base[k]) for k, point in enumerate(scan.points)]
    drawn = [line.get_ydata() for line in curves(plot_scan(scan).axes[1])]
    assert any(np.allclose(ydata[:2], heights[:2]) and np.isnan(ydata[2:]).all() for ydata in drawn)


def test_points_stand_in_the_order_of_the_key_whatever_was_done_first(build_scan):
    scan = build_scan(values=(1.2, 0.9, 1.1, 1.0))
    for line in curves(plot_scan(scan).axes[0]):
        assert list(line.get_xdata()) == [0.9, 1.0, 1.1, 1.2]


def test_words_are_ticks(build_scan):
    scan = build_scan(values=("given", "natural", "broken-symmetry", "auto"), label="orbitals")
    _, lower = plot_scan(scan).axes
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["given", "natural", "broken-symmet…", "auto"]
    assert lower.get_xlabel() == "orbitals"


def test_a_reference_at_every_point_is_what_distances_are_measured_from(build_scan, build, build_selected):
    scan = build_scan(results=[build(selected=build_selected())] * 4)
    assert scan_base(scan)[1] == "the reference"
    assert "mHa above the reference" in texts(plot_scan(scan))
    some = [build(selected=build_selected(), reference=None)] * 3 + [build(selected=build_selected())]
    mixed = build_scan(results=some)
    assert scan_base(mixed)[1] == "the estimate"
    assert "reference" in texts(plot_scan(mixed))


def test_failed_and_waiting_points_are_gaps(build_scan):
    scan = build_scan(failed=True, waiting=True)
    figure = plot_scan(scan)
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlim()[1] > 10.5


@pytest.mark.parametrize("case", ["no selection", "one point", "two states", "nothing trusted"])
def test_edge_cases_can_be_drawn(build_scan, build, build_selected, case):
    if case == "no selection":
        scan = build_scan(results=[build(reference=None)] * 4)
        assert scan_base(scan)[1] == "the lowest energy"
    elif case == "one point":
        scan = build_scan(values=(1.0,), results=[build(selected=build_selected())])
    elif case == "two states":
        one = build_selected()
        both = build_selected(rungs=one.rungs * 2, estimates=one.estimates * 2, properties=one.properties * 2)
        scan = build_scan(results=[build(selected=both)] * 4)
        assert "state 1" in texts(plot_scan(scan))
    else:
        scan = build_scan(results=[build(selected=build_selected(last=2), reference=None)] * 4)
    plot_scan(scan, title=False).draw_without_rendering()
