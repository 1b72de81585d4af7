"""What the tests start on every rank: `mpirun -n R python ranks_program.py TASK ...`; rank 0 prints JSON."""

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np

from kakehashi.core.bits import lowest_string
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Event, Reporter
from kakehashi.core.ranks import Ranks, guard_ranks, world
from kakehashi.core.resources import peak_memory_bytes
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Hamiltonian, Problem
from kakehashi.samples.random import all_strings
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import Stage, grow


def random_hamiltonian(n_orb: int, apart: slice = slice(0)) -> Hamiltonian:
    """Integrals with no symmetry but their own, so that nothing is equal by accident.

    Electrons in the orbitals ``apart`` feel no others; without them, many orbitals would take long.
    """
    rng = np.random.default_rng(7)
    h = rng.normal(size=(n_orb, n_orb)) * 0.1
    h = h + h.T + np.diag(np.linspace(-2, 2, n_orb))
    factors = rng.normal(size=(12, n_orb, n_orb)) * 0.1
    factors = factors + factors.transpose(0, 2, 1)
    factors[:, apart] = factors[:, :, apart] = 0
    return Hamiltonian(one_body=h, two_body=np.einsum("kpq,krs->pqrs", factors, factors))


def problem(name: str) -> Problem:
    """By name: with many equal energies, without any, beyond one word, with two open shells, molecules."""
    if name == "lattice":
        return hubbard(6, u=4.0, n_elec=(3, 3))
    if name in ("chain", "torn-chain"):
        return load_problem("hydrogen-chain", n_atoms=8, spacing_angstrom=1.0 if name == "chain" else 2.4)
    n_orb, n_elec = {"random": (9, (4, 4)), "wide": (66, (2, 1)), "open": (9, (4, 2))}[name]
    apart = slice(12, 58) if name == "wide" else slice(0)
    return Problem(name=name, hamiltonian=random_hamiltonian(n_orb, apart), n_elec=n_elec)


def grown(ranks: Ranks, options: dict) -> tuple[DistributedSpace, list[Stage]]:
    """A space from the determinant of the lowest orbitals on, and its stages."""
    task = problem(options["problem"])
    penalty = options.get("spin_penalty_hartree", 0.0)
    space = DistributedSpace(
        task.hamiltonian, ranks, spin_penalty_hartree=penalty, n_threads=options.get("n_threads", 1)
    )
    space.append(*(lowest_string(n) for n in task.n_elec))
    return space, list(grow(space, **options["grow"]))


def select(ranks: Ranks, options: dict) -> dict:
    """Growth and perturbation theory, and what else the space offers."""
    space, stages = grown(ranks, options)
    stage, n_batches = stages[-1], options.get("n_batches", 1)
    outside = [
        [
            space.look_outside(vector, energy, threshold_hartree=1e-8, batch=batch, n_batches=n_batches)
            for batch in range(n_batches)
        ]
        for vector, energy in zip(stage.coefficients, stage.penalized_hartree, strict=True)
    ]
    c = stage.coefficients[0]
    look = partial(
        space.look_outside,
        c,
        stage.penalized_hartree[0],
        threshold_hartree=1e-6,
        coarse_threshold_hartree=1e-4,
        n_keep=40,
        criterion="heat-bath",
    )
    heat_bath = look()
    chosen = ranks.gather([(a.tolist(), b.tolist()) for a, b in zip(heat_bath.alpha, heat_bath.beta, strict=True)])
    space.largest_window = 1  # one shard at a time
    in_parts = look(memory_budget_bytes=2**19)  # too little for all sums of a shard at once
    again = ranks.gather([(a.tolist(), b.tolist()) for a, b in zip(in_parts.alpha, in_parts.beta, strict=True)])
    densities = space.densities(c)
    probe = np.linspace(1, 2, 5)
    return {
        "energies": stage.energies_hartree,
        "pt2": [sum(part.energy_hartree for part in parts) for parts in outside],
        "n_outside": [sum(part.n_determinants for part in parts) for parts in outside],
        "n_determinants": stage.n_determinants,
        "n_elements": stage.matrix.n_elements,
        "spin_squared": stage.spin_squared,
        "sizes": space.sizes,
        "n_stages": len(stages),
        "heat_bath": [heat_bath.energy_hartree, heat_bath.coarse_energy_hartree, heat_bath.n_determinants],
        "in_parts": [in_parts.energy_hartree, in_parts.coarse_energy_hartree, in_parts.n_determinants],
        "chosen": sorted(each for part in chosen for each in part),
        "chosen_in_parts": sorted(each for part in again for each in part),
        "trace": float(np.trace(densities.one_body[0])),
        "energy_of_densities": energy_of(space.hamiltonian, densities),
        "probe": ranks.sum(probe).tolist(),
    }


def energy_of(hamiltonian: Hamiltonian, densities) -> float:
    one = float(np.einsum("pq,spq->", hamiltonian.one_body, densities.one_body))
    return one + 0.5 * float(np.sum(hamiltonian.two_body * densities.two_body())) + hamiltonian.constant


