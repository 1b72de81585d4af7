"""A small network for tests: a line of three nodes with fast links."""

from pathlib import Path

TEXT = """
title = "three in a line"

[[node]]
name = "a"

[[node]]
name = "b"

[[node]]
name = "c"

[[link]]
name = "a-b"
sender = "a"
receiver = "b"
photons = "tokyo-koganei-loop-ntt"
loss_db = 20.0
block_bits = 100_000

[[link]]
name = "b-c"
sender = "b"
receiver = "c"
photons = "tokyo-koganei-loop-ntt"
loss_db = 20.0
block_bits = 100_000

[[sae]]
id = "alice"
kme = "a"

[[sae]]
id = "carol"
kme = "c"

[relay]
block_bits = 1024
stock_bits = 2048

[management]
report_s = 0.1
"""


def write_network(folder: Path) -> Path:
    path = folder / "network.toml"
    path.write_text(TEXT)
    return path
