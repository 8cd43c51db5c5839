"""Which explanations are pictured: every method of the registry on each kind of item it serves, and some placebos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explainers.registry import EXPLAINERS, checked, entry, forms_of, needs_of
from explainers.types import ExplainerSpec, Modality

MODALITIES: tuple[Modality, ...] = ("tabular", "text", "image")
USUAL: Mapping[Modality, str] = {"tabular": "mlp", "text": "gru", "image": "cnn"}  # architectures, where any will do
# A placebo looks like its method, so one a kind of item is enough to see that.
PLACEBOS: Mapping[str, Modality] = {
    "placebo_random_weights": "tabular",
    "placebo_random": "text",
    "placebo_edges": "image",
}


@dataclass(frozen=True)
class Shot:
    """One method on one kind of item, explaining a predictor of an architecture that it goes with."""

    spec: ExplainerSpec
    modality: Modality
    architecture: str

    @property
    def name(self) -> str:
        return f"{self.spec.name}-{self.modality}"

    def file(self, width: int) -> str:
        return f"{self.name}-{width}.png"


def plan() -> tuple[Shot, ...]:
    """Every picture to take, in the order of the registry; methods with their own default parameters."""
    return tuple(
        Shot(spec, modality, _architecture(spec, modality))
        for spec in (checked(ExplainerSpec(name, {})) for name in EXPLAINERS)
        for modality in MODALITIES
        if modality in forms_of(spec) and (not entry(spec.name).placebo or PLACEBOS.get(spec.name) == modality)
    )


def _architecture(spec: ExplainerSpec, modality: Modality) -> str:
    needs = needs_of(spec)
    return USUAL[modality] if not needs or USUAL[modality] in needs else needs[0]
