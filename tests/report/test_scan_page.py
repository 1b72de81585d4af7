import json
from xml.etree import ElementTree as ET

import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.scan import Scan, ScanPoint
from kakehashi.report.scan_page import caption_scan, render_scan, scan_table, write_scan


def test_three_files_are_written(build_scan, tmp_path):
    scan = build_scan()
    page = write_scan(scan, tmp_path / "new")
    assert sorted(path.name for path in page.parent.iterdir()) == ["scan.html", "scan.json", "scan.svg"]
    assert json.loads((page.parent / "scan.json").read_text()) == scan.to_json()
    root = ET.fromstring((page.parent / "scan.svg").read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_table_has_a_row_for_each_point(build_scan):
    table = scan_table(build_scan(failed=True, waiting=True))
    assert all(len(row) == len(table.columns) for row in table.rows)
    energy, trusted = table.columns.index("Energy (hartree)"), table.columns.index("Trusted")
    assert [row[0] for row in table.rows] == ["0.9", "1.0", "1.1", "1.2", "9.9", "10.5"]
    assert [row[trusted] for row in table.rows] == ["yes", "yes", "no", "no", "–", "–"]
    assert [row[energy] for row in table.rows[-2:]] == ["failed", "waiting"]
    assert "Reference above it (mHa)" not in table.columns


def test_the_reference_has_a_column_where_there_is_one(build_scan, build, build_selected):
    table = scan_table(build_scan(results=[build(selected=build_selected())] * 4))
    assert "Reference above it (mHa)" in table.columns


def test_the_page_escapes_what_others_wrote(build_scan):
    text = render_scan(build_scan(problem="<N2> & more", failed=True))
    assert "&lt;N2&gt; &amp; more" in text
    assert "<script" not in text
    assert "4 points, 1 failed, in 2 chains" in text
    assert "bond (angstrom) 9.9: No:" in text


def test_a_scan_of_failures_has_a_page_and_no_figure(tmp_path):
    point = ScanPoint(value=1.0, chain=0, state="failed", folder="1", error="It cannot be.")
    about = {"problem": "N2", "key": "problem.bond_angstrom", "label": "bond", "scan_id": "0", "n_chains": 1}
    scan = Scan(points=(point,), wall_s=0.0, seed=1, spec={}, provenance={}, **about)
    write_scan(scan, tmp_path)
    assert not (tmp_path / "scan.svg").exists()
    assert "It cannot be." in (tmp_path / "scan.html").read_text()
    assert caption_scan(scan).alternative == "No point is done."


def test_a_folder_that_is_a_file_is_refused(build_scan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        write_scan(build_scan(), tmp_path / "file")
