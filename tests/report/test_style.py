import itertools
import re
import xml.etree.ElementTree as ET
from importlib import resources

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from matplotlib.figure import Figure

from kakehashi.report.figures import plot_convergence
from kakehashi.report.style import COLORS, LineLabel, add_line_labels, figure_to_svg, format_power


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    """WCAG 2.2, 1.4.3."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes():
    css = resources.files("kakehashi.report").joinpath("report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light | {f"figure-{k}": v for k, v in COLORS.items()}, "dark": dark}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_its_background(theme):
    colors = themes()[theme]
    for text in ("ink", "muted", "accent"):
        for paper in ("paper", "card", "code"):
            assert contrast(colors[text], colors[paper]) >= 4.5, (text, paper)
    for mood in ("good", "bad", "warn"):
        assert contrast(colors[mood], colors[f"{mood}-paper"]) >= 4.5, mood
    assert contrast(colors["ink"], colors["warn-paper"]) >= 4.5
    for role in ("ink", "muted", "run", "control", "state"):
        assert contrast(colors[f"figure-{role}"], colors["figure-paper"]) >= 4.5, role


def test_dark_theme_names_every_color_of_the_figures():
    assert {f"figure-{name}" for name in COLORS} <= themes()["dark"].keys()


def test_svg_is_xml_with_text_and_theme(build):
    svg = figure_to_svg(plot_convergence(build()), prefix="k1", label="An <error> & its fall")
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    title = root.find(f"{space}title")
    assert (title.get("id"), title.text) == (root.get("aria-labelledby"), "An <error> & its fall")
    assert "Hartree-Fock" in [node.text for node in root.iter(f"{space}text")]
    assert f"var(--figure-run, {COLORS['run']})" in svg
    assert all(node.get("id", "k1-").startswith("k1-") for node in root.iter())
    assert root.find(f".//{space}style") is None
    assert "width" not in root.attrib


def test_references_inside_the_svg_are_kept(build):
    svg = figure_to_svg(plot_convergence(build()), prefix="k1", label="")
    names = set(re.findall(r' id="([^"]+)"', svg))
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    assert used
    assert used <= names


def test_same_figure_gives_same_svg(build):
    first, second = (figure_to_svg(plot_convergence(build()), prefix="k", label="") for _ in range(2))
    assert first == second


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_labels_never_touch_and_stay_inside(heights):
    axes = Figure().add_subplot()
    axes.set_ylim(0, 1)
    add_line_labels(axes, [LineLabel(y=y, text="x", color="#000000") for y in heights])
    places = sorted(label.xyann[1] for label in axes.texts)
    assert all(b - a >= 0.083 - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] >= -1e-9
    assert places[-1] <= 1 + 1e-9


def test_labels_with_room_stand_at_their_lines():
    axes = Figure().add_subplot()
    axes.set_yscale("log")
    axes.set_ylim(1, 100)
    add_line_labels(axes, [LineLabel(y=10, text="ten", color="#000000")])
    assert axes.texts[0].xyann[1] == pytest.approx(0.5)


@given(st.integers(-30, 30))
def test_ticks_say_their_power(exponent):
    text = format_power(10.0**exponent, plain=0)
    expected = "1" if exponent == 0 else f"10{exponent}"
    assert text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) == expected
