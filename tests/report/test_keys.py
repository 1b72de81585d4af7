import pydantic
import pytest

from kakehashi.report.keys import Document, doc


class Weight(Document):
    """A weight."""

    mass_kg: float = doc("How heavy it is.", "kg", ge=0)
    name: str = doc("What is weighed.")


def test_a_key_says_what_it_means_and_its_unit():
    properties = Weight.model_json_schema()["properties"]
    assert properties["mass_kg"]["unit"] == "kg"
    assert properties["mass_kg"]["description"] == "How heavy it is. [kg]"
    assert "unit" not in properties["name"]


@pytest.mark.parametrize("mass", [-1.0, float("nan"), float("inf")])
def test_a_document_holds_finite_numbers_within_their_limits(mass):
    with pytest.raises(pydantic.ValidationError):
        Weight(mass_kg=mass, name="box")
