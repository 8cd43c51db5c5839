"""The `lime` package on our predictors, at its best: asked in large blocks, by the shortest way to the encoded rows.

Item by item, as its interface has it. Tables get the training items as codes, texts drop words by position, pictures
get our grid for a segmentation and black for what is hidden: the neighbourhoods of `explainers.methods.lime`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from numpy.typing import NDArray
from torch import Tensor

from explainers.benchmark.limits import CELLS, N_SAMPLES, Subject
from explainers.methods.blocks import as_tabular
from explainers.methods.masking import grid
from explainers.predictors.base import Predictor
from explainers.types import ImageInput, TextInput

BLOCK_ROWS = 512
Floats: TypeAlias = NDArray[np.float64]


def lime_package(subject: Subject, n_items: int) -> Callable[[], None]:
    """A run over the first items, with everything that does not depend on the item made before."""
    batch = subject.batch(n_items)
    explain_one = {"tabular": _tabular, "text": _text, "image": _image}[subject.predictor.modality](subject)

    def run() -> None:
        for place, class_index in enumerate(batch.classes):
            explain_one(place, class_index)

    return run


def _shares(predictor: Predictor, rows: Tensor) -> Floats:
    with torch.inference_mode():
        logits = torch.cat([predictor.logits(rows[i : i + BLOCK_ROWS]) for i in range(0, len(rows), BLOCK_ROWS)])
    return np.asarray(logits.softmax(1).double().numpy())


def _tabular(subject: Subject) -> Callable[[int, int], None]:
    predictor = as_tabular(subject.predictor)
    starts = np.array([group.start for group in predictor.groups])
    width = predictor.groups[-1].stop

    def codes(rows: Tensor) -> Floats:
        return np.asarray(rows.nonzero()[:, 1].reshape(len(rows), -1).numpy() - starts, dtype=np.float64)

    def answer(rows: Floats) -> Floats:
        columns = torch.from_numpy(rows.astype(np.int64) + starts)
        return _shares(predictor, torch.zeros(len(rows), width).scatter_(1, columns, 1.0))

    known = codes(predictor.background.rows)
    n_units = known.shape[1]
    package = LimeTabularExplainer(known, categorical_features=list(range(n_units)), random_state=0)
    items = codes(predictor.encode([request.input for request in subject.requests]))

    def explain_one(place: int, class_index: int) -> None:
        package.explain_instance(
            items[place], answer, labels=(class_index,), num_features=n_units, num_samples=N_SAMPLES
        )

    return explain_one


def _text(subject: Subject) -> Callable[[int, int], None]:
    package = LimeTextExplainer(bow=False, mask_string="", split_expression=r"\s+", random_state=0)

    def answer(texts: Sequence[str]) -> Floats:
        return _shares(
            subject.predictor, subject.predictor.encode([TextInput(tuple(t.split()) or ("",)) for t in texts])
        )

    def explain_one(place: int, class_index: int) -> None:
        item = subject.requests[place].input
        assert isinstance(item, TextInput)
        package.explain_instance(
            " ".join(item.tokens), answer, labels=(class_index,), num_features=len(item.tokens), num_samples=N_SAMPLES
        )

    return explain_one


def _image(subject: Subject) -> Callable[[int, int], None]:
    package = LimeImageExplainer(random_state=0)

    def answer(pictures: NDArray[np.uint8]) -> Floats:
        rows = torch.from_numpy(np.ascontiguousarray(pictures[..., :1].transpose(0, 3, 1, 2))).float() / 255
        return _shares(subject.predictor, rows)

    def explain_one(place: int, class_index: int) -> None:
        item = subject.requests[place].input
        assert isinstance(item, ImageInput)
        cells = grid(item.height, item.width, CELLS).reshape(item.height, item.width)
        package.explain_instance(
            np.frombuffer(item.pixels, np.uint8).reshape(item.height, item.width),
            answer,
            labels=(class_index,),
            top_labels=None,
            hide_color=0,
            num_samples=N_SAMPLES,
            batch_size=BLOCK_ROWS,
            segmentation_fn=lambda _: cells,
        )

    return explain_one
