"""Cases shared by the contract tests of the explainers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import torch

from tests.contracts.explainer_runs import Results
from tests.contracts.tiny import PREDICTORS, Case, case


@pytest.fixture(scope="session")
def cases() -> Mapping[str, Case]:
    return {name: case(name) for name in PREDICTORS}


@pytest.fixture(scope="session")
def results(cases: Mapping[str, Case]) -> Results:
    return Results(cases)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny predictors are slower on two threads than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
