"""The report in a real browser: it shows, nothing is requested, nothing is complained of."""

import re
import subprocess

import pytest
from matplotlib.image import imread

from kakehashi.report.example import example_result
from kakehashi.report.html import write_report

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1280, 2400), (390, 2400)])
def test_the_page_shows(browser, tmp_path, width, height):
    page = write_report(example_result(), tmp_path)
    picture = tmp_path / "page.png"
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},{height}"]
    command += ["--enable-logging=stderr", f"--screenshot={picture}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not re.findall(r".*CONSOLE.*", done.stderr)
    pixels = imread(picture)
    assert pixels.shape[:2] == (height, width)
    colours = {tuple(row) for row in (pixels[::7, ::7, :3] * 255).astype(int).reshape(-1, 3)}
    assert len(colours) > 20  # an empty page has one
