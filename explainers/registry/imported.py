"""Explanations that were made elsewhere. Nothing computes these: their forms come from a file (explainers.imports)."""

from __future__ import annotations

from collections.abc import Mapping

from explainers.registry.entries import WEIGHTS, Choice, Digest, Entry, Param
from explainers.types import FormName, Modality

# The modalities that a form can explain. A form that is not here cannot be imported.
IMPORTABLE: Mapping[FormName, tuple[Modality, ...]] = {
    "feature_weights": ("tabular",),
    "token_weights": ("text",),
    "heatmap": ("image",),
    "concepts": ("tabular", "text", "image"),
    "rule": ("tabular", "text"),
    "examples": ("tabular", "text", "image"),
    "strip": ("tabular", "text", "image"),
    "prototypes": ("image",),
    "feature_cards": ("text",),
    "composite": ("tabular", "text", "image"),
}
UPLOAD: Mapping[str, Param] = {
    "upload": Digest(help="Which file of explanations: the SHA-256 under which the console lists it."),
    "form": Choice("feature_weights", tuple(IMPORTABLE), help="The form of the explanations, as the file says."),
    "direction": Choice(
        "signed",
        ("signed", "sizes"),
        help="Whether weights say for or against the output, or only how much, as the file says.",
    ),
}

# What an arm can choose beside EXPLAINERS.
IMPORTS: Mapping[str, Entry] = {
    "imported": Entry(
        path="",
        title="Imported explanations",
        forms=WEIGHTS,
        params=UPLOAD,
        summary=(
            "Explanations that were made elsewhere, by whatever method, and brought here in a file. They are shown as "
            "they are in the file."
        ),
        reference="Foretell's own format: docs/imported-explanations.md",
    ),
    "imported_other_item": Entry(
        path="",
        title="Placebo: another item's imported explanation",
        forms=WEIGHTS,
        params=UPLOAD,
        placebo=True,
        needs_donor=True,
        summary=(
            "The imported explanation of another item with the same output, shown on this item: what is typical of "
            "the output remains, what is special to the item is wrong."
        ),
        reference="Dinu, Bigham & Kolter 2020, Challenging common interpretability assumptions, arXiv 2012.02748",
    ),
}
