"""Checks of extensions, whose errors have fixed sentences."""

from __future__ import annotations

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.model import fail
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

CLAUSE = "Key request data format: extension_mandatory"
UNKNOWN = {"kakehashi-suite_unknown": "x"}


@check("extension-mandatory", clause=CLAUSE)
def mandatory(session: Session) -> str:
    """An extension_mandatory whose name the server does not know is 400 with the standard's sentence."""
    answer = session.ask(extension_mandatory=[UNKNOWN])
    if answer.status == 200:
        fail("a mandatory extension that nobody knows was ignored")
    session.expect_refusal(answer, message="mandatory")
    return describe(answer)


@check("extension-mandatory-none", clause=CLAUSE)
def mandatory_none(session: Session) -> str:
    """An empty extension_mandatory asks for nothing, and keys come."""
    session.new_keys(session.ask(extension_mandatory=[]), number=1)
    return session.came


@check("extension-mandatory-shape", clause=CLAUSE)
def mandatory_shape(session: Session) -> str:
    """An extension_mandatory that is no array of objects is 400."""
    for value in (UNKNOWN, "x", [7], ["x"]):
        answer = session.ask(extension_mandatory=value)
        session.expect_refusal(answer)
    return "four such are refused"


@check("extension-optional", clause="Key request data format: extension_optional")
def optional(session: Session) -> str:
    """An unknown extension_optional is ignored, or refused with the standard's sentence."""
    answer = session.ask(extension_optional=[UNKNOWN])
    if answer.status == 200:
        session.new_keys(answer, number=1)
    else:
        session.expect_refusal(answer, message="optional")
    return describe(answer)


@check("extension-both", clause=CLAUSE)
def both(session: Session) -> str:
    """An unknown mandatory extension is refused also beside an optional one and a number."""
    answer = session.ask(number=2, extension_mandatory=[UNKNOWN], extension_optional=[UNKNOWN])
    if answer.status == 200:
        fail("a mandatory extension that nobody knows was ignored")
    session.expect_refusal(answer, message="mandatory")
    return describe(answer)


CHECKS = (mandatory, mandatory_none, mandatory_shape, optional, both)
