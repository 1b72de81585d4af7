"""The whole chain on small systems whose exact energy is known."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kakehashi
from kakehashi.core.errors import InputError, MissingDependencyError, ResourceError, SpecError
from kakehashi.core.progress import Event
from kakehashi.device.model import Shots
from kakehashi.device.uniform import UniformDevice
from kakehashi.report.model import Result
from kakehashi.workflow.run import execute, solve
from kakehashi.workflow.spec import RunSpec, read_spec

NOISY = {"name": "noisy", "depolarizing": 0.3, "n_shots": 2000}
SMALL = {"max_strings": 15, "max_iterations": 3}


def h6(**options: Any) -> Result:
    settings: dict[str, Any] = {"device": NOISY, "subspace": SMALL, "seed": 7, **options}
    return solve("hydrogen-chain", **settings)


@pytest.fixture(scope="module")
def result() -> Result:
    return h6()


def test_energy_lies_between_exact_and_hartree_fock(result: Result) -> None:
    assert result.reference is not None
    assert result.reference.energy_hartree - 1e-8 <= result.energy_hartree < result.hartree_fock_hartree
    assert result.error_mhartree == pytest.approx(1000 * (result.energy_hartree - result.reference.energy_hartree))
    assert result.n_determinants == result.n_alpha_strings * result.n_beta_strings == 225
    np.testing.assert_allclose(result.occupancies.sum(axis=1), [3, 3])
    assert result.converged


def test_full_space_is_exact() -> None:
    result = h6(subspace={"max_strings": 20, "residual_tolerance_hartree": 1e-6})
    assert abs(result.error_mhartree or 1.0) < 1e-3  # all 20 strings of 3 electrons in 6 orbitals
    assert abs(result.energy_hartree - (result.reference_hartree or 0.0)) < 1e-8


def test_selection_goes_on_from_the_samples_to_the_exact_energy(result: Result) -> None:
    assert result.selected is not None
    assert result.reference is not None
    assert result.selected.estimate.trusted
    assert result.selected.estimate.energy_hartree == pytest.approx(result.reference.energy_hartree, abs=1e-6)
    assert result.bound_hartree <= result.energy_hartree


def test_the_ledger_is_part_of_the_result(result: Result) -> None:
    assert result.ledger is not None
    assert result.ledger.n_shots == result.sampling.n_shots
    assert result.ledger.verdict


def test_selection_and_ledger_can_be_left_out() -> None:
    short = h6(energy={"max_determinants": 0}, ledger={"max_determinants": 0})
    assert short.selected is None
    assert short.ledger is None
    assert {"selection", "ledger"}.isdisjoint(short.stage_s)


def test_the_spin_of_the_subspace_is_that_of_selection() -> None:
    triplet = h6(subspace={**SMALL, "two_s": 2, "same_strings": False}, ledger={"max_determinants": 0})
    assert triplet.selected is not None
    assert triplet.selected.last.spin_squared == pytest.approx(2.0, abs=1e-4)


def test_threads_and_memory_make_no_other_run(result: Result) -> None:
    limits = {"n_threads": 1, "memory_gib": 1.0}
    assert h6(energy=limits, ledger={"n_threads": 2}).run_id == result.run_id


def test_classical_references_stand_beside_the_result(tmp_path: Path, result: Result) -> None:
    assert result.classical == ()

    def interrupt(event: Event) -> None:
        if event.stage == "ledger":
            raise Interrupted

    options = {"classical": ["fci", "CCSD(T)"], "folder": tmp_path}
    with pytest.raises(Interrupted):
        h6(**options, progress=interrupt)
    messages: list[str] = []
    whole = h6(**options, progress=lambda event: messages.append(event.message))
    assert {"fci of the earlier call is there", "ccsd(t) of the earlier call is there"} <= set(messages)
    fci, ccsdt = whole.classical
    assert fci.energy_hartree == pytest.approx(whole.reference_hartree, abs=1e-8)
    assert ccsdt.energy_hartree != fci.energy_hartree
    assert whole.stage_s["classical"] >= fci.wall_s
    assert whole.run_id != result.run_id
    assert kakehashi.read_result(tmp_path / "result.json") == whole


def test_a_reference_that_fails_costs_a_warning_and_not_the_run() -> None:
    whole = h6(classical={"solvers": ["fci"]}, energy={"memory_gib": 1e-6, "max_determinants": 0})
    assert whole.classical == ()
    assert any("The classical reference 'fci' could not be had: " in warning for warning in whole.warnings)


def test_wrong_references_are_refused_before_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(SpecError, match="argument `classical`: 'solvers': There is no solver 'fcii'"):
        h6(classical="fcii", progress=events.append)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="The solver 'dice' cannot be used here"):
        h6(classical=["dice"], progress=events.append)
    assert events == []


def test_control_has_the_same_size(result: Result) -> None:
    assert result.control is not None
    assert result.control.n_determinants == result.n_determinants
    assert result.control.loop_energy_hartree is not None
    assert result.control.size_curve[-1].energy_hartree == result.control.energy_hartree


def test_curves_and_iterations_end_at_the_result(result: Result) -> None:
    assert result.size_curve[-1].energy_hartree == result.energy_hartree
    sizes = [point.n_determinants for point in result.size_curve]
    energies = [point.energy_hartree for point in result.size_curve]
    assert sizes == sorted(sizes)
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(energies))
    assert min(turn.energy_hartree for turn in result.iterations) == result.energy_hartree
    assert [turn.index for turn in result.iterations] == list(range(1, len(result.iterations) + 1))


def test_same_seed_same_result(result: Result) -> None:
    again = h6()
    assert again.energy_hartree == pytest.approx(result.energy_hartree, abs=1e-9)
    assert again.run_id == result.run_id
    assert h6(seed=8).run_id != result.run_id


def test_sampling_is_summed_up(result: Result) -> None:
    sampling = result.sampling
    assert sampling.n_shots == 2000
    assert 0.6 < sampling.in_sector_fraction < 0.9  # 0.7 + 0.3 * 400 / 4096
    assert sampling.sampled_histogram.sum() == sampling.n_in_sector
    assert sampling.state_histogram.sum() <= result.n_determinants


@pytest.mark.parametrize("device", ["exact", "uniform"])
def test_devices_by_name(device: str) -> None:
    result = h6(device=device, n_shots=500)
    assert result.sampling.device == device
    assert result.control is not None
    assert (result.control.loop_energy_hartree is None) == (device == "uniform")


def test_a_device_object_and_a_problem_object() -> None:
    problem = kakehashi.load_problem("hydrogen-chain", n_atoms=4)
    result = solve(problem, device=UniformDevice(), n_shots=300, subspace={"max_iterations": 2}, seed=1)
    assert abs(result.error_mhartree or 1.0) < 1e-3
    with pytest.raises(InputError, match="nothing tells one device object from another"):
        solve(problem, device=UniformDevice(), n_shots=300, folder="unused", seed=1)


def test_different_numbers_of_alpha_and_beta() -> None:
    problem = kakehashi.molecule_problem("O 0 0 0; H 0 0 0.97", basis="sto-3g", two_s=1)
    result = solve(problem, device="uniform", n_shots=2000, subspace={"max_strings": 20}, seed=1)
    assert result.energy_hartree < result.hartree_fock_hartree
    assert result.n_alpha_strings != 0
    assert result.spin_squared == pytest.approx(0.75, abs=0.05)


def test_no_valid_shot_is_recovered_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "shots.txt"
    path.write_text("111111111111 40\n000000000000 40\n111111000000 20\n")
    table = {"name": "file", "path": str(path)}
    result = h6(device=table)
    assert result.sampling.n_in_sector == 0
    assert result.energy_hartree <= result.hartree_fock_hartree + 1e-9
    with pytest.raises(InputError, match="None of 100 shots has 3 alpha"):
        h6(device=table, samples={"recovery": False})


def test_shots_of_the_wrong_width_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "shots.txt"
    path.write_text("0101 3\n")
    with pytest.raises(InputError, match=r"4 (bits|qubits)"):
        h6(device={"name": "file", "path": str(path)})


def test_memory_is_refused_before_the_work() -> None:
    events: list[Event] = []
    with pytest.raises(ResourceError, match=r"needs about .* but 1\.0 KiB is available"):
        h6(subspace={"max_strings": 15, "memory_gib": 1e-6}, progress=events.append)
    assert {event.stage for event in events} <= {"problem"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subspace": {"max_string": 3}}, "did you mean 'max_strings'"),
        ({"subspace": {"max_strings": 0}}, "greater than or equal to 1"),
        ({"subspace": 3}, "must be a SubspaceSpec or a dict"),
        ({"classical": 3}, "must be a ClassicalSpec or a dict"),
        ({"device": "exakt"}, "did you mean 'exact'"),
    ],
)
def test_wrong_options_are_explained(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises((InputError, SpecError), match=message):
        h6(**options)


class Interrupted(BaseException):
    """Stands for Ctrl-C, which may come anywhere."""


@pytest.mark.parametrize("stop_at", [("sample", 0), ("loop", 1), ("loop", 2), ("sizes", 0), ("control", 1)])
def test_an_interrupted_run_goes_on_and_ends_the_same(tmp_path: Path, stop_at: tuple[str, int]) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == stop_at[0] and event.step >= stop_at[1]:
            raise Interrupted

    whole = h6(folder=tmp_path / "whole")
    with pytest.raises(Interrupted):
        h6(folder=tmp_path / "parts", progress=interrupt)
    assert not (tmp_path / "parts" / "result.json").exists()
    stages: list[str] = []
    parts = h6(folder=tmp_path / "parts", progress=lambda event: stages.append(event.stage))
    assert parts.energy_hartree == pytest.approx(whole.energy_hartree, abs=1e-9)
    assert [turn.energy_hartree for turn in parts.iterations] == pytest.approx(
        [turn.energy_hartree for turn in whole.iterations], abs=1e-9
    )
    if stop_at[0] != "sample":
        assert "circuit" not in stages  # the shots of the first call were used


KILLED = """
import json, os, signal, sys
import kakehashi
from kakehashi.problem.lattice import hubbard

