from pathlib import Path

import pytest
from tests.qkd.served import write_files

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.qkd.delivery.spec import KmeSpec, LimitsSpec, read_kme_spec

TABLE = {
    "name": "kme-a", "store": "a", "listen": "127.0.0.1:1", "peer_listen": "[::1]:2", "certificate": "a.crt",
    "private_key": "a.key", "authority": "ca.crt",
    "sae": [{"id": "alice", "kme": "kme-a"}, {"id": "bob", "kme": "kme-b"}],
    "peer": [{"name": "kme-b", "address": "kme-b.example:3"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"listen": "127.0.0.1"}, "this should be HOST:PORT, such as 127.0.0.1:8443, but got .127.0.0.1.\\.$"),
        ({"listen": "::1:8443"}, "listen"),
        ({"sae": [{"id": "alice", "kme": "kme-x"}]}, "neither this one nor a peer"),
        ({"sae": [{"id": "alice", "kme": "kme-a"}] * 2}, "stands for two"),
        ({"sae": [{"id": "kme-b", "kme": "kme-a"}]}, "stands for two"),
        ({"peer": [{"name": "kme-a", "address": "x:1"}]}, "stands for two"),
        ({"limits": {"key_size": 12}}, "between min_key_size"),
        ({"limits": {"min_key_size": 60}}, "multiples of 8"),
        ({"limits": {"key_lifetime_s": 0.0}}, "key_lifetime_s"),
        ({"limit": {}}, "did you mean 'limits'"),
    ],
)
def test_what_does_not_fit_is_said(change, sentence):
    with pytest.raises(SpecError, match=sentence):
        parse_spec(KmeSpec, TABLE | change)


def test_paths_start_at_the_file(tmp_path):
    write_files(tmp_path)
    spec = read_kme_spec(tmp_path / "a.toml")
    assert spec.store == tmp_path / "a"
    assert spec.authority.is_file()
    with pytest.raises(InputError, match="no such file"):
        read_kme_spec(tmp_path / "x.toml")


def test_the_usual_limits_suit_the_standard():
    sizes = parse_spec(KmeSpec, TABLE).limits.sizes()
    assert (sizes.key_size, sizes.min_key_size, sizes.max_key_size) == (256, 64, 4096)


def test_every_key_is_in_the_reference():
    page = Path("docs/reference/key-delivery.md").read_text(encoding="utf-8")
    for name in {*KmeSpec.model_fields, *LimitsSpec.model_fields} - {"limits"}:
        assert f"`{name}`" in page or f"`limits.{name}`" in page, name
