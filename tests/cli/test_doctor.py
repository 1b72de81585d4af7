from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kakehashi import _native
from kakehashi.cli.doctor import OPTIONAL, PACKAGES, Finding, examine
from kakehashi.core.resources import n_processors


def by_subject() -> dict[str, Finding]:
    findings = examine()
    subjects = [finding.subject for finding in findings]
    assert len(set(subjects)) == len(subjects)
    return dict(zip(subjects, findings, strict=True))


@pytest.fixture
def widest() -> Iterator[None]:
    """Put the kernels back after a test that chose others."""
    yield
    _native.select_kernels("widest")


def test_a_machine_that_runs_the_tests_is_in_order() -> None:
    findings = by_subject()
    assert {"kernels", "processors", "memory", "disk", "data", *PACKAGES} <= set(findings)
    assert [finding for finding in findings.values() if finding.state == "bad"] == []
    assert findings["processors"].text == str(n_processors())
    assert findings["numpy"].text == np.__version__


def test_the_kernels_in_use_are_named(widest: None) -> None:
    for name in ("portable", "avx2", "avx512"):
        if _native.select_kernels(name):
            kernels = by_subject()["kernels"]
            assert kernels.text.startswith(name)
            assert kernels.state == ("note" if name == "portable" else "good")


def test_the_packages_that_are_looked_at_are_direct_dependencies() -> None:
    lines = importlib.metadata.requires("kakehashi") or []
    needed = {line.split(">")[0].split(";")[0] for line in lines if "extra" not in line}
    optional = {line.split(">")[0].split(";")[0] for line in lines if "extra" in line}
    assert set(PACKAGES) <= needed
    assert {package for package, _, _ in OPTIONAL.values()} <= optional


def test_what_is_not_installed_is_said_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path on which every package but two can be found: links to what is installed."""
    for package in set(PACKAGES) - {"pyscf"}:
        info = Path(str(importlib.metadata.distribution(package).locate_file("")))
        for folder in info.glob(f"{package}-*.dist-info"):
            (tmp_path / folder.name).symlink_to(folder)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for module in OPTIONAL:
        monkeypatch.delitem(sys.modules, module, raising=False)
    findings = by_subject()
    assert findings["pyscf"].state == "bad"
    assert "pip install kakehashi" in findings["pyscf"].text
    assert findings["qiskit-addon-sqd"].state == "note"
    assert "pip install 'kakehashi[sqd]'" in findings["qiskit-addon-sqd"].text
    assert all(findings[package].state == "good" for package in set(PACKAGES) - {"pyscf"})


def test_data_folders_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KAKEHASHI_DATA", str(tmp_path / "data"))
    missing = by_subject()["data"]
    assert missing.state == "note"
    assert f"{tmp_path / 'data'}, " in missing.text
    assert missing.text.endswith("(none exists yet)")
    (tmp_path / "data").mkdir()
    there = by_subject()["data"]
    assert there.state == "good"
    assert "none exists" not in there.text


def test_a_finding_is_plain_json() -> None:
    finding = Finding(subject="memory", state="note", text="1.0 GiB available")
    assert json.loads(json.dumps(finding.to_json())) == {
        "subject": "memory",
        "state": "note",
        "text": "1.0 GiB available",
    }
