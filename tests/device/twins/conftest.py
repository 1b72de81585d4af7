"""The two public calibrations, and what tests need to change them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
"""oqtopus_3.json: config/example/device_topology.json of oqtopus-team/device-gateway (commit 7731f34b); oqtopus_8.json:
the topology in mitigator/tests/oqtopus_engine_mitigator/test_app.py of oqtopus-team/oqtopus-engine (commit 27db38b9).
Numbers of one machine, anemone; both repositories are under the Apache License 2.0."""


@pytest.fixture
def pair() -> dict[str, Any]:
    """A topology of two qubits that has no fault."""
    qubit = {
        "fidelity": 0.999,
        "meas_error": {"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.03},
        "qubit_lifetime": {"t1": 30.0, "t2": 20.0},
        "gate_duration": {"rz": 0, "sx": 16, "x": 24},
    }
    return {
        "name": "pair",
        "calibrated_at": "2026-01-01T00:00:00Z",
        "qubits": [
            {"id": k, "physical_id": 5 + k, "position": {"x": k, "y": 0}, **copy.deepcopy(qubit)} for k in (0, 1)
        ],
        "couplings": [{"control": 0, "target": 1, "fidelity": 0.98, "gate_duration": {"rzx90": 112}}],
    }


@pytest.fixture(params=["oqtopus_3", "oqtopus_8"])
def public(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A public calibration."""
    return json.loads((DATA / f"{request.param}.json").read_text())
