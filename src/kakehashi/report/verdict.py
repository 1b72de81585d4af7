"""What the quantum part contributed: one honest answer, made from the numbers of the run.

A low energy alone says nothing about the sampler, because recovery, carry-over and the pairing of all alpha
with all beta strings are classical and would improve random bits too (Reinholdt et al., arXiv:2501.07231).
Two controls tell more. The *loop on random bits* differs from the run in nothing but the shots, so it
decides where it is there. The *random strings* differ from the run in the shots and in the loop. Both share the
classical loop with the run; the *ledger* sets the samples beside a classical method that needs none, selected CI.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from kakehashi.report.model import HARTREE_TO_MHARTREE, Control, Result
from kakehashi.report.tables import format_count, format_mhartree, format_share

__all__ = ["EQUAL_MHARTREE", "NEAR_FULL_SHARE", "Case", "Verdict", "judge"]

EQUAL_MHARTREE = 0.5
"""Difference up to which two loops count as equal: about as much as seeds differ (docs/explanations/sqd.md)."""

NEAR_FULL_SHARE = 0.9
"""Share of all strings of a spin from which on the subspace nearly is the full space."""

UNIFORM_DEVICE = "uniform"
"""Name of the device that draws random bits: a run on it has no quantum part."""

NO_QUANTUM_PART = (
    "There is no quantum part in this run: its shots were uniformly random bits, and the energy is the "
    "classical loop's alone."
)
FULL_SPACE = (
    "The subspace is the full space: the energy is that of full configuration interaction, whatever the sampler drew."
)
NEAR_FULL_SPACE = (
    "The subspace holds {share} of all strings of each spin, so it nearly is the full space and the sampler's "
    "choice hardly matters."
)
NO_VALID_SHOTS = (
    "The sampler supplied no configuration: no shot had the right electron numbers, and this run does not tell "
    "whether the loop got more from them than from random bits."
)
NO_CONTROL = (
    "What the sampler contributed is unknown: the control was switched off, so there is nothing to compare with."
)


class Case(StrEnum):
    """The outcome in one word."""

    HELPED = "helped"
    """The loop on the shots ends lower than the same loop on random bits."""
    NO_DIFFERENCE = "no-difference"
    """It ends as low; or, without that control, random strings do as well."""
    HARMED = "harmed"
    """It ends higher."""
    CHAIN_HELPED = "chain-helped"
    """The run beats random strings, but nothing tells the shots' share of that from the loop's."""
    NEAR_FULL_SPACE = "near-full-space"
    """Nearly all strings are in the subspace, so that their choice hardly matters."""
    NO_VALID_SHOTS = "no-valid-shots"
    """No shot had the right electron numbers, and the loop was not run on random bits."""
    NO_CONTROL = "no-control"
    """There is nothing to compare with."""
    NO_QUANTUM_PART = "no-quantum-part"
    """The shots were random bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer.

    Attributes:
        case: In one word.
        headline: In one sentence.
        sentences: What supports it.
    """

    case: Case
    headline: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All sentences, the headline first."""
        return " ".join((self.headline, *self.sentences))


def _tolerance_mhartree(result: Result) -> float:
    """Differences up to this mean nothing: the batches of the last turn differ by chance alone."""
    batches = result.iterations[-1].batch_energies_hartree
    spread = (max(batches) - min(batches)) * HARTREE_TO_MHARTREE if batches else 0.0
    return max(EQUAL_MHARTREE, spread)


def _string_shares(result: Result) -> tuple[float, float]:
    """Share of all strings of each spin that the subspace holds."""
    n_alpha, n_beta = (math.comb(result.n_orb, count) for count in result.n_elec)
    return result.n_alpha_strings / n_alpha, result.n_beta_strings / n_beta


def _describe_supply(result: Result) -> str:
    """How much of the subspace the sampler can have supplied."""
    sampling = result.sampling
    n_strings = min(result.n_alpha_strings, result.n_beta_strings)
    space = (
        f"{format_count(result.n_determinants)} determinants "
        f"({format_count(result.n_alpha_strings)} alpha × {format_count(result.n_beta_strings)} beta strings)"
    )
    if sampling.n_shots == 0:
        return f"There were no shots at all; the subspace has {space}, all made by the classical part."
    if sampling.n_in_sector == 0:
        return (
            f"None of the {format_count(sampling.n_shots)} shots had the right electron numbers, so that "
            f"recovery made every configuration, out of bit strings with wrong electron numbers and a "
            f"guess of the occupancies. The subspace has {space}."
        )
    noun = "configuration" if sampling.n_in_sector == 1 else "configurations"
    supply = (
        f"The sampler supplied {format_count(sampling.n_in_sector)} distinct {noun} with the right electron "
        f"numbers ({format_share(sampling.in_sector_fraction)} of {format_count(sampling.n_shots)} shots); "
        f"the subspace has {space}"
    )
    # One configuration has one string of each spin, and a loop may use both for both spins.
    made = 1 - 2 * sampling.n_in_sector / n_strings if n_strings else 0.0
    if made < 0.01:
        return f"{supply}."
    return f"{supply}, so at least {math.floor(100 * made)} % of its strings came from the classical loop."


def _size_of_control(result: Result, control: Control) -> str:
    if 0.9 < control.n_determinants / result.n_determinants < 1.1:
        return "of the same size"
    return f"of {format_count(control.n_determinants)} determinants"


