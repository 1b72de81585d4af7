"""What a run writes about itself."""

import json

import numpy as np

from kakehashi.circuit.model import Circuit
from kakehashi.device.record import describe_run


def test_it_is_json_and_holds_seed_and_settings():
    circuit = Circuit(n_orb=2, n_elec=(1, 1), settings={"ansatz": "lucj"})
    for rng, seed in ((5, 5), (np.int64(5), 5), (None, None), (np.random.default_rng(1), None)):
        described = json.loads(json.dumps(describe_run("noisy", circuit, 10, rng, rate=0.5)))
        assert described["seed"] == seed
        assert described["device_settings"] == {"rate": 0.5}
        assert described["circuit"] == {"ansatz": "lucj"}
        assert described["n_shots"] == 10
