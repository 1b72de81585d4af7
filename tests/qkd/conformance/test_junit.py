from xml.etree import ElementTree as ET

from kakehashi.qkd.conformance.junit import write_junit
from kakehashi.qkd.conformance.model import Finding, Report


def finding(name, verdict, **fields):
    given = {"sentence": "s", "group": "get key", "clause": "c", "demand": "must", "demands": "d"} | fields
    return Finding(check=name, verdict=verdict, **given)


def test_the_xml_says_what_the_report_says():
    findings = (
        finding("a", "pass"),
        finding("b", "fail", sentence='<it> "broke" \x00 & \ud800', came="400"),
        finding("c", "warn", group="abuse"),
        finding("d", "not-tested", group="abuse"),
    )
    report = Report(url="https://kme", findings=findings, n_requests=1, n_keys=1, duration_s=1.0, version="1")
    root = ET.fromstring(write_junit(report).encode("utf-8"))
    assert root.attrib["tests"] == "4"
    assert root.attrib["failures"] == root.attrib["skipped"] == "1"
    assert [suite.attrib["name"] for suite in root] == ["get key", "abuse"]
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert "broke" in cases["b"].find("failure").attrib["message"]
    assert "Came: 400" in cases["b"].find("failure").text
    assert cases["d"].find("skipped") is not None
    assert "Warning" in cases["c"].find("system-out").text
    assert list(cases["a"]) == []
