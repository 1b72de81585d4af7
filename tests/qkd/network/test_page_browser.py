"""The live page in a real browser: whatever is written on the map can be read."""

import itertools
import re
import subprocess
import xml.etree.ElementTree as ET
from importlib import resources

import pytest

from kakehashi.qkd.network.management import Management
from kakehashi.qkd.network.messages import LinkReport, NodeReport, Note
from kakehashi.qkd.network.page import PageServer
from kakehashi.qkd.network.spec import read_network

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=3000", "--dump-dom")
FILE = resources.files("kakehashi.qkd.network").joinpath("data/tokyo.toml")


def state(alarm):
    """The Tokyo network with all its links running, and an alarm on one."""
    spec = read_network(FILE)
    management = Management(spec)
    for node, now in itertools.product(spec.names, (1.0, 2.0)):
        own = [link.name for link in spec.link if node in link.ends]
        links = (LinkReport(link=name, state="running", qber=0.03, n_blocks=1, bound="lim") for name in own)
        notes = (Note(kind="alarm", at_utc=now, text="too many errors", link=name) for name in own if name == alarm)
        stock = dict.fromkeys(spec.neighbours(node), 500_000)
        report = NodeReport(node=node, at_utc=now, stock_bits=stock, links=tuple(links), notes=tuple(notes))
        management.report(report, now)
    return management.state(2.0)


def look(browser, folder, shown, width):
    server = PageServer("127.0.0.1", 0)
    server.start()
    server.show(shown)
    options = [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"]
    command = [browser, *FLAGS, *options, f"http://127.0.0.1:{server.port}/"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    finally:
        server.close()


def box_of(text, size):
    """What a text covers at least: half as wide for each letter as the letters are high."""
    x, y, width = float(text.get("x")), float(text.get("y")), 0.5 * size * len(text.text)
    style = text.get("style") or ""
    left = x if "start" in style else x - width if "end" in style else x - width / 2
    return left, y - 0.7 * size, left + width, y


def points(line):
    start, end = ([float(line.get(f"{axis}{i}")) for axis in "xy"] for i in (1, 2))
    return [[a + (b - a) * part / 200 for a, b in zip(start, end, strict=True)] for part in range(201)]


def is_in(box, point):
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


def meet(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.slow
@pytest.mark.parametrize("alarm", ["", "nec", "mitsubishi"])
@pytest.mark.parametrize(("width", "small", "large"), [(1280, 2.9, 4.0), (700, 3.9, 5.0)])
def test_no_text_of_the_map_lies_on_a_line_or_on_another_text(browser, tmp_path, alarm, width, small, large):
    page = look(browser, tmp_path, state(alarm), width)
    svg = ET.fromstring(re.search(r'<svg id="map".*?</svg>', page, re.DOTALL).group())
    notes = [text for text in svg.iter("text") if text.get("class")]
    names = [text for text in svg.iter("text") if not text.get("class")]
    assert (len(notes), len(names)) == (6, 4)
    boxes = [(text.text, box_of(text, small)) for text in notes] + [(text.text, box_of(text, large)) for text in names]
    lines = [points(line) for line in svg.iter("line")]
    assert [text for text, box in boxes if any(is_in(box, point) for line in lines for point in line)] == []
    assert [(one[0], other[0]) for one, other in itertools.combinations(boxes, 2) if meet(one[1], other[1])] == []
    assert "<td>lim</td>" in page
