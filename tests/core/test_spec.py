from pathlib import Path
from typing import Annotated, Literal

import pydantic
import pytest

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import Spec, as_spec, matching, parse_spec, read_toml, set_value


class ExactSpec(Spec):
    name: Literal["exact"] = "exact"
    n_shots: Annotated[int, pydantic.Field(ge=1)] = 1000


class NoisySpec(Spec):
    name: Literal["noisy"]
    readout_rate: float = 0.01


class LayerSpec(Spec):
    angle: float = 0.0


class SiteSpec(Spec):
    name: Annotated[str, matching("[a-z]+", "lower-case")]
    layers: tuple[LayerSpec, ...] = ()


class RunSpec(Spec):
    title: str
    seed: int = 0
    n_elec: tuple[int, int] = (1, 1)
    path: Path | None = None
    device: Annotated[ExactSpec | NoisySpec, pydantic.Field(discriminator="name")] = ExactSpec()
    layers: list[LayerSpec] = pydantic.Field(default_factory=list)
    site: Annotated[tuple[SiteSpec, ...], pydantic.Field(min_length=0)] = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> "RunSpec":
        if self.title == "wrong":
            raise ValueError("a run must not be called wrong")
        return self


def parse(**table):
    return parse_spec(RunSpec, {"title": "t"} | table, source="run.toml")


def test_a_good_table():
    spec = parse(n_elec=[2, 3], path="a/b", device={"name": "noisy", "readout_rate": 1}, layers=[{"angle": 2.5}])
    assert spec.n_elec == (2, 3)
    assert spec.path == Path("a/b")
    assert spec.device == NoisySpec(name="noisy", readout_rate=1.0)
    assert spec.layers == [LayerSpec(angle=2.5)]
    with pytest.raises(pydantic.ValidationError):
        spec.seed = 3


def test_what_was_parsed_can_be_written_and_parsed_again():
    spec = parse(n_elec=[2, 3], path="a/b", device={"name": "noisy"})
    assert parse_spec(RunSpec, spec.model_dump(mode="json")) == spec
    assert parse_spec(RunSpec, spec.model_dump()) == spec


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"sed": 1}, "unknown key 'sed'; did you mean 'seed'?"),
        ({"xyz": 1}, "unknown key 'xyz'; known here: device, layers, n_elec, path, seed, site, title."),
        ({"seed": "1"}, "'seed': input should be a valid integer, but got '1'."),
        ({"seed": 1.0}, "'seed': input should be a valid integer, but got 1.0."),
        ({"seed": True}, "'seed': input should be a valid integer, but got True."),
        ({"n_elec": [1]}, "entry 2 of 'n_elec' is missing."),
        ({"device": {"name": "exact", "n_shot": 5}}, "unknown key 'device.n_shot'; did you mean 'n_shots'?"),
        (
            {"device": {"name": "noisy", "n_shots": 5}},
            "unknown key 'device.n_shots'; known here: name, readout_rate.",
        ),
        ({"device": {"name": "qpu"}}, "'device.name' must be one of 'exact', 'noisy', but is 'qpu'."),
        ({"device": {}}, "'device.name' is missing."),
        ({"device": "exact"}, "'device' must be a table, but is 'exact'."),
        (
            {"device": {"name": "exact", "n_shots": 0}},
            "'device.n_shots': input should be greater than or equal to 1, but got 0.",
        ),
        (
            {"device": {"name": "noisy", "readout_rate": float("nan")}},
            "'device.readout_rate': input should be a finite number, but got nan.",
        ),
        ({"layers": [{}, {"angel": 1}]}, "unknown key 'angel' of entry 2 of 'layers'; did you mean 'angle'?"),
        ({"title": "wrong"}, "a run must not be called wrong."),
        ({"a0": 1, "b0": 2}, "unknown keys 'a0', 'b0'; known here: device, layers, n_elec, path, seed, site, title."),
        ({"seed": [7] * 40}, "'seed': input should be a valid integer, but got a list of 40 entries."),
        ({"seed": "7" * 900}, "'seed': input should be a valid integer, but got a text of 900 characters."),
        ({"layers": {"angle": 1}}, "'layers': input should be a valid array, but got a table."),
        ({"site": [{"name": "Tokyo"}]}, "'name' of site 'Tokyo': this should be lower-case, but got 'Tokyo'."),
        (
            {"site": [{"name": "a"}, {"name": "b", "layers": [{"angle": "x"}]}]},
            "'angle' of entry 1 of 'layers' of site 'b': input should be a valid number, but got 'x'.",
        ),
        ({"site": [{}, 3]}, "'name' of entry 1 of 'site' is missing. entry 2 of 'site' must be a table, but is 3."),
    ],
)
def test_every_mistake_has_its_sentence(table, message):
    with pytest.raises(SpecError) as caught:
        parse(**table)
    assert str(caught.value) == f"run.toml: {message}"


