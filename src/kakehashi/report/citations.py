"""What to cite for a result."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.report.model import Result

__all__ = ["Citation", "citations", "format_bibtex"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One work to cite.

    Attributes:
        key: BibTeX key.
        kind: BibTeX entry type.
        purpose: What it is cited for.
        text: The reference as a reader sees it.
        url: Where it is found, or nothing.
        fields: BibTeX fields.
    """

    key: str
    kind: str
    purpose: str
    text: str
    url: str
    fields: tuple[tuple[str, str], ...]


SQD = Citation(
    key="RobledoMoreno2025",
    kind="article",
    purpose="the method: sample-based quantum diagonalization with configuration recovery",
    text="J. Robledo-Moreno et al., Chemistry beyond the scale of exact diagonalization on a quantum-centric "
    "supercomputer, Science Advances 11, eadu9991 (2025), arXiv:2405.05068",
    url="https://doi.org/10.1126/sciadv.adu9991",
    fields=(
        ("author", "Robledo-Moreno, Javier and others"),
        (
            "title",
            "Chemistry beyond the scale of exact diagonalization on a quantum-centric supercomputer",
        ),
        ("journal", "Science Advances"),
        ("volume", "11"),
        ("pages", "eadu9991"),
        ("year", "2025"),
        ("doi", "10.1126/sciadv.adu9991"),
        ("eprint", "2405.05068"),
        ("archiveprefix", "arXiv"),
    ),
)

LUCJ = Citation(
    key="Motta2023",
    kind="article",
    purpose="the circuit: local unitary cluster Jastrow (LUCJ)",
    text="M. Motta, K. J. Sung, K. B. Whaley, M. Head-Gordon, J. Shee, Bridging physical intuition and "
    "hardware efficiency for correlated electronic states: the local unitary cluster Jastrow ansatz for "
    "electronic structure, Chemical Science 14, 11213 (2023)",
    url="https://doi.org/10.1039/D3SC02516K",
    fields=(
        (
            "author",
            "Motta, Mario and Sung, Kevin J. and Whaley, K. Birgitta and Head-Gordon, Martin and Shee, James",
        ),
        (
            "title",
            "Bridging physical intuition and hardware efficiency for correlated electronic states: the local "
            "unitary cluster {Jastrow} ansatz for electronic structure",
        ),
        ("journal", "Chemical Science"),
        ("volume", "14"),
        ("pages", "11213"),
        ("year", "2023"),
        ("doi", "10.1039/D3SC02516K"),
    ),
)

FFSIM = Citation(
    key="ffsim",
    kind="misc",
    purpose="the simulation of the circuit",
    text="K. J. Sung et al., ffsim: Faster simulation of fermionic quantum circuits (2026), arXiv:2605.03123",
    url="https://arxiv.org/abs/2605.03123",
    fields=(
        ("author", "Sung, Kevin J. and others"),
        ("title", "{ffsim}: Faster simulation of fermionic quantum circuits"),
        ("year", "2026"),
        ("eprint", "2605.03123"),
        ("archiveprefix", "arXiv"),
        ("primaryclass", "quant-ph"),
    ),
)

PYSCF = Citation(
    key="PySCF2020",
    kind="article",
    purpose="the integrals, Hartree-Fock and coupled cluster",
    text="Q. Sun et al., Recent developments in the PySCF program package, The Journal of Chemical Physics "
    "153, 024109 (2020)",
    url="https://doi.org/10.1063/5.0006074",
    fields=(
        ("author", "Sun, Qiming and others"),
        ("title", "Recent developments in the {PySCF} program package"),
        ("journal", "The Journal of Chemical Physics"),
        ("volume", "153"),
        ("pages", "024109"),
        ("year", "2020"),
        ("doi", "10.1063/5.0006074"),
    ),
)

TRIPLES = Citation(
    key="Raghavachari1989",
    kind="article",
    purpose="the classical reference CCSD(T)",
    text="K. Raghavachari, G. W. Trucks, J. A. Pople, M. Head-Gordon, A fifth-order perturbation comparison of "
    "electron correlation theories, Chemical Physics Letters 157, 479 (1989)",
    url="https://doi.org/10.1016/S0009-2614(89)87395-6",
    fields=(
        ("author", "Raghavachari, Krishnan and Trucks, Gary W. and Pople, John A. and Head-Gordon, Martin"),
        ("title", "A fifth-order perturbation comparison of electron correlation theories"),
        ("journal", "Chemical Physics Letters"),
        ("volume", "157"),
        ("pages", "479"),
        ("year", "1989"),
        ("doi", "10.1016/S0009-2614(89)87395-6"),
    ),
)

