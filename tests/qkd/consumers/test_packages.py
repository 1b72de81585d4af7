import os
from pathlib import Path

import pytest

from kakehashi.core.errors import MissingDependencyError, ResourceError
from kakehashi.qkd.consumers import packages


def test_what_is_missing_is_named_with_its_packages(monkeypatch):
    monkeypatch.setattr(packages, "FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingDependencyError, match=r"apt install wireguard-go wireguard-tools$"):
        packages.require_programs("wireguard-go", "wg")
    assert packages.missing_packages(["unshare", "nsenter"]) == ["util-linux"]
    assert packages.missing_packages(list(packages.PROGRAMS)).count("util-linux") == 1


def test_system_folders_are_searched_beside_the_path(monkeypatch, tmp_path):
    (tmp_path / "charon").touch()
    monkeypatch.setattr(packages, "FOLDERS", (str(tmp_path),))
    assert packages.find_program("charon") == str(tmp_path / "charon")


def test_namespaces_need_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ResourceError, match="sudo"):
        packages.require_namespaces()


def test_all_packages_are_installed_by_ci():
    script = Path(__file__).resolve().parents[3] / ".ci" / "run"
    wanted = set(
        script.read_text().split("system_packages() {")[1].split("}")[0].replace("(", " ").replace(")", " ").split()
    )
    assert {package for names in packages.PROGRAMS.values() for package in names} <= wanted