def grow_by_hand(ranks: Ranks, options: dict) -> dict:
    """Products while determinants come in pieces from ranks in turn, stored, half stored and not stored.

    Mirror images come in some turns; vectors are then even and odd, too.
    """
    task = problem(options["problem"])
    alphas, betas = (all_strings(n_orb=task.n_orb, n_electrons=n) for n in task.n_elec)
    rng = np.random.default_rng(3)
    signs = [0, 1, -1] if options.get("mirrored_in") else [0]
    products = []
    for budget in (2**62, 3000, 0):
        space = DistributedSpace(
            task.hamiltonian,
            ranks,
            n_threads=options.get("n_threads", 1),
            spin_penalty_hartree=0.3,
            n_parts=min(options.get("n_parts", 1), ranks.size),
        )
        for turn in range(4):
            alpha, beta = alphas[rng.integers(len(alphas), size=150)], betas[rng.integers(len(betas), size=150)]
            mine = np.arange(150) % ranks.size == (ranks.rank + turn) % ranks.size
            space.append(alpha[mine], beta[mine])
            space.append(alpha[mine][:5], beta[mine][:5])  # known ones are passed over
            if turn in options.get("mirrored_in", []):
                space.append(*reversed(space.strings()))
            space.build(memory_budget_bytes=budget)
        c = coefficients(space)
        rows = [len(space)]
        for sign in signs:
            vector = c + sign * space.exchange_spins(c) if sign else c
            sigma = space.apply(vector)
            rows += ranks.sum(np.array([sigma @ sigma, sigma @ c, sigma @ coefficients(space, 2)])).tolist()
            rows.append(space.spin_squared(vector))
        densities = space.densities(c)
        rows += [float(np.sum(densities.one_body**2)), float(np.sum(densities.pairs**2))]
        products.append(rows)
    return {"products": products}


def coefficients(space: DistributedSpace, seed: int = 1) -> np.ndarray:
    """A vector that depends on the determinants alone, not on who holds them."""
    alpha, beta = space.strings()
    keys = alpha[:, 0] * np.uint64(2654435761 * seed) + beta[:, 0] * np.uint64(40503) + alpha[:, 1]
    return np.sin(keys.astype(np.float64) % 1000)


def memory(ranks: Ranks, options: dict) -> dict:
    """Memory that each rank's matrix, strings and vectors take."""
    before = peak_memory_bytes()
    space, _ = grown(ranks, options)
    own = space.own.build()
    return {
        "matrix": ranks.gather(own.n_bytes + space.own.native.blocks.n_bytes),
        "peak": ranks.gather(peak_memory_bytes() - before),
        "sizes": space.sizes,
    }


def fail(ranks: Ranks, options: dict) -> dict:
    """One rank, or all of them, fails or is killed in the middle."""
    who = ranks.size if options["who"] == "all" else int(options["who"])
    with guard_ranks(ranks, advice="Start again.", folder=options["folder"]):
        ranks.gather(None)
        if who in (ranks.rank, ranks.size):
            if options["how"] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if options["how"] == "error":
                raise InputError("The spoon is bent.")
            raise ZeroDivisionError("a bug")
        ranks.gather(None)
    return {}


def climb_guarded(ranks: Ranks, options: dict) -> dict:
    """The whole calculation as a user's program does it; the last rank may be killed after some events of a stage."""
    events = []

    def progress(event: Event) -> None:
        events.append(event)
        told = [event.stage for event in events].count(options.get("kill_stage", "select"))
        if event.stage == options.get("kill_stage", "select") and told == options.get("kill_after"):
            os.kill(victim, signal.SIGKILL)

    victim = ranks.gather(os.getpid())[-1]
    checkpoint = options.get("checkpoint")
    folder = None if checkpoint is None else Path(checkpoint).parent
    with guard_ranks(ranks, advice=f"The last finished space is in {checkpoint}.", folder=folder):
        found = climb(
            problem(options["problem"]),
            EnergySpec(n_threads=1, **options["spec"]),
            seed=1,
            ranks=ranks,
            checkpoint=checkpoint,
            reporter=Reporter(progress),
        )
    return {
        "n_spaces": [event.stage for event in events].count("select"),
        "n_kept": [event.stage for event in events if event.message.endswith("earlier call")].count("perturb"),
        "sizes": [rung.n_determinants for rung in found.rungs[0]],
        "energies": [[rung.energy_hartree for rung in root] for root in found.rungs],
        "second_order": [[rung.second_order_hartree for rung in root] for root in found.rungs],
        "second_order_error": [each.error_hartree for each in found.perturbations],
        "spin_squared": [[rung.spin_squared for rung in root] for root in found.rungs],
        "occupations": found.natural_occupations.tolist(),
        "estimates": [estimate.energy_hartree for estimate in found.estimates],
        "n_own": ranks.gather(len(found.alpha)),
    }


def main() -> None:
    task, options = sys.argv[1], json.loads(sys.argv[2])
    ranks = world()
    tasks = {
        "select": select,
        "grow_by_hand": grow_by_hand,
        "memory": memory,
        "fail": fail,
        "climb": climb_guarded,
    }
    answer = tasks[task](ranks, options)
    if ranks.rank == 0:
        print("ANSWER " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
