"""The page about the TOML file says what the models say: every key, its default, and the words it may be."""

import re
import tomllib
from pathlib import Path
from typing import Literal, get_args, get_origin

import pydantic
import pytest
from pydantic_core import PydanticUndefined

from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.spec import Spec
from kakehashi.device.spec import DEVICES, NoiseSpec
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.spec import AndersonSpec, HubbardSpec, MoleculeSpec, ProblemSpec
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.classical import ClassicalSpec
from kakehashi.workflow.ledger import LedgerSpec
from kakehashi.workflow.points import ScanSpec
from kakehashi.workflow.spec import ControlSpec, RunSpec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "spec.md"

MODELS = {
    "Top level": RunSpec,
    "`[problem]`": ProblemSpec,
    "`[problem.molecule]`": MoleculeSpec,
    "`[problem.hubbard]`": HubbardSpec,
    "`[problem.anderson]`": AndersonSpec,
    "`[circuit]`": CircuitSpec,
    **{f'`name = "{name}"`': DEVICES[name] for name in DEVICES},
    "`[device.noise]`": NoiseSpec,
    "`[samples]`": SamplesSpec,
    "`[subspace]`": SubspaceSpec,
    "`[control]`": ControlSpec,
    "`[energy]`": EnergySpec,
    "`[classical]`": ClassicalSpec,
    "`[ledger]`": LedgerSpec,
    "`[scan]`": ScanSpec,
}


def read_tables():
    """By heading, the rows of the page's tables: key to type, default, unit and meaning."""
    tables, heading = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            key, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            assert len(cells) == 4, line
            rows = tables.setdefault(heading, {})
            assert key not in rows, line
            rows[key.strip("`")] = cells
    return tables


TABLES = read_tables()


def written_default(cell):
    """A cell of the column of defaults as a value."""
    if cell in ("required", "none", "see below"):
        return cell
    assert cell.startswith("`"), cell
    assert cell.endswith("`"), cell
    return tomllib.loads(f"value = {cell.strip('`')}")["value"]


def actual_default(field):
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "none"
    if isinstance(default, tuple):
        return list(default)  # TOML's arrays
    return "see below" if isinstance(default, pydantic.BaseModel) else default


def words(annotation):
    """The strings that an annotation allows where it allows only certain ones."""
    if get_origin(annotation) is Literal:
        return {word for word in get_args(annotation) if isinstance(word, str)}
    return {word for part in get_args(annotation) for word in words(part)}


def models(annotation):
    """The specs that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return {annotation}
    return {model for part in get_args(annotation) for model in models(part)}


def test_every_table_of_a_run_is_on_the_page():
    found, new = set(), {RunSpec, *(DEVICES[name] for name in DEVICES)}
    while new:
        found |= new
        new = {
            model for parent in found for field in parent.model_fields.values() for model in models(field.annotation)
        } - found
    bases = {model for model in found if any(model in other.__mro__[1:] for other in found)}
    assert found - bases == set(MODELS.values())
    assert set(TABLES) == set(MODELS)


@pytest.mark.parametrize("heading", MODELS)
def test_a_table_has_the_keys_of_its_model(heading):
    assert set(TABLES[heading]) == set(MODELS[heading].model_fields)


@pytest.mark.parametrize(("heading", "key"), [(heading, key) for heading in TABLES for key in TABLES[heading]])
def test_a_row_says_what_the_model_says(heading, key):
    field = MODELS[heading].model_fields[key]
    kind, default, _, _ = TABLES[heading][key]
    written, actual = written_default(default), actual_default(field)
    assert (type(written), written) == (type(actual), actual)
    assert set(re.findall(r'`"(.*?)"`', kind)) == words(field.annotation)