stage, number, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
told = []

def progress(event):
    told.append((event.stage, event.message))
    if [each for each, _ in told].count(stage) == number and event.stage == stage:
        os.kill(os.getpid(), signal.SIGKILL)

kakehashi.solve(
    hubbard(6, u=4.0, n_elec=(3, 3)), device="uniform", n_shots=300, subspace={"max_strings": 8, "max_iterations": 2},
    energy={"max_determinants": 120, "orbital_determinants": 30, "max_orbital_turns": 2, "n_starts": 2, "n_threads": 1},
    ledger={"max_determinants": 100, "n_seeds": 20}, seed=7, folder=folder, progress=progress,
)
print(json.dumps(told))
"""


def killed(stage: str, number: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """A run in a process that ends itself without a chance to tidy up."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, stage, str(number), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def without_times(value: Any) -> Any:
    """A result's JSON without what differs from call to call: times, memory and where it was computed."""
    if isinstance(value, dict):
        return {
            name: without_times(each)
            for name, each in value.items()
            if not name.endswith("_s") and name not in ("provenance", "peak_memory_bytes")
        }
    return [without_times(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert killed("never", 1, folder).returncode == 0
    return without_times(json.loads((folder / "result.json").read_text()))


@pytest.mark.parametrize(
    ("stage", "number", "kept"),
    [
        ("orbitals", 3, "natural orbitals of the earlier call"),
        ("perturb", 8, "part 7 of 17 of the earlier call"),
        ("ledger", 10, "random + heat-bath of the earlier call"),
    ],
)
def test_a_killed_run_goes_on_behind_the_last_part(
    tmp_path: Path, undisturbed: Any, stage: str, number: int, kept: str
) -> None:
    assert killed(stage, number, tmp_path).returncode == -signal.SIGKILL
    assert not (tmp_path / "result.json").exists()
    done = killed("never", 1, tmp_path)
    assert done.returncode == 0, done.stderr
    told = [message for _, message in json.loads(done.stdout)]
    assert kept in told
    assert kept.removesuffix(" of the earlier call") not in told[: told.index(kept)]
    result = json.loads((tmp_path / "result.json").read_text())
    assert without_times(result) == undisturbed


def test_a_finished_run_is_shown_at_once(tmp_path: Path) -> None:
    first = h6(folder=tmp_path)
    events: list[Event] = []
    second = h6(folder=tmp_path, progress=events.append)
    assert second.energy_hartree == first.energy_hartree
    assert events == []
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "result.json").read_text())["seed"] == 7


