"""The project's own files agree with each other."""

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kakehashi

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][0-9a-z.]*)"
    r"( ; [a-z_]+ [!=<>]+ '[A-Za-z0-9._]+'( and [a-z_]+ [!=<>]+ '[A-Za-z0-9._]+')*)?"
)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(kakehashi.__path__, "kakehashi.")
    if not module.name.rpartition(".")[2].startswith("_")
)


SOURCES = sorted(path.relative_to(ROOT / "src/kakehashi") for path in (ROOT / "src/kakehashi").rglob("[!_]*.py"))


def pins(path):
    matches = [(line, PIN.fullmatch(line)) for line in path.read_text().splitlines()]
    odd = [line for line, match in matches if match is None]
    assert not odd, f"{path.name} holds something other than a name, a version and a marker: {odd}"
    return {match["name"]: match["version"] for _, match in matches}


def direct():
    """Direct dependencies by the lock file that must pin them."""
    yield "run", PROJECT["project"]["dependencies"]
    yield "build", PROJECT["build-system"]["requires"]
    groups, extras = PROJECT["dependency-groups"], PROJECT["project"]["optional-dependencies"]
    for extra in ("sqd", "dmrg", "hpc", "ibm", "qrmi"):
        yield "test", extras[extra]
    for extra in ("near-clifford", "mitiq"):
        yield "extras", extras[extra]
    yield "extras", [*PROJECT["project"]["dependencies"], *groups["runner"]]
    for group, items in groups.items():
        yield "test" if group == "runner" else group, [item for item in items if isinstance(item, str)]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_names_and_versions_alone(path):
    assert pins(path)


def test_every_extra_is_locked_and_so_tested():
    assert set(PROJECT["project"]["optional-dependencies"]) == {
        "sqd",
        "dmrg",
        "hpc",
        "ibm",
        "near-clifford",
        "mitiq",
        "qrmi",
    }


def test_the_locks_agree():
    versions: dict[str, set[str]] = {}
    for path in LOCKS:
        if path.name == "extras.txt":  # an environment of its own, as mitiq holds numpy back
            continue
        for name, version in pins(path).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_every_direct_dependency_is_locked_in_a_version_that_suits():
    for lock, requirements in direct():
        locked = pins(ROOT / "requirements" / f"{lock}.txt")
        for requirement in map(Requirement, requirements):
            name = canonicalize_name(requirement.name)
            assert name in locked, f"{name} is not in requirements/{lock}.txt; run `make lock`"
            assert requirement.specifier.contains(locked[name]), f"{requirement}, but {locked[name]} is locked"


def test_every_direct_dependency_has_its_line_in_the_decisions():
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs/decisions/dependencies.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    explained = {canonicalize_name(name.strip()) for row in rows for name in row.split(",")}
    needed = {canonicalize_name(Requirement(item).name) for _, items in direct() for item in items}
    assert needed - explained == set()


def test_the_version_is_stated_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_offers(name):
    module = importlib.import_module(name)
    assert isinstance(module.__doc__, str)
    if module.__file__.endswith("__init__.py") and not hasattr(module, "__all__"):
        return
    offered = module.__all__
    assert len(set(offered)) == len(offered)
    assert [word for word in offered if not hasattr(module, word)] == []


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_module_has_its_tests(source):
    """The folder of tests mirrors that of the sources, so that nobody has to search."""
    path = ROOT / "tests" / source.with_name(f"test_{source.name}")
    assert path.is_file(), f"src/kakehashi/{source} needs {path.relative_to(ROOT)}"
    assert re.search(r"^def test_", path.read_text(encoding="utf-8"), re.MULTILINE), f"{path} tests nothing"


def test_the_front_door_offers_what_it_says():
    assert [name for name in kakehashi.__all__ if not hasattr(kakehashi, name)] == []
    assert sorted(kakehashi.__all__) == sorted(kakehashi._HOMES)


def test_the_front_door_loads_nothing_until_it_is_asked():
    said = "import sys, kakehashi; print([name for name in sys.modules if name in ('numpy', 'qiskit', 'pydantic')])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