def test_all_mistakes_are_said_at_once():
    with pytest.raises(SpecError) as caught:
        parse_spec(RunSpec, {"seed": "x", "sed": 1})
    assert str(caught.value) == (
        "spec: unknown key 'sed'; did you mean 'seed'? 'title' is missing. 'seed': input should be a valid integer,"
        " but got 'x'."
    )


def test_keys_that_are_missing_are_named_together():
    class Server(Spec):
        name: str
        store: str
        site: SiteSpec

    with pytest.raises(SpecError, match=r"^spec: 'name', 'store', 'site.name' are missing\.$"):
        parse_spec(Server, {"site": {}})


def test_a_list_with_wrong_entries_is_not_called_too_short():
    class Network(Spec):
        site: Annotated[tuple[SiteSpec, ...], pydantic.Field(min_length=2)]

    with pytest.raises(SpecError) as caught:
        parse_spec(Network, {"site": [{"name": "a", "x": 1}, {"name": "b", "x": 1}]})
    assert str(caught.value) == (
        "spec: unknown key 'x' of site 'a'; known here: layers, name."
        " unknown key 'x' of site 'b'; known here: layers, name."
    )


def test_of_many_mistakes_the_first_are_said():
    with pytest.raises(SpecError, match=r"'angle' of entry 5 .* There are 4 more faults\.$") as caught:
        parse(layers=[{"angle": "x"}] * 9)
    assert "entry 6" not in str(caught.value)


def test_toml_is_read(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('title = "t"\n[device]\nname = "exact"\n')
    assert read_toml(path) == {"title": "t", "device": {"name": "exact"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = \n", r"run\.toml: this is not valid TOML: .*line 1"),
        ("a = 1\na = 2\n", "line 2"),
        ("a = " + "[" * 10_000, "not valid TOML"),
        ("a = " + "9" * 10_000, "not valid TOML"),
    ],
)
def test_bad_toml(tmp_path, text, message):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        read_toml(path)


def test_no_toml(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_toml(tmp_path / "run.toml")


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("a=1", {"a": 1, "t": {"x": 0}}),
        ("a = 1.5", {"a": 1.5, "t": {"x": 0}}),
        ("t.x=true", {"t": {"x": True}}),
        ("t.y.z=[1, 2]", {"t": {"x": 0, "y": {"z": [1, 2]}}}),
        ("t.basis=6-31g", {"t": {"x": 0, "basis": "6-31g"}}),
        ("t.basis='6-31g'", {"t": {"x": 0, "basis": "6-31g"}}),
        ("a=", {"a": "", "t": {"x": 0}}),
        ("a=b=c", {"a": "b=c", "t": {"x": 0}}),
        ("t=1", {"t": 1}),
    ],
)
def test_set(assignment, expected):
    table = {"t": {"x": 0}}
    set_value(table, assignment)
    assert table == expected


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("a", "--set takes KEY=VALUE"),
        ("=1", "--set takes KEY=VALUE"),
        ("a..b=1", "--set takes KEY=VALUE"),
        ("t.x.y=1", "'x' is a value, not a table"),
    ],
)
def test_set_refuses(assignment, message):
    with pytest.raises(InputError, match=message):
        set_value({"t": {"x": 0}}, assignment)


def test_an_argument_may_be_a_spec_a_dict_or_nothing():
    spec = LayerSpec(angle=0.5)
    assert as_spec(LayerSpec, spec, "layer") is spec
    assert as_spec(LayerSpec, {"angle": 0.5}, "layer") == spec
    assert as_spec(LayerSpec, None, "layer") == LayerSpec()
    with pytest.raises(InputError, match="Argument `layer` must be a LayerSpec or a dict, but is 3"):
        as_spec(LayerSpec, 3, "layer")
    with pytest.raises(SpecError, match=r"^argument `layer`: unknown key 'angel'; did you mean 'angle'\?$"):
        as_spec(LayerSpec, {"angel": 0.5}, "layer")


def test_a_question_ends_with_its_own_mark():
    class AskingSpec(Spec):
        name: str

        @pydantic.field_validator("name")
        @classmethod
        def _is_known(cls, name: str) -> str:
            raise ValueError(f"there is no {name!r}; did you mean 'it'?")

    with pytest.raises(SpecError, match=r"did you mean 'it'\?$"):
        parse_spec(AskingSpec, {"name": "is"})
