"""Links that the tests share."""

from kakehashi.core.spec import parse_spec
from kakehashi.qkd.link.spec import LinkSpec

BASE = {
    "protocol": "decoy-bb84",
    "source": {
        "pulse_rate_hz": 1e9,
        "intensities": [0.6, 0.2, 0.01],
        "probabilities": [0.6, 0.3, 0.1],
        "key_basis_probability": 0.7,
    },
    "fibre": {"length_km": 10.0, "loss_db": 3.0, "misalignment": 0.03},
    "detector": {
        "efficiency": 0.3,
        "dark_count_hz": 1e6,
        "dead_time_ns": 8.0,
        "afterpulse_probability": 0.05,
        "afterpulse_decay_ns": 10.0,
        "key_basis_probability": 0.6,
    },
}

PAIRS = {
    "protocol": "bbm92",
    "source": {"pulse_rate_hz": 1e9, "intensities": [0.05]},
    "fibre": {"length_km": 1.0, "loss_db": 3.0, "misalignment": 0.02},
    "sender_fibre": {"length_km": 0.0, "loss_db": 0.0, "misalignment": 0.01},
    "detector": {"efficiency": 0.3, "dark_count_hz": 1e6, "dead_time_ns": 3.0},
    "sender_detector": {"efficiency": 0.4, "dark_count_hz": 1e6, "basis_choice": "passive"},
}


def link(base=BASE, **changes):
    """A link with some keys changed, such as ``detector__efficiency=1.0``; None takes a key away."""
    table = {key: dict(value) if isinstance(value, dict) else value for key, value in base.items()}
    for name, value in changes.items():
        *path, last = name.split("__")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return parse_spec(LinkSpec, table)


DPS = {
    "protocol": "dps",
    "source__intensities": [0.3],
    "source__probabilities": [1.0],
}


def dps(**changes):
    return link(**{**DPS, **changes})
