from kakehashi.report.captions import caption_figure
from kakehashi.report.figures import FIGURES


def test_every_figure_of_every_result_has_words(any_result):
    for kind in FIGURES:
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
