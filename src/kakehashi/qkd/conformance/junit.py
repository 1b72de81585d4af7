"""A report as JUnit XML, which continuous integration reads."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kakehashi.qkd.conformance.model import Finding, Report

__all__ = ["write_junit"]

FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, which a server may send all the same."""


def write_junit(report: Report) -> str:
    """The XML: a suite for each group; what was not tested is skipped, a warning stands in the output.

    Example:
        >>> report = Report(url="https://kme", findings=(), n_requests=0, n_keys=0, duration_s=0.0, version="1")
        >>> 'tests="0"' in write_junit(report)
        True
    """
    counts = report.counts
    root = Element(
        "testsuites",
        {
            "name": "ETSI GS QKD 014 V1.1.1",
            "tests": str(len(report.findings)),
            "failures": str(counts["fail"]),
            "skipped": str(counts["not-tested"]),
            "errors": "0",
            "time": f"{report.duration_s:.3f}",
        },
    )
    for group, found in groupby(report.findings, key=lambda finding: finding.group):
        findings = list(found)
        suite = SubElement(
            root,
            "testsuite",
            name=group,
            tests=str(len(findings)),
            failures=str(sum(finding.verdict == "fail" for finding in findings)),
            skipped=str(sum(finding.verdict == "not-tested" for finding in findings)),
            errors="0",
            time=f"{sum(finding.duration_s for finding in findings):.3f}",
            timestamp=report.started,
            hostname=_clean(report.url),
        )
        for finding in findings:
            _write_case(suite, finding)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _write_case(suite: Element, finding: Finding) -> None:
    name = f"kakehashi.qkd.conformance.{finding.group.replace(' ', '_')}"
    case = SubElement(suite, "testcase", classname=name, name=finding.check, time=f"{finding.duration_s:.3f}")
    if finding.verdict == "fail":
        failure = SubElement(case, "failure", message=_clean(finding.sentence), type=finding.demand)
        failure.text = _clean(_details(finding))
    elif finding.verdict == "not-tested":
        SubElement(case, "skipped", message=_clean(finding.sentence))
    elif finding.verdict == "warn":
        SubElement(case, "system-out").text = _clean(f"Warning: {finding.sentence}\n{_details(finding)}")


def _details(finding: Finding) -> str:
    return f"{finding.demands}\nClause: {finding.clause}\nSent: {finding.sent}\nCame: {finding.came}"


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