BLOCK2 = Citation(
    key="Zhai2023",
    kind="article",
    purpose="the classical reference DMRG",
    text="H. Zhai et al., Block2: A comprehensive open source framework to develop and apply state-of-the-art DMRG "
    "algorithms in electronic structure and beyond, The Journal of Chemical Physics 159, 234801 (2023)",
    url="https://doi.org/10.1063/5.0180424",
    fields=(
        ("author", "Zhai, Huanchen and others"),
        (
            "title",
            "{Block2}: A comprehensive open source framework to develop and apply state-of-the-art {DMRG} algorithms "
            "in electronic structure and beyond",
        ),
        ("journal", "The Journal of Chemical Physics"),
        ("volume", "159"),
        ("pages", "234801"),
        ("year", "2023"),
        ("doi", "10.1063/5.0180424"),
    ),
)

DICE = Citation(
    key="Sharma2017",
    kind="article",
    purpose="the classical reference Dice",
    text="S. Sharma et al., Semistochastic heat-bath configuration interaction method: selected configuration "
    "interaction with semistochastic perturbation theory, Journal of Chemical Theory and Computation 13, 1595 (2017)",
    url="https://doi.org/10.1021/acs.jctc.6b01028",
    fields=(
        ("author", "Sharma, Sandeep and others"),
        (
            "title",
            "Semistochastic heat-bath configuration interaction method: selected configuration interaction with "
            "semistochastic perturbation theory",
        ),
        ("journal", "Journal of Chemical Theory and Computation"),
        ("volume", "13"),
        ("pages", "1595"),
        ("year", "2017"),
        ("doi", "10.1021/acs.jctc.6b01028"),
    ),
)

OF_SOLVERS = {"ccsd(t)": TRIPLES, "dmrg": BLOCK2, "dice": DICE}
"""Works behind classical references, beside PySCF, which is cited for the integrals already."""

DEVICES_WITHOUT_SIMULATION = ("uniform", "file")
"""Devices that simulate no circuit: what made their shots is not this package's to cite."""


def _kakehashi(result: Result) -> Citation:
    version = result.provenance.get("kakehashi")
    known = version if isinstance(version, str) else None
    year = str(result.provenance.get("created_utc", ""))[:4]
    fields = [("author", "{The kakehashi developers}")]
    fields.append(("title", "kakehashi: a bridge between quantum processors and classical computers"))
    if known:
        fields.append(("version", known))
    if year.isdigit():
        fields.append(("year", year))
    label = f"version {known}" if known else "unreleased version"
    when = f" ({year})" if year.isdigit() else ""
    return Citation(
        key="kakehashi",
        kind="software",
        purpose="this software",
        text=f"The kakehashi developers, kakehashi: a bridge between quantum processors and classical "
        f"computers, {label}{when}",
        url="",
        fields=tuple(fields),
    )


def citations(result: Result) -> tuple[Citation, ...]:
    """The works that a publication of this result should cite.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> [citation.key for citation in citations(example_result())]
        ['kakehashi', 'RobledoMoreno2025', 'Motta2023', 'ffsim', 'PySCF2020', 'Raghavachari1989']
    """
    simulated = result.sampling.device not in DEVICES_WITHOUT_SIMULATION
    solvers = (OF_SOLVERS[solution.solver] for solution in result.classical if solution.solver in OF_SOLVERS)
    return (_kakehashi(result), SQD, *((LUCJ, FFSIM) if simulated else ()), PYSCF, *solvers)


def format_bibtex(works: tuple[Citation, ...]) -> str:
    """The works as BibTeX.

    Example:
        >>> print(format_bibtex((FFSIM,)).splitlines()[0])
        @misc{ffsim,
    """
    entries = []
    for work in works:
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in work.fields)
        entries.append(f"@{work.kind}{{{work.key},\n{lines}\n}}")
    return "\n\n".join(entries)
