"""The identity of a piece of work: the SHA-256 of its canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["canonical_json", "identify"]


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no white space: equal values give equal text.

    Example:
        >>> canonical_json({"b": 1, "a": [1.5, None]})
        '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identify(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``, as 64 hexadecimal digits.

    Example:
        >>> identify({"a": 1})[:12]
        '015abd7f5cc5'
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
