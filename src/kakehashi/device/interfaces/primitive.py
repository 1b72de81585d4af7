"""What the sampler and the estimator share: pubs are computed in a thread, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qiskit.primitives import PrimitiveJob, PrimitiveResult

from kakehashi.device.interfaces.runner import Runner

__all__ = ["start_job"]


def start_job(
    runner: Runner, pubs: Sequence[Any], rng: np.random.Generator, run_pub: Callable[[Any, np.random.Generator], Any]
) -> Any:
    """Begin with the pubs of a call.

    Args:
        runner: The device.
        pubs: Checked pubs.
        rng: Gives each pub a stream of its own: here and not in the thread, so that the numbers depend on the order of
            the calls alone.
        run_pub: From a pub and its stream to its result.

    Returns:
        A ``qiskit.primitives.PrimitiveJob`` that runs.
    """
    generators = rng.spawn(len(pubs))

    def compute() -> Any:
        results = [run_pub(pub, own) for pub, own in zip(pubs, generators, strict=True)]
        about = {"version": 2, "device": runner.twin.name, "assumed": runner.twin.is_assumed}
        return PrimitiveResult(results, metadata=about)

    job = PrimitiveJob(compute)
    job._submit()
    return job
