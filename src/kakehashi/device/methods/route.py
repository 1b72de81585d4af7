"""The router: reduces a circuit, asks every method, takes the quickest that is exact enough, and says why.

Nothing falls back silently. What no method can do is refused before any work, with each method's reason and the nearest
thing that can be done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.methods.choose import Choice, Limits, choose, rank
from kakehashi.device.methods.clifford import StabilizerMethod
from kakehashi.device.methods.cone import LightConeMethod
from kakehashi.device.methods.density import DensityMatrix
from kakehashi.device.methods.explain import describe, to_json
from kakehashi.device.methods.front import FrontMethod
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Plan, Sampled
from kakehashi.device.methods.mps import MatrixProductMethod
from kakehashi.device.methods.near_clifford import NearCliffordMethod
from kakehashi.device.methods.nearest import nearest_to_shots, nearest_to_value
from kakehashi.device.methods.number_conserving import NumberConservingMethod
from kakehashi.device.methods.pauli_propagation import PauliPropagationMethod
from kakehashi.device.methods.reduce import (
    Component,
    Reduced,
    has_feedback,
    reduce_for_expectation,
    reduce_for_shots,
    signature,
    split,
)
from kakehashi.device.methods.state_vector import StateVector
from kakehashi.device.methods.trajectories import Trajectories
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.readout import misread, readout_of

__all__ = [
    "Limits",
    "default_methods",
    "describe",
    "plan_expectation",
    "plan_shots",
    "run_expectation",
    "run_expectations",
    "run_shots",
    "to_json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """A plan with what carries it out: the whole by one method, or parts that are joined."""

    plan: Plan
    reduced: Reduced
    method: Method | None = None
    parts: tuple[tuple[Component, Method], ...] = ()


def default_methods() -> tuple[Method, ...]:
    """The methods of this package, in the order in which they are taken where times are equal.

    One whose package is missing refuses with how to get it.

    Example:
        >>> [method.name for method in default_methods()]  # doctest: +NORMALIZE_WHITESPACE
        ['stabilizer', 'near-clifford', 'number-conserving', 'light-cone', 'pauli-propagation', 'state-vector',
         'density-matrix', 'front', 'mps', 'trajectories']
    """
    return (
        StabilizerMethod(),
        NearCliffordMethod(),
        NumberConservingMethod(),
        LightConeMethod(),
        PauliPropagationMethod(),
        StateVector(),
        DensityMatrix(),
        FrontMethod(),
        MatrixProductMethod(),
        Trajectories(),
    )


def _together(chosen: Sequence[tuple[Component, Choice]]) -> Cost:
    """What the parts take, one after the other."""
    costs = [choice.cost for _, choice in chosen if choice.cost is not None]
    bounds = [cost.error_bound for cost in costs]
    known = [bound for bound in bounds if bound is not None]
    names: dict[str, int] = {}
    for part, choice in chosen:
        name = choice.method.name if choice.method is not None else ""
        names[name] = names.get(name, 0) + len(part.qubits)
    by = ", ".join(f"{n:,} qubits by {name}" for name, n in names.items())
    errors = sorted({cost.error for cost in costs})
    return Cost(
        time_s=sum(cost.time_s for cost in costs),
        memory_bytes=max((cost.memory_bytes for cost in costs), default=0),
        error="; ".join(errors) or "exact",
        error_bound=sum(known) if len(known) == len(bounds) else None,
        reason=f"nothing links the circuit's {len(chosen):,} parts: {by}" if chosen else "every bit is 0",
    )


def _route_shots(circuit: NoisyCircuit, n_shots: int, methods: Sequence[Method], limits: Limits) -> _Route:
    if n_shots < 1:
        raise InputError(f"The number of shots must be positive, but is {n_shots}.")
    if circuit.n_bits < 1:
        raise InputError("The circuit measures nothing; add measurements, or ask for an expectation value.")
    reduced = reduce_for_shots(circuit)
    inside = reduced.circuit
    if not inside.n_qubits:
        cost = Cost(
            time_s=1e-8 * n_shots, memory_bytes=n_shots, error="exact", error_bound=0.0, reason="every bit is 0"
        )
        plan = Plan(method="constant", cost=cost, reductions=reduced.notes, approximations=circuit.approximations)
        return _Route(plan=plan, reduced=reduced)
    whole = choose(methods, limits, lambda method: method.consider_shots(inside, n_shots))
    parts = () if has_feedback(inside) else split(inside)
    notes = reduced.notes
    if len(parts) > 1:
        chosen = [(p, choose(methods, limits, lambda m, p=p: m.consider_shots(p.circuit, n_shots))) for p in parts]  # type: ignore[misc]
        able = [(part, choice.method) for part, choice in chosen if choice.method is not None]
        cost = _together(chosen)
        if len(able) == len(parts) and (whole.cost is None or rank(cost, limits) < rank(whole.cost, limits)):
            names = dict.fromkeys(method.name for _, method in able)
            sizes = ", ".join(f"{len(part.qubits):,}" for part in parts[:8]) + (", ..." if len(parts) > 8 else "")
            plan = Plan(
                method=" + ".join(names),
                cost=cost,
                reductions=(*notes, f"Split into {len(parts):,} parts of {sizes} qubits that nothing links."),
                refused=whole.refused,
                slower=() if whole.method is None or whole.cost is None else ((whole.method.name, whole.cost.time_s),),
                approximations=circuit.approximations,
            )
            return _Route(plan=plan, reduced=reduced, parts=tuple(able))
    plan = Plan(
        method=None if whole.method is None else whole.method.name,
        cost=whole.cost,
        reductions=notes,
        refused=whole.refused,
        slower=whole.slower,
        approximations=circuit.approximations,
        nearest="" if whole.method is not None else nearest_to_shots(inside, n_shots, methods, limits),
    )
    return _Route(plan=plan, reduced=reduced, method=whole.method)


def plan_shots(
    circuit: NoisyCircuit, n_shots: int, methods: Sequence[Method] | None = None, *, limits: Limits | None = None
) -> Plan:
    """How shots would be drawn; nothing is simulated.

    Args:
        circuit: The circuit.
        n_shots: Number of shots.
        methods: Methods to choose among; :func:`default_methods` where not given.
        limits: What the answer may cost.

    Raises:
        InputError: No shot is asked for, or nothing is measured.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = (Operation(name="h", qubits=(0,)), *(Operation(name="cx", qubits=(q, q + 1)) for q in range(199)),
        ...          Operation(name="measure", qubits=tuple(range(200)), bits=tuple(range(200))))
        >>> plan_shots(NoisyCircuit(n_qubits=200, n_bits=200, steps=steps), 1000).method
        'stabilizer'
    """
    return _route_shots(circuit, n_shots, _methods(methods), limits or Limits()).plan


def _methods(methods: Sequence[Method] | None) -> Sequence[Method]:
    return default_methods() if methods is None else methods


def _refuse(what: str, plan: Plan) -> ResourceError:
    reasons = " ".join(f"{refusal.method}: {refusal.reason}" for refusal in plan.refused)
    return ResourceError(f"No method can {what}. {reasons} Nearest: {plan.nearest}.")


def run_shots(
    circuit: NoisyCircuit,
    n_shots: int,
    methods: Sequence[Method] | None = None,
    *,
    limits: Limits | None = None,
    rng: RngLike = None,
    progress: Progress = silent,
) -> tuple[Sampled, Plan]:
    """Draw shots by the method that suits.

    Args:
        circuit: The circuit.
        n_shots: Number of shots.
        methods: Methods to choose among; :func:`default_methods` where not given.
        limits: What the answer may cost.
        rng: Seed or generator.
        progress: Receives events.

    Returns:
        The shots, readout errors included, and the plan that was carried out.

    Raises:
        InputError: No shot is asked for, or nothing is measured.
        ResourceError: No method can; said at once, with the reasons and the nearest thing that can be done.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = (Operation(name="x", qubits=(1,)), Operation(name="measure", qubits=(0, 1), bits=(0, 1)))
        >>> shots, plan = run_shots(NoisyCircuit(n_qubits=2, n_bits=2, steps=steps), 5, rng=1)
        >>> shots.bits.ravel().tolist(), plan.method
        ([2, 2, 2, 2, 2], 'stabilizer')
    """
    route = _route_shots(circuit, n_shots, _methods(methods), limits or Limits())
    plan, inside = route.plan, route.reduced.circuit
    if plan.method is None or plan.cost is None:
        raise _refuse(f"draw {n_shots:,} shots of this circuit with {inside.n_qubits:,} qubits", plan)
    generator, reporter = as_generator(rng), Reporter(progress)
    if route.method is not None:
        return route.method.sample(inside, n_shots, rng=generator, reporter=reporter), plan
    rows: NDArray[np.uint8] = np.zeros((n_shots, -(-circuit.n_bits // 8)), dtype=np.uint8)
    errors: dict[str, None] = {}
    for part, method in route.parts:
        drawn = method.sample(part.circuit, n_shots, rng=generator, reporter=reporter)
        # Parts are independent, so what is joined must be in random order.
        single = np.repeat(drawn.bits, drawn.counts, axis=0)[generator.permutation(n_shots)]
        for k, bit in enumerate(part.bits):
            rows[:, bit // 8] |= (single[:, k // 8] >> (k % 8) & 1) << (bit % 8)
        errors[drawn.error] = None
    rows = misread(rows, readout_of(inside), rng=generator)
    counts = np.ones(n_shots, dtype=np.int64)
    return Sampled(bits=rows, counts=counts, error="; ".join(errors) or "exact"), plan


def _route_expectation(
    circuit: NoisyCircuit, observable: Observable, methods: Sequence[Method], limits: Limits
) -> tuple[_Route, Observable]:
    reduced = reduce_for_expectation(circuit, observable)
    asked = reduced.observable if reduced.observable is not None else observable
    # There may be hundreds of values, so shorter times count than for shots.
    limits = dataclasses.replace(limits, even_s=limits.even_s / 10)
    choice = choose(methods, limits, lambda method: method.consider_expectation(reduced.circuit, asked))
    nearest = "" if choice.method is not None else nearest_to_value(reduced.circuit, asked, methods, limits)
    plan = Plan(
        method=None if choice.method is None else choice.method.name,
        cost=choice.cost,
        reductions=reduced.notes,
        refused=choice.refused,
        slower=choice.slower,
        approximations=circuit.approximations,
        nearest=nearest,
    )
    return _Route(plan=plan, reduced=reduced, method=choice.method), asked


def plan_expectation(
    circuit: NoisyCircuit,
    observable: Observable,
    methods: Sequence[Method] | None = None,
    *,
    limits: Limits | None = None,
) -> Plan:
    """How an expectation value would be computed; nothing is simulated.

    Args:
        circuit: The circuit.
        observable: The observable.
        methods: Methods to choose among; :func:`default_methods` where not given.
        limits: What the answer may cost.

    Raises:
        InputError: The observable does not fit the circuit.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = tuple(Operation(name="ry", qubits=(q,), parameters=(0.3,)) for q in range(500))
        >>> plan = plan_expectation(NoisyCircuit(n_qubits=500, n_bits=0, steps=steps), Observable(paulis=((3, "X"),)))
        >>> plan.method, plan.cost.error
        ('light-cone', 'exact')
    """
    return _route_expectation(circuit, observable, _methods(methods), limits or Limits())[0].plan


def run_expectation(
    circuit: NoisyCircuit,
    observable: Observable,
    methods: Sequence[Method] | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> tuple[Expectation, Plan]:
    """An expectation value by the method that suits; see :func:`run_expectations`."""
    values, plans = run_expectations(circuit, [observable], methods, limits=limits, progress=progress)
    return values[0], plans[0]


def run_expectations(
    circuit: NoisyCircuit,
    observables: Sequence[Observable],
    methods: Sequence[Method] | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> tuple[list[Expectation], list[Plan]]:
    """Expectation values of the state before the last measurements; cones that look alike are computed once.

    Args:
        circuit: The circuit.
        observables: The observables.
        methods: Methods to choose among; :func:`default_methods` where not given.
        limits: What each answer may cost.
        progress: Receives events.

    Returns:
        The values with their errors, and the plan of each.

    Raises:
        InputError: An observable does not fit the circuit.
        ResourceError: No method can; said at once, with the reasons and the nearest thing that can be done.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = tuple(Operation(name="rx", qubits=(q,), parameters=(0.3,)) for q in range(500))
        >>> circuit = NoisyCircuit(n_qubits=500, n_bits=0, steps=steps)
        >>> values, plans = run_expectations(circuit, [Observable(paulis=((q, "Z"),)) for q in range(500)])
        >>> {round(value.value, 6) for value in values}
        {0.955336}
    """
    reporter = Reporter(progress)
    known: dict[tuple[object, ...], tuple[_Route, Observable, int]] = {}
    where: list[tuple[object, ...]] = []
    for k, observable in enumerate(observables):
        reduced = reduce_for_expectation(circuit, observable)
        asked = reduced.observable if reduced.observable is not None else observable
        key = signature(reduced.circuit, asked)
        where.append(key)
        if key not in known:
            route, inside = _route_expectation(reduced.circuit, asked, _methods(methods), limits or Limits())
            plan = dataclasses.replace(route.plan, reductions=reduced.notes)
            if route.method is None:
                what = f"give the expectation value, whose light cone has {reduced.circuit.n_qubits:,} qubits"
                raise _refuse(what, plan)
            known[key] = (dataclasses.replace(route, plan=plan), inside, k)
    values: dict[tuple[object, ...], Expectation] = {}
    for key, (route, inside, k) in known.items():
        if route.method is not None:
            values[key] = route.method.expect(route.reduced.circuit, inside, reporter=Reporter())
        reporter.step("expect", f"observable {k}", step=len(values), total=len(known))
    return [values[key] for key in where], [known[key][0].plan for key in where]
