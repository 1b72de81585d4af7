"""Pubs of one call: each has a stream of its own, and the results stand in their order."""

from dataclasses import dataclass

import numpy as np

from kakehashi.device.interfaces.primitive import start_job
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.model import Twin


@dataclass
class Bare:
    twin: Twin


def test_results_come_in_order_and_depend_on_the_calls_alone():
    runner = Bare(load_twin("riken-64"))

    def draw(rng):
        result = start_job(runner, [1, 2], rng, lambda pub, own: (pub, own.random())).result()
        return list(result), result.metadata

    first, about = draw(np.random.default_rng(5))
    again, _ = draw(np.random.default_rng(5))
    assert first == again
    assert [pub for pub, _ in first] == [1, 2]
    assert first[0][1] != first[1][1]
    assert about == {"version": 2, "device": "riken-64", "assumed": True}
