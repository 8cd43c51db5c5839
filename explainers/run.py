"""What a worker calls: load a predictor, draw candidates, explain. Needs torch."""

from __future__ import annotations

from explainers.artifacts import load_predictor
from explainers.candidates import candidates
from explainers.explain import explain
from explainers.train import predictor_folder, train

__all__ = ["candidates", "explain", "load_predictor", "predictor_folder", "train"]
