import json
from xml.etree import ElementTree as ET

import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.ledger_page import Comparison, write_comparison


@pytest.fixture
def comparison(build, build_ledger):
    return Comparison(
        problem="<N2> & more",
        device="noisy",
        reference=build().reference,
        ledger=build_ledger(),
        seed=7,
        spec={"seed": 7},
        provenance={"kakehashi": "0.1.0"},
    )


def test_three_files_are_written(comparison, tmp_path):
    page = write_comparison(comparison, tmp_path / "new")
    assert sorted(path.name for path in page.parent.iterdir()) == ["ledger.html", "ledger.json", "ledger.svg"]
    table = json.loads((page.parent / "ledger.json").read_text(encoding="utf-8"))
    assert table == json.loads(json.dumps(comparison.to_json()))
    assert table["schema"] == "kakehashi.ledger/1"
    assert table["ledger"]["verdict"] == comparison.ledger.verdict
    root = ET.fromstring((page.parent / "ledger.svg").read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_page_tells_the_verdict_and_escapes_names(comparison):
    text = comparison.to_html()
    assert comparison.ledger.verdict in text
    assert "&lt;N2&gt; &amp; more" in text
    assert "<N2>" not in text
    assert "<script" not in text
    assert "20,000 shots of the device" in text


def test_a_folder_that_is_a_file_is_refused(comparison, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        write_comparison(comparison, tmp_path / "file")
