"""What a worker calls: load a predictor, draw candidates, explain, measure, simulate a subject. Needs torch."""

from __future__ import annotations

from explainers.artifacts import load_predictor
from explainers.candidates import candidates
from explainers.explain import explain, explain_each
from explainers.metrics.measure import Arm, measure
from explainers.simulated.simulate import simulate
from explainers.train import predictor_folder, train

__all__ = [
    "Arm",
    "candidates",
    "explain",
    "explain_each",
    "load_predictor",
    "measure",
    "predictor_folder",
    "simulate",
    "train",
]
