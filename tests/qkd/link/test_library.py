import pytest

from kakehashi.core.errors import InputError, SpecError
from kakehashi.qkd.link.library import list_links, load_link, source_of
from kakehashi.qkd.link.simulation import expect_link

NAMES = list_links()


def numbers(table, path=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from numbers(value, f"{path}{key}.")
        elif isinstance(value, int | float | list):
            yield f"{path}{key}", value


@pytest.mark.parametrize("name", NAMES)
def test_every_number_says_how_it_is_known(name):
    link = load_link(name)
    table = link.model_dump(mode="json", exclude={"numbers", "event"}, exclude_unset=True)
    assert [key for key, _ in numbers(table) if source_of(link, key) is None] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("tokyo")])
def test_tokyo_gives_about_what_was_reported(name):
    link = load_link(name)
    expected = expect_link(link)
    sifted = link.source.pulse_rate_hz * expected.sifted.sum() / 1e3
    reported = link.reported
    if reported.sifted_kbit_per_s:
        assert sifted == pytest.approx(reported.sifted_kbit_per_s, rel=0.1)
    if reported.qber:
        assert expected.wrong.sum() / expected.sifted.sum() == pytest.approx(reported.qber, abs=0.003)
    if reported.secure_kbit_per_s:
        assert sifted > reported.secure_kbit_per_s


def test_what_nobody_has_read_is_not_called_published():
    # Only these were read at their source.
    published = {(name, key) for name in NAMES for key, s in load_link(name).numbers.items() if s.grade == "published"}
    assert published == {
        ("tokyo-koganei-otemachi-toshiba", "fibre.length_km"),
        ("tokyo-koganei-otemachi-toshiba", "fibre.loss_db"),
        ("tokyo-koganei-otemachi-toshiba", "reported.secure_kbit_per_s"),
        ("tokyo-koganei-loop-ntt", "fibre.length_km"),
        ("tokyo-koganei-loop-ntt", "reported.secure_kbit_per_s"),
    }


def test_names_and_files(tmp_path):
    assert "laboratory-50km" in NAMES
    with pytest.raises(InputError, match="did you mean 'laboratory-50km'"):
        load_link("laboratory-60km")
    with pytest.raises(InputError, match="no such file"):
        load_link(tmp_path / "none.toml")
    path = tmp_path / "network.toml"
    path.write_text('[[node]]\nname = "a"\n[[link]]\nname = "a-b"\n')
    with pytest.raises(SpecError, match=rf"a network, not a link; see it with: kakehashi qkd network table {path}"):
        load_link(path)
    path = tmp_path / "mine.toml"
    body = 'protocol = "dps"\nsource = {pulse_rate_hz = 1e9, intensities = [0.2]}\n'
    body += "fibre = {length_km = 1.0, loss_db = 1.0}\ndetector = {efficiency = 0.5}\n"
    path.write_text(body)
    assert load_link(path).protocol == "dps"
    path.write_text("[link]\n" + body)
    assert load_link(str(path)).protocol == "dps"
    path.write_text(body + 'numbers = {"fibre.lenght_km" = {grade = "assumed", text = "x"}}\n')
    with pytest.raises(SpecError, match="no such key"):
        load_link(path)
    path.write_text(body.replace("0.5", "1.5"))
    with pytest.raises(SpecError, match=r"mine\.toml"):
        load_link(path)
