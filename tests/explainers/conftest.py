"""Tiny predictors of every architecture, trained once a session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from explainers.material import MATERIAL
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.types import Modality
from tests.explainers.tiny import ARCHITECTURES, tiny


@pytest.fixture(scope="session")
def predictors(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[Modality, str], Predictor]:
    """One trained predictor for every architecture, by modality and architecture."""
    folder = tmp_path_factory.mktemp("predictors")
    return {key: tiny(*key).train(folder / "-".join(key)) for key in ARCHITECTURES}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny predictors are slower on two threads than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The name adult-mlp and its material are tiny ones, for the command line; gives the empty data folder."""
    one = tiny("tabular", "mlp")
    monkeypatch.setenv("FORETELL_DATA", str(tmp_path))
    monkeypatch.setitem(MATERIAL, "adult", replace(one.material, name="adult"))  # type: ignore[arg-type]
    monkeypatch.setitem(PREDICTORS, "adult-mlp", replace(one.entry, material="adult"))  # type: ignore[arg-type]
    return tmp_path
