"""How a key of a JSON document is written down: what it means, its unit, and what it may hold."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import pydantic
from pydantic import Field, JsonValue

from kakehashi.core.spec import Spec

__all__ = ["Count", "Document", "doc"]

Count: TypeAlias = Annotated[int, Field(ge=0)]


class Document(Spec):
    """Base of what a JSON document holds: finite numbers alone."""

    model_config = pydantic.ConfigDict(
        allow_inf_nan=False, populate_by_name=True, json_schema_serialization_defaults_required=True
    )


def doc(description: str, unit: str = "", **limits: Any) -> Any:
    """What a key means, in words, and its unit (dimensionless where there is none).

    Example:
        >>> doc("Wall time.", "s").description
        'Wall time. [s]'
    """
    extra: dict[str, JsonValue] = {"unit": unit} if unit else {}
    return Field(description=f"{description} [{unit}]" if unit else description, json_schema_extra=extra, **limits)
