import dataclasses

import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.captions import caption_figure, caption_ledger
from kakehashi.report.example import example_processor
from kakehashi.report.figures import figures_of


def test_every_figure_of_every_result_has_words(any_result):
    for kind in figures_of(any_result):
        caption = caption_figure(any_result, kind)
        assert caption.title
        assert caption.reading.endswith(".")
        assert caption.alternative.endswith(".")


def test_alternative_tells_the_numbers(build):
    text = caption_figure(build(), "convergence").alternative
    assert text.startswith("Line chart of the error against the reference in 5 turns: from +46.1 mHa to +0.772 mHa.")
    assert "Random strings: +191 mHa." in text
    assert "in 1 turn:" in caption_figure(build(n_iterations=1), "convergence").alternative
    assert "-109.04590000 hartree" in caption_figure(build(reference=None, control=None), "size").alternative


def test_excited_electrons_are_summed(build):
    occupancies = build().occupancies
    expected = f"{occupancies[0, 5:].sum():.2f} alpha"
    assert expected in caption_figure(build(), "occupancies").reading


def test_what_was_left_out_has_no_words(build):
    for kind, key in (
        ("estimate", "energy.max_determinants"),
        ("ledger", "ledger.enabled"),
        ("chip", "a device such as"),
    ):
        with pytest.raises(InputError, match=key):
            caption_figure(build(), kind)


def test_the_estimate_is_read_with_its_interval_or_with_the_reason_for_none(build, build_selected):
    caption = caption_figure(build(selected=build_selected()), "estimate")
    assert "the estimate, with its 95 % interval (±0.100 mHa) as a bar" in caption.reading
    assert caption.alternative.endswith("The estimate is +0.023 mHa.")
    assert "12,801 determinants at +1.43 mHa" in caption.alternative
    bare = caption_figure(build(selected=build_selected(last=3)), "estimate")
    assert "there is no error bar: only 3 of the spaces" in bare.reading
    assert "95 %" not in bare.reading


def test_the_ledger_is_told_arm_by_arm(build, build_ledger):
    text = caption_figure(build(ledger=build_ledger()), "ledger").alternative
    assert "heat-bath +1.44 mHa with 20,000 determinants" in text
    assert "heat-bath -109.04522978 hartree with 20,000" in caption_ledger(build_ledger()).alternative


def test_the_map_is_read_by_what_is_on_it(build):
    processor = example_processor()
    caption = caption_figure(build(processor=processor), "chip")
    assert "α1 holds the alpha electron of the first orbital. Blue" in caption.reading
    assert caption.alternative.endswith("The circuit lies on the qubits 0, 1, 2, 3.")
    bridged = dataclasses.replace(processor.placement, used_qubits=(0, 1, 2, 3, 4))
    caption = caption_figure(build(processor=dataclasses.replace(processor, placement=bridged)), "chip")
    assert "a number is a qubit that only joins others" in caption.reading
    bare = caption_figure(build(processor=dataclasses.replace(processor, placement=None)), "chip")
    assert "ringed" not in bare.reading


def test_errors_are_told_one_by_one(build):
    caption = caption_figure(build(processor=example_processor()), "errors")
    assert "readout 0.13 (in 12.0 % of shots), two-qubit gates 0.08" in caption.alternative
    assert "0.25 in all, so that 78.0 % of shots have none." in caption.reading
    none = dataclasses.replace(example_processor(), error_budget={}, success_probability=1.0)
    assert caption_figure(build(processor=none), "errors").alternative.endswith("in a shot: none.")
