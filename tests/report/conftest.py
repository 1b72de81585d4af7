"""Results as fixtures: builders that take any change, and all the edge cases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.report.edge_cases import EDGE_CASES
from tests.report.made import make_result, make_sampling, make_scan
from tests.report.made_selected import CCSDT, DMRG, make_ledger, make_pair, make_properties, make_selected

from kakehashi.energy.solver import Solution
from kakehashi.report.ledger import Ledger
from kakehashi.report.model import Result, SamplingSummary
from kakehashi.report.properties import StateProperties
from kakehashi.report.scan import Scan
from kakehashi.report.selected import SelectedSummary


@pytest.fixture(scope="session")
def build_scan() -> Callable[..., Scan]:
    return make_scan


@pytest.fixture(scope="session")
def build() -> Callable[..., Result]:
    return make_result


@pytest.fixture(scope="session")
def build_selected() -> Callable[..., SelectedSummary]:
    return make_selected


@pytest.fixture(scope="session")
def pair() -> SelectedSummary:
    return make_pair()


@pytest.fixture(scope="session")
def build_properties() -> Callable[..., StateProperties]:
    return make_properties


@pytest.fixture(scope="session")
def solutions() -> tuple[Solution, ...]:
    return CCSDT, DMRG


@pytest.fixture(scope="session")
def build_ledger() -> Callable[..., Ledger]:
    return make_ledger


@pytest.fixture(scope="session")
def build_sampling() -> Callable[..., SamplingSummary]:
    return make_sampling


@pytest.fixture(scope="session")
def result() -> Result:
    return make_result()


@pytest.fixture(scope="session")
def cases() -> dict[str, Result]:
    return EDGE_CASES


@pytest.fixture(params=EDGE_CASES, ids=[name.replace(" ", "-") for name in EDGE_CASES])
def any_result(request: pytest.FixtureRequest) -> Result:
    return EDGE_CASES[request.param]
