import dataclasses
import json

import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.document import result_from_json, result_to_json
from kakehashi.report.example import example_processor
from kakehashi.report.processor_schema import ProcessorDocument, processor_from_values


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"chip": None},
        {"placement": None, "method_error_bound": None, "settings": {"noise": {"gates": [1, 2]}, "preset": None}},
    ],
)
def test_a_processor_goes_to_json_and_back_without_loss(build, changes):
    result = build(processor=dataclasses.replace(example_processor(), **changes))
    table = json.loads(json.dumps(result_to_json(result)))
    assert result_from_json(table) == result
    values = ProcessorDocument.model_validate(table["processor"]).model_dump()
    assert processor_from_values(values) == result.processor


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("machine_s"), "'processor.machine_s' of the schema"),
        (lambda p: p.update(success_probability=2.0), "'processor.success_probability' is wrong"),
        (lambda p: p.update(calibration_grade="guessed"), "'processor.calibration_grade' is wrong"),
        (lambda p: p["chip"]["positions"][0].append(1.0), r"'processor.chip.positions.0' is wrong"),
        (lambda p: p["chip"]["present"].pop(), "one position, one `present`"),
        (lambda p: p["placement"]["used_qubits"].append(99), "lies on qubit 99"),
    ],
)
def test_a_wrong_processor_is_explained(build, change, message):
    table = json.loads(json.dumps(result_to_json(build(processor=example_processor()))))
    change(table["processor"])
    with pytest.raises(InputError, match=message):
        result_from_json(table)
