"""Compile a circuit for a twin: several ways, scored by what the calibration says of the scheduled circuit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

from kakehashi.circuit.gates import from_qiskit, to_qiskit
from kakehashi.circuit.parity import why_no_embedding
from kakehashi.circuit.router import MergingEffort
from kakehashi.circuit.sabre import OWN_SETTING, SETTINGS
from kakehashi.circuit.zigzag import find_ladder_in
from kakehashi.core.errors import InputError
from kakehashi.device.compile.coupling import Region, build_region, good_region, whole_region
from kakehashi.device.compile.flow import Flow, Native, native_operations, on_twin
from kakehashi.device.compile.model import Candidate, Compiled
from kakehashi.device.compile.read import read_circuit
from kakehashi.device.compile.relocate import find_better_place
from kakehashi.device.compile.score import Score, Scorer, scorer_of
from kakehashi.device.compile.special import Placed, as_ladder, as_tree
from kakehashi.device.compile.steps import Steps, read_steps, score_steps
from kakehashi.device.twins.model import Twin

__all__ = ["EFFORTS", "Effort", "compile_circuit"]

Effort: TypeAlias = Literal["fast", "normal", "thorough"]

EFFORTS: tuple[str, ...] = get_args(Effort)
"""How much is tried."""

VF2_LIMITS = {"fast": (50_000, 1_000), "normal": (30_000_000, 100_000), "thorough": (30_000_000, 100_000)}
"""Steps until the first swap-free layout, and from each to a better one, as qiskit's level 1 and level 3 have them."""

ROOMY = 0.6
"""A circuit on less than this part of the processor is also tried in a region of good qubits."""


LADDER_PAIRS = 3
"""A ladder has at most 1.5 pairs for each qubit, each in both orders."""

CONTROL = ("if_else", "for_loop", "while_loop", "switch_case")

ROUTER_EFFORTS = {
    "fast": MergingEffort(n_scouts=2, n_layouts=0),
    "normal": MergingEffort(n_scouts=4, n_layouts=16),
    "thorough": MergingEffort(n_scouts=16, n_layouts=40),
}
"""Layouts that the router starts from: for each setting, and for the best of them."""

LARGE = 300
FEW = 10
"""On more qubits than this only the settings with few trials run: a trial takes a second there."""

MOVED = 2
SHORT = 1500
"""So many of the best candidates are moved, of longer circuits the best alone."""

LIGHT = 200
MERGED_LIGHT = 2
"""Circuits of so few operations are routed in milliseconds, and more is tried."""

SMALL = 48
"""On more qubits a region of good ones has too ragged a border to be worth it."""


