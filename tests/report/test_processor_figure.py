import dataclasses

import pytest

from kakehashi.core.errors import InputError
from kakehashi.device.twins.library import load_twin
from kakehashi.report.example import example_processor
from kakehashi.report.processor_figure import plot_chip, plot_errors
from kakehashi.workflow.processor import summarize_chip


def labels(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_qubits_of_the_circuit_carry_their_orbitals(build):
    result = build(processor=example_processor(), n_orb=2, n_elec=(1, 1))
    found = labels(plot_chip(result))
    assert {"α1", "α2", "β1", "β2"} <= set(found)
    assert not {"0", "1", "2", "3"} & set(found)
    assert "4" in found


def test_qubits_that_only_join_others_keep_their_numbers(build):
    processor = example_processor()
    place = dataclasses.replace(processor.placement, used_qubits=(0, 1, 2, 3, 4))
    found = labels(plot_chip(build(processor=dataclasses.replace(processor, placement=place), n_orb=2, n_elec=(1, 1))))
    assert "4" in found


def test_a_large_chip_keeps_the_numbers_of_its_rows(build):
    chip = summarize_chip(load_twin("fujitsu-1024"))
    found = labels(plot_chip(build(processor=dataclasses.replace(example_processor(), chip=chip))))
    assert "0" in found
    assert "α1" not in found


def test_a_circuit_without_a_place_leaves_the_map_as_it_is(build):
    figure = plot_chip(build(processor=dataclasses.replace(example_processor(), placement=None)))
    assert "α1" not in labels(figure)


def test_bars_are_the_mean_errors_the_most_first(build):
    processor = example_processor()
    axes = plot_errors(build(processor=processor)).axes[0]
    assert [bar.get_width() for bar in axes.patches] == list(processor.mean_errors.values())
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(processor.mean_errors)
    assert labels(axes.figure)[0] == "0.13, in 12.0 % of shots"


def test_no_errors_make_an_empty_figure(build):
    processor = dataclasses.replace(example_processor(), error_budget={}, success_probability=1.0)
    assert list(plot_errors(build(processor=processor)).axes[0].patches) == []


def test_what_is_not_there_is_not_drawn(build):
    for plot in (plot_chip, plot_errors):
        with pytest.raises(InputError, match="no processor to show"):
            plot(build())
    with pytest.raises(InputError, match="was not kept with the shots"):
        plot_chip(build(processor=dataclasses.replace(example_processor(), chip=None)))
