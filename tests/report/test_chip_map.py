"""Maps of chips: what is drawn, and that it can be written."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection

from kakehashi.core.errors import InputError
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.metrics import METRICS
from kakehashi.report.chip_map import draw_chip_map, save_chip_map
from kakehashi.report.style import figure_to_svg


def circles(figure):
    parts = [part for part in figure.axes[0].collections if isinstance(part, PathCollection)]
    return max(parts, key=lambda part: part.get_zorder())


def words(figure):
    return [text.get_text() for text in figure.texts]


def test_qubits_stand_where_they_are_and_are_numbered():
    twin = load_twin("ibm-kobe")
    figure = draw_chip_map(twin)
    axes = figure.axes[0]
    assert len(circles(figure).get_offsets()) == 156
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places["16"] == (3.0, 1.0)
    low, high = axes.get_ylim()
    assert low > high  # rows go down


def test_better_is_blue_and_worse_is_vermilion():
    twin = load_twin("ibm-kobe")
    for metric in ("t1_us", "readout_error"):
        values = METRICS[metric].values(twin)
        colors = circles(draw_chip_map(twin, qubits=metric)).get_facecolor()
        best, worst = np.nanargmax(values), np.nanargmin(values)
        if metric != "t1_us":
            best, worst = worst, best
        assert colors[best, 2] > colors[best, 0]
        assert colors[worst, 0] > colors[worst, 2]


def test_dead_couplings_and_absent_qubits_are_told():
    twin = load_twin("riken-64", qubit_yield=0.9)
    figure = draw_chip_map(twin)
    lines = [part for part in figure.axes[0].collections if isinstance(part, LineCollection)]
    usable = int(twin.usable_edges.sum())
    dead = int((~twin.usable_edges & twin.present[twin.edges].all(axis=1)).sum())
    assert sorted(len(part.get_segments()) for part in lines) == sorted([usable, usable, dead])
    assert f"× dashed: {dead} dead coupling{'s' * (dead != 1)}    × in a circle: 6 absent qubits" in words(figure)
    assert len(figure.axes[0].texts) == 58


def test_where_a_circuit_lies_is_ringed():
    twin = load_twin("ibm-kobe")
    used = [0, 1, 2, 3, 16]
    widths = np.array(circles(draw_chip_map(twin, used=used)).get_linewidths())
    assert np.flatnonzero(widths > 1).tolist() == used
    some = draw_chip_map(twin, used=used, used_edges=[(1, 0)])
    lines = [part for part in some.axes[0].collections if isinstance(part, LineCollection)][1]
    assert int((lines.get_colors()[:, 3] == 1.0).sum()) == 1
    with pytest.raises(InputError, match="ibm-kobe has no qubit 156: they are numbered from 0 to 155"):
        draw_chip_map(twin, used=[156])


@pytest.mark.parametrize("name", ["fujitsu-1024", "fake-armonk", "fake-brooklyn", "fake-kyoto"])
def test_chips_of_every_size(name):
    twin = load_twin(name)
    figure = draw_chip_map(twin, qubits="frequency_ghz", edges="two_qubit_error")
    assert len(circles(figure).get_offsets()) == twin.n_qubits
    if name == "fujitsu-1024":  # numbers at both ends of each row
        assert len(figure.axes[0].texts) == 64


def test_what_is_not_known_is_white():
    twin = load_twin("riken-64")
    t1 = twin.calibration.t1_us.copy()
    t1[5] = np.nan
    fills = circles(
        draw_chip_map(replace(twin, calibration=replace(twin.calibration, t1_us=t1)), qubits="t1_us")
    ).get_facecolor()
    assert fills[5, :3].min() > 0.99


def test_metrics_belong_to_one_kind_of_part():
    twin = load_twin("riken-64")
    with pytest.raises(InputError, match="'zz_khz' belongs to edges; for qubits there are"):
        draw_chip_map(twin, qubits="zz_khz")
    with pytest.raises(InputError, match="There is no metric 'color'"):
        draw_chip_map(twin, edges="color")
    assert len(draw_chip_map(twin, qubits=None, edges=None, title=False).axes) == 1


def test_maps_are_written_and_go_into_pages(tmp_path):
    figure = draw_chip_map(load_twin("riken-64"))
    for ending in ("svg", "png", "pdf"):
        save_chip_map(tmp_path / f"map.{ending}", figure)
        assert (tmp_path / f"map.{ending}").stat().st_size > 1000
    assert "riken-64" in (tmp_path / "map.svg").read_text()
    ET.fromstring(figure_to_svg(figure, prefix="chip", label="riken-64"))
    with pytest.raises(InputError, match=r"ends in .svg, .png, .pdf, not to .*map.gif"):
        save_chip_map(tmp_path / "map.gif", figure)
