"""The index beside the pictures: a table of methods, their papers and what they look like."""

from __future__ import annotations

from collections.abc import Sequence

from explainers.registry import entry
from studyapp.management.gallery.plan import MODALITIES, Shot

HEAD = """\
# How each method looks to a participant

Every method on the page of a learning trial, where the model's answer is given, with its default parameters: one real
held-out item of each kind (a row of Adult income, a movie review, a handwritten digit) to which all the predictors
answer rightly. Placebos take the look of the method they stand beside; three of them are here. `make screens` takes
the pictures again, `manage.py explanation_screens NAME` those of one method.

"""
TITLES = {"tabular": "Table", "text": "Text", "image": "Picture"}


def index_of(shots: Sequence[Shot], widths: Sequence[int]) -> str:
    """The whole file, in Markdown."""
    names = list(dict.fromkeys(shot.spec.name for shot in shots))
    lines = [
        f"| Method | Paper | {' | '.join(TITLES[modality] for modality in MODALITIES)} |",
        f"|---|---|{'---|' * len(MODALITIES)}",
        *(_row(name, [shot for shot in shots if shot.spec.name == name], widths) for name in names),
    ]
    return HEAD + "\n".join(lines) + "\n"


def _row(name: str, shots: Sequence[Shot], widths: Sequence[int]) -> str:
    cells = {shot.modality: _cell(shot, widths) for shot in shots}
    found = entry(name)
    shown = " | ".join(cells.get(modality, "") for modality in MODALITIES)
    return f"| **{found.title}**<br>`{name}` | {found.reference} | {shown} |"


def _cell(shot: Shot, widths: Sequence[int]) -> str:
    widest, *others = widths
    image = f'<img src="{shot.file(widest)}" width="240" alt="{entry(shot.spec.name).title}, {shot.modality}">'
    links = "".join(f"<br>[{width} px wide]({shot.file(width)})" for width in others)
    return f"[{image}]({shot.file(widest)}){links}"
