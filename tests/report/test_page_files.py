import json

import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.page_files import write_page


def test_three_files_are_written(tmp_path):
    page = write_page(tmp_path / "new", "scan", table={"label": "Å"}, svg="<svg/>", page="<p>")
    assert sorted(path.name for path in page.parent.iterdir()) == ["scan.html", "scan.json", "scan.svg"]
    assert json.loads((page.parent / "scan.json").read_text(encoding="utf-8")) == {"label": "Å"}
    assert (page.parent / "scan.svg").read_text(encoding="utf-8") == "<svg/>\n"
    assert page.read_text(encoding="utf-8") == "<p>"


def test_numbers_that_json_does_not_know_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_page(tmp_path, "scan", table={"energy": float("nan")}, svg="", page="")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        write_page(tmp_path / "file", "scan", table={}, svg="", page="")
