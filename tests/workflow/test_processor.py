from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.twins.library import load_twin
from kakehashi.problem.library import load_problem
from kakehashi.report.document import read_json
from kakehashi.report.processor import ProcessorSummary
from kakehashi.workflow.processor import summarize_chip, summarize_processor
from kakehashi.workflow.run import solve

TWIN = load_twin("riken-64", seed=3)


@pytest.fixture(scope="module")
def provenance() -> dict[str, Any]:
    """Of 100 shots of a Bell pair."""
    bell = GateCircuit(
        n_qubits=2,
        n_bits=2,
        operations=(
            Operation(name="h", qubits=(0,)),
            Operation(name="cx", qubits=(0, 1)),
            Operation(name="measure", qubits=(0, 1), bits=(0, 1)),
        ),
    )
    device = TwinDevice(twin=TWIN, settings={"calibration_seed": 3})
    return dict(device.run(bell, 100, rng=1).provenance)


def found(provenance: dict[str, Any]) -> ProcessorSummary:
    summary = summarize_processor(provenance, TWIN)
    assert summary is not None
    return summary


def test_the_summary_is_what_the_device_said(provenance: dict[str, Any]) -> None:
    summary, told = found(provenance), provenance["twin"]
    assert (summary.name, summary.n_shots, summary.settings) == ("riken-64", 100, {"calibration_seed": 3})
    assert summary.placement is not None
    assert summary.placement.compiled_by == told["compiled"]["method"]
    assert len(summary.placement.layout) == 2
    assert summary.method == told["plan"]["method"]
    assert summary.success_probability == told["success_probability"]
    assert summary.error_budget == told["error_budget"]
    assert summary.machine_s == pytest.approx(100 * TWIN.shot_s(1e3 * summary.placement.duration_us))
    assert summary.approximations == tuple(told["plan"]["approximations"])
    assert (summary.title, summary.calibration_grade) == (TWIN.title, "assumed")


def test_the_chip_is_the_twin_to_four_digits() -> None:
    chip = summarize_chip(TWIN)
    np.testing.assert_array_equal(np.array(chip.positions), TWIN.positions)
    np.testing.assert_array_equal(np.array(chip.edges), TWIN.edges)
    known = ~np.isnan(TWIN.edge_error)
    assert [error is not None for error in chip.two_qubit_error] == known.tolist()
    written = np.array([error for error in chip.two_qubit_error if error is not None])
    np.testing.assert_allclose(written, TWIN.edge_error[known], rtol=1e-3)


def test_without_the_twin_there_is_no_map(provenance: dict[str, Any]) -> None:
    summary = summarize_processor(provenance)
    assert summary is not None
    assert summary.chip is None
    assert summary.calibration_grade == ""


def test_a_circuit_that_was_given_compiled_has_no_place(provenance: dict[str, Any]) -> None:
    given = copy.deepcopy(provenance)
    given["twin"]["compiled"] = None
    assert found(given).placement is None


def test_a_run_on_a_twin_keeps_its_processor(tmp_path: Path) -> None:
    off = {"max_determinants": 0}
    rest: dict[str, Any] = {"energy": off, "ledger": off, "control": {"random_strings": False}, "seed": 1}
    device = {"name": "riken-64", "n_shots": 300, "calibration_seed": 3}
    result = solve(
        load_problem("hydrogen-chain", n_atoms=2),
        device=device,
        circuit={"ansatz": "hartree-fock"},
        folder=tmp_path,
        **rest,
    )
    assert result.processor is not None
    assert result.processor.chip == summarize_chip(TWIN)
    assert result.processor.settings["calibration_seed"] == 3
    assert read_json(tmp_path / "result.json") == result
    assert "The processor: riken-64" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_other_devices_have_no_processor() -> None:
    assert summarize_processor({"device": "exact"}, None) is None


@pytest.mark.parametrize("told", [{}, [], "riken", {"plan": None}, {"plan": {"method": "stim"}, "compiled": None}])
def test_what_cannot_be_read_ends_no_run(
    provenance: dict[str, Any], told: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert summarize_processor({**provenance, "twin": told}, TWIN) is None
    assert "could not be read" in caplog.text