def _describe_random_strings(result: Result, control: Control, tolerance: float) -> str:
    gap = (control.energy_hartree - result.energy_hartree) * HARTREE_TO_MHARTREE
    size = _size_of_control(result, control)
    lead = f"A subspace {size} from uniformly random strings (plus the Hartree-Fock one)"
    if abs(gap) <= tolerance:
        return f"{lead} gives the same energy within {format_mhartree(tolerance, signed=False)} mHa."
    amount = format_mhartree(abs(gap), signed=False)
    return f"{lead} ends {amount} mHa {'higher' if gap > 0 else 'lower'}."


def _compare_loops(result: Result, loop_energy: float, tolerance: float) -> tuple[Case, str]:
    gap = (loop_energy - result.energy_hartree) * HARTREE_TO_MHARTREE
    if abs(gap) <= tolerance:
        within = format_mhartree(tolerance, signed=False)
        return Case.NO_DIFFERENCE, (
            f"The sampler made no measurable difference: the same loop on uniformly random bits ends at the "
            f"same energy within {within} mHa."
        )
    amount = format_mhartree(abs(gap), signed=False)
    if gap > 0:
        return Case.HELPED, (
            f"The sampler helped by {amount} mHa: the same loop on uniformly random bits ends that much higher."
        )
    return Case.HARMED, (f"The sampler did not help: the same loop on uniformly random bits ends {amount} mHa lower.")


def _compare_strings(result: Result, control: Control, tolerance: float) -> tuple[Case, str]:
    gap = (control.energy_hartree - result.energy_hartree) * HARTREE_TO_MHARTREE
    amount = format_mhartree(abs(gap), signed=False)
    size = _size_of_control(result, control)
    if abs(gap) <= tolerance:
        return Case.NO_DIFFERENCE, (
            f"The chosen strings are no better than random ones: a subspace {size} from uniformly random "
            f"strings (plus the Hartree-Fock one) gives the same energy within "
            f"{format_mhartree(tolerance, signed=False)} mHa."
        )
    if gap > 0:
        return Case.CHAIN_HELPED, (
            f"Sampler and loop together beat a subspace {size} from random strings by {amount} mHa; this run "
            f"does not tell how much of that is the sampler's, because the loop was not run on random bits."
        )
    return Case.HARMED, (
        f"The chosen strings are worse than random ones: a subspace {size} from uniformly random strings (plus "
        f"the Hartree-Fock one) ends {amount} mHa lower."
    )


def _controls_agree(result: Result, tolerance: float) -> bool:
    """Whether no control of this run ends at another energy."""
    control = result.control
    if control is None:
        return True
    energies = [control.energy_hartree]
    if control.loop_energy_hartree is not None:
        energies.append(control.loop_energy_hartree)
    return all(abs(energy - result.energy_hartree) * HARTREE_TO_MHARTREE <= tolerance for energy in energies)


def _compare(result: Result, tolerance: float) -> tuple[Case, str]:
    """The headline for a run whose outcome depends on a comparison."""
    control = result.control
    if control is not None and control.loop_energy_hartree is not None:
        return _compare_loops(result, control.loop_energy_hartree, tolerance)
    if result.sampling.n_in_sector == 0:
        return Case.NO_VALID_SHOTS, NO_VALID_SHOTS
    if control is None:
        return Case.NO_CONTROL, NO_CONTROL
    return _compare_strings(result, control, tolerance)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def judge(result: Result) -> Verdict:
    """Say what the quantum part contributed, as far as the controls of this run tell.

    Differences are called none where they are below 0.5 mHa or below the spread of the last turn's batches.
    It is one run with one seed: a difference should be seen with other seeds before it is relied on.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> judge(example_result()).case
        <Case.NEAR_FULL_SPACE: 'near-full-space'>
    """
    control, tolerance = result.control, _tolerance_mhartree(result)
    share = min(_string_shares(result))
    if result.sampling.device == UNIFORM_DEVICE:
        case, headline = Case.NO_QUANTUM_PART, NO_QUANTUM_PART
    elif result.n_determinants >= result.n_full_space:
        case, headline = Case.NEAR_FULL_SPACE, FULL_SPACE
    elif share >= NEAR_FULL_SHARE and _controls_agree(result, tolerance):
        case, headline = Case.NEAR_FULL_SPACE, NEAR_FULL_SPACE.format(share=format_share(share))
    else:
        case, headline = _compare(result, tolerance)
    sentences = [_describe_supply(result)]
    # Without the loop's control the headline of a comparison is about the random strings already.
    if control is not None and (
        control.loop_energy_hartree is not None
        or case in (Case.NO_QUANTUM_PART, Case.NEAR_FULL_SPACE, Case.NO_VALID_SHOTS)
    ):
        sentences.append(_describe_random_strings(result, control, tolerance))
    if share >= NEAR_FULL_SHARE and case is not Case.NEAR_FULL_SPACE:
        sentences.append(f"It holds {format_share(share)} of all strings, so the choice had little room.")
    if result.ledger is not None:
        sentences.append(f"Beside selection without a sampler: {_lower_first(result.ledger.verdict)}")
    return Verdict(case=case, headline=headline, sentences=tuple(sentences))