@dataclass(slots=True)
class Trial:
    """Candidates of one call as they come."""

    scorer: Scorer
    natives: list[tuple[Score, Native, Steps, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep(self, make: Callable[[], Native]) -> tuple[Score, Native]:
        """Make a candidate, score it, and remember it with its processor time."""
        begun = time.process_time()
        native = make()
        steps = read_steps(native_operations(native), self.scorer)
        score = score_steps(steps, self.scorer)
        self.natives.append((score, native, steps, time.process_time() - begun))
        return score, native


def compile_circuit(
    circuit: Any,
    twin: Twin,
    *,
    effort: Effort = "normal",
    seed: int = 0,
    initial_layout: Sequence[int] | None = None,
) -> Compiled:
    """Compile a circuit for a twin.

    Dead edges and absent qubits are taken out before anything else. Fan-outs and local cluster Jastrow circuits are
    recognised and laid by rules of their own; swap-free layouts are searched for unless a proof says that there is
    none; otherwise a router that counts what swaps add makes many routes and finishes the best, with Sabre in its
    place where it cannot. The candidate with the best estimated success probability is kept, and moved, gate for gate
    the same, where the processor is better.

    Args:
        circuit: A ``GateCircuit``, a ``qiskit.QuantumCircuit`` without free parameters, or a
            ``kakehashi.circuit.model.Circuit``, of which all qubits are measured. All qubits start in ``|0>``.
        twin: The processor.
        effort: ``"fast"``, ``"normal"``, or ``"thorough"``, which also runs qiskit's levels 1 to 3, with and without
            the calibration, and is slower than any of them.
        seed: Of everything random.
        initial_layout: Physical qubit for each of the circuit's qubits, where they must start there.

    Returns:
        The circuit in native gates, where it lies, and what was tried.

    Raises:
        InputError: The circuit does not fit, holds something that is not understood, or the layout is impossible.

    Example:
        >>> from kakehashi.circuit.gates import GateCircuit, Operation
        >>> from kakehashi.device.compile.example import example_twin
        >>> chain = [Operation(name="cx", qubits=(q, q + 1)) for q in range(6)]
        >>> ghz = GateCircuit(n_qubits=7, operations=(Operation(name="h", qubits=(0,)), *chain))
        >>> compiled = compile_circuit(ghz, example_twin(4))
        >>> compiled.chosen.name, compiled.n_two_qubit_gates, compiled.two_qubit_depth
        ('broadcast tree', 6, 3)
    """
    if effort not in EFFORTS:
        raise InputError(f"There is no effort {effort!r}; there are {', '.join(EFFORTS)}.")
    region = whole_region(twin)
    given = read_circuit(circuit, clock_ns=twin.clock_ns)
    _require_room(given.num_qubits, region, twin)
    trial = Trial(scorer_of(twin))
    if initial_layout is not None:
        _from_layout(given, Flow(region, seed), trial, _checked_layout(initial_layout, given.num_qubits, region, twin))
    else:
        _try_all(given, region, trial, effort=effort, seed=seed)
    return _choose(trial, twin, move=initial_layout is None)


def _require_room(n_qubits: int, region: Region, twin: Twin) -> None:
    if n_qubits > len(region.qubits):
        whole = f"of its {twin.n_qubits} qubits"
        raise InputError(
            f"The circuit has {n_qubits} qubits, but {twin.name!r} has {len(region.qubits)} that usable edges connect, "
            f"{whole}."
        )


def _checked_layout(layout: Sequence[int], n_qubits: int, region: Region, twin: Twin) -> list[int]:
    """The region's numbers of a layout of physical qubits."""
    wanted = [int(q) for q in layout]
    if len(wanted) != n_qubits or len(set(wanted)) != n_qubits:
        raise InputError(
            f"Argument `initial_layout` must name {n_qubits} different qubits, one for each of the circuit's, "
            f"but is {wanted}."
        )
    number = {q: k for k, q in enumerate(region.qubits)}
    dead = [q for q in wanted if q not in number]
    if dead:
        raise InputError(
            f"Argument `initial_layout` asks for qubits {dead} of {twin.name!r}, which are absent or cut off by "
            "dead edges."
        )
    return [number[q] for q in wanted]


def _from_layout(given: Any, flow: Flow, trial: Trial, layout: list[int]) -> None:
    """Route from the layout that the user gave."""
    prepared, properties = flow.prepare(given)

    def make() -> Native:
        placed, known = flow.place_at(prepared, properties, layout)
        return flow.finish(placed, known, name="given layout", n_qubits=given.num_qubits)

    trial.keep(make)


def _try_all(given: Any, region: Region, trial: Trial, *, effort: Effort, seed: int) -> None:
    flow = Flow(region, seed)
    n = given.num_qubits
    special = _recognise(given, region, trial)
    if special is not None and (special.better_than_search or effort == "thorough"):
        _keep_placed(special, given, flow, trial)
        if effort != "thorough":
            return
    prepared, properties = flow.prepare(given)
    why = why_no_embedding(_pairs(prepared), _host(region), host_is_bipartite=region.bipartite)
    perfect = None
    if why is not None:
        trial.notes.append(f"No search for a swap-free layout: {why[0].lower()}{why[1:]}")
    else:
        perfect = flow.place_perfectly(prepared, properties, call_limit=VF2_LIMITS[effort])
    if special is not None and effort != "thorough":
        # Of two places without swaps the better alone is worth finishing.
        layouts = [special.layout, *([[region.qubits[k] for k in perfect]] if perfect is not None else [])]
        losses = [_loss_at(_pairs(given), layout, trial.scorer) for layout in layouts]
        if losses[0] <= losses[-1]:
            _keep_placed(special, given, flow, trial)
            if math.isfinite(losses[0]):
                return
    if perfect is not None:
        layout = perfect

        def make() -> Native:
            placed, known = flow.place_at(prepared, properties, layout)
            return flow.finish(placed, known, name="swap-free layout", n_qubits=n)

        trial.keep(make)
    else:
        _route(given, prepared, properties, flow, trial, effort=effort)
    if effort == "thorough":
        for level in (1, 2, 3):
            for aware in (True, False):
                name = f"qiskit level {level}, {'calibration' if aware else 'graph alone'}"
                trial.keep(partial(flow.run_level, given, level, name=name, aware=aware))


def _host(region: Region) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in region.edges]


def _loss_at(pairs: Sequence[tuple[int, int]], layout: Sequence[int], scorer: Scorer) -> float:
    """Minus the logarithm of what gates and readouts leave at a place; infinity where a pair is not joined."""
    two = scorer.log_two
    gates = [two.get((layout[a], layout[b])) or two.get((layout[b], layout[a])) for a, b in pairs]
    if any(gate is None for gate in gates):
        return math.inf
    return -sum(gate[0] for gate in gates if gate is not None) - sum(scorer.log_read[q][0] for q in layout)


def _recognise(given: Any, region: Region, trial: Trial) -> Placed | None:
    """A candidate of a circuit with a known shape."""
    if set(given.count_ops()) & set(CONTROL):
        return None
    if any(len(i.qubits) > 2 for i in given.data if i.name != "barrier"):
        given = to_qiskit(from_qiskit(given))  # without gates on three qubits or more
    pairs = _pairs(given)
    item: Placed | None = None
    if len(pairs) < given.num_qubits:
        item = as_tree(from_qiskit(given), region, trial.scorer)
    if item is None and len(set(pairs)) <= LADDER_PAIRS * given.num_qubits:
        ladder = find_ladder_in(pairs)
        if ladder is not None:
            item = as_ladder(ladder, lambda: from_qiskit(given), region, trial.scorer, n_qubits=given.num_qubits)
    if item is not None:
        trial.notes.append(item.note)
    return item


def _keep_placed(item: Placed, given: Any, flow: Flow, trial: Trial) -> None:
    number = {q: k for k, q in enumerate(flow.region.qubits)}

    def make() -> Native:
        prepared, properties = flow.prepare(given if item.circuit is None else to_qiskit(item.circuit))
        placed, known = flow.place_at(prepared, properties, [number[q] for q in item.layout])
        return flow.finish(placed, known, name=item.name, n_qubits=given.num_qubits)

    trial.keep(make)


def _pairs(prepared: Any) -> list[tuple[int, int]]:
    place = {q: k for k, q in enumerate(prepared.qubits)}
    return [
        (place[i.qubits[0]], place[i.qubits[1]])
        for i in prepared.data
        if len(i.qubits) == 2 and i.name not in ("barrier",)
    ]


def _route(given: Any, prepared: Any, properties: dict[str, Any], flow: Flow, trial: Trial, *, effort: Effort) -> None:
    """Routed candidates: the router that knows what merges, and Sabre where that cannot be or all is to be tried."""
    n = given.num_qubits
    light = len(prepared.data) <= LIGHT
    merged = 0
    for circuit, known, route in flow.route_merging(prepared, properties, ROUTER_EFFORTS[effort]):

        def make(circuit: Any = circuit, known: Any = known, name: str = route.setting.name) -> Native:
            return flow.finish(circuit, known, name=name, n_qubits=n)

        trial.keep(make)
        merged += 1
        if merged >= (MERGED_LIGHT if light or effort == "thorough" else 1):
            break
    if not merged or effort == "thorough":
        _route_by_sabre(given, prepared, properties, flow, trial, effort=effort)


def _route_by_sabre(
    given: Any, prepared: Any, properties: dict[str, Any], flow: Flow, trial: Trial, *, effort: Effort
) -> None:
    """Settings of Sabre, in the whole region and in a good part of it, ranked by a quick estimate."""
    twin, n = trial.scorer.twin, given.num_qubits
    settings = {"fast": SETTINGS[:1], "normal": SETTINGS, "thorough": (*SETTINGS, OWN_SETTING)}[effort]
    if n > LARGE and effort == "normal":
        settings = tuple(setting for setting in settings if setting.layout_trials <= FEW)
    runs = [(flow, setting) for setting in settings]
    if n < ROOMY * len(flow.region.qubits) and n <= SMALL:
        part = good_region(twin, max(n + 2, round(1.3 * n)))
        if len(part) >= n:
            inside = Flow(build_region(twin, part), flow.seed)
            runs = [(flow if k % 2 else inside, setting) for k, setting in enumerate(settings)]
    routed = []
    for k, (there, setting) in enumerate(runs):
        circuit, known, _ = there.route(prepared, properties, setting)
        routed.append((-there.estimate(circuit, trial.scorer), k, circuit, known))
    for _, k, circuit, known in sorted(routed, key=lambda item: item[:2])[: 2 if effort == "thorough" else 1]:
        there, setting = runs[k]
        name = setting.name + ("" if there.region is flow.region else ", good qubits")

        def make(there: Flow = there, circuit: Any = circuit, known: Any = known, name: str = name) -> Native:
            return there.finish(circuit, known, name=name, n_qubits=n)

        trial.keep(make)


def _choose(trial: Trial, twin: Twin, *, move: bool) -> Compiled:
    """Keep the best candidate, moved where that is better."""
    natives = sorted(trial.natives, key=lambda item: (-item[0].log_esp, item[0].n_two_qubit_gates))
    found: list[tuple[Candidate, Score, Native, list[int] | None]] = [
        (_candidate(native.name, score, spent), score, native, None) for score, native, _, spent in natives
    ]
    for score, native, steps, _ in natives[:MOVED] if move else ():
        begun = time.process_time()
        better = find_better_place(steps, trial.scorer, before=score)
        if better is not None:
            named = _candidate(f"{native.name}, moved", better[1], time.process_time() - begun)
            found.append((named, better[1], native, _permutation(better[0], twin.n_qubits)))
        if len(native.circuit.data) > SHORT:
            break
    found.sort(key=lambda item: (-item[1].log_esp, item[1].n_two_qubit_gates))
    chosen, score, native, whole = found[0]
    if not math.isfinite(score.log_esp):
        raise InputError(f"No way was found to run the circuit on {twin.name!r} without a dead edge.")
    reason = f"Of {len(found)} candidates it has the best estimated success probability, {score.esp:.3g}."
    return Compiled(
        circuit=on_twin(native, twin.n_qubits, whole),
        initial_layout=native.start if whole is None else tuple(whole[q] for q in native.start),
        final_layout=native.end if whole is None else tuple(whole[q] for q in native.end),
        chosen=chosen,
        reason=reason if len(found) > 1 else "It alone was tried.",
        candidates=tuple(item[0] for item in found),
        notes=tuple(trial.notes),
    )


def _candidate(name: str, score: Score, cpu_s: float) -> Candidate:
    return Candidate(
        name=name,
        n_two_qubit_gates=score.n_two_qubit_gates,
        two_qubit_depth=score.two_qubit_depth,
        duration_ns=score.duration_ns,
        esp=score.esp,
        log10_esp=score.log_esp / math.log(10),
        cpu_s=cpu_s,
    )


def _permutation(moved: dict[int, int], n_qubits: int) -> list[int]:
    """A renaming of some qubits, made one of all."""
    free: Iterator[int] = iter(sorted(set(range(n_qubits)) - set(moved.values())))
    return [moved[q] if q in moved else next(free) for q in range(n_qubits)]