def test_threads_and_memory_do_not_make_another_run(tmp_path: Path) -> None:
    first = h6(folder=tmp_path)
    again = h6(folder=tmp_path, subspace={**SMALL, "n_threads": 1, "memory_gib": 1.0})
    assert again.run_id == first.run_id


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    h6(folder=tmp_path)
    with pytest.raises(InputError, match="holds another run"):
        h6(folder=tmp_path, seed=8)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    h6(folder=tmp_path)
    (tmp_path / "result.json").unlink()
    loop = tmp_path / "loop.h5"
    loop.write_bytes(loop.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"loop\.h5: this checkpoint cannot be read"):
        h6(folder=tmp_path)


def test_spec_and_python_do_the_same(tmp_path: Path, result: Result) -> None:
    path = tmp_path / "h6.toml"
    path.write_text(
        'seed = 7\n[problem]\nname = "hydrogen-chain"\n'
        '[device]\nname = "noisy"\ndepolarizing = 0.3\nn_shots = 2000\n'
        "[subspace]\nmax_strings = 15\nmax_iterations = 3\n"
    )
    spec = read_spec(path)
    assert isinstance(spec, RunSpec)
    assert execute(spec, base=tmp_path).energy_hartree == pytest.approx(result.energy_hartree, abs=1e-9)


def test_two_roots() -> None:
    result = h6(subspace={"max_strings": 20, "n_roots": 2, "residual_tolerance_hartree": 1e-6})
    ground, excited = result.root_energies_hartree
    assert ground == result.energy_hartree < excited


def test_shots_are_kept_with_their_origin(tmp_path: Path) -> None:
    from kakehashi.device.hdf5 import load_shots

    h6(folder=tmp_path)
    shots = load_shots(tmp_path / "shots.h5")
    assert isinstance(shots, Shots)
    assert shots.n_shots == 2000
    assert shots.provenance["circuit"]["ansatz"] == "lucj"
