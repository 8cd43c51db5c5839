"""Why a picture goes with a caption, in both: what their similarity loses without a cell, and without a word.

As occlusion (Zeiler & Fergus 2014, arXiv 1311.2901), but of the similarity of a two-tower network instead of a
probability (what demonstrations of CLIP show; Radford et al. 2021, arXiv 2103.00020). The caption is the one of the
explained class that is most like the picture.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explainers.errors import ParameterError
from explainers.methods.base import Attribution, Batch, FloatArray, IntArray
from explainers.methods.blocks import encode, mapped
from explainers.methods.masking import grid
from explainers.predictors.base import Predictor
from explainers.predictors.nets.two_tower import TwoTower


def explain(batch: Batch) -> list[Attribution]:
    """What the similarity loses without each cell of the picture and each word of the caption.

    Returns
    -------
    list of Attribution
        Weights of cells and of words, in units of the cosine. Diagnostics: `similarity`, the cosine with all of both.

    Raises
    ------
    ParameterError
        When the predictor is of another architecture.
    """
    net = _net(batch.predictor)
    texts = _captions(net)
    found: dict[int, Attribution] = {}
    for group in encode(batch.predictor, batch.inputs):
        for place, row in zip(group.places, group.rows, strict=True):
            found[place] = _attribution(net, row, texts[batch.classes[place]], int(batch.params["cells"]))
    return [found[place] for place in range(len(found))]


def _net(predictor: Predictor) -> TwoTower:
    module = predictor.module
    if not isinstance(module, TwoTower):
        raise ParameterError(
            f"explainer: similarity_saliency explains predictors of architecture two-tower, {predictor.name} is of "
            f"architecture {predictor.architecture}; choose another method or predictor"
        )
    return module


_Caption = tuple[tuple[str, ...], FloatArray]  # words; directions (1 + n_words, n_dimensions), the whole one first


def _captions(net: TwoTower) -> list[list[_Caption]]:
    """For each class its captions, whole and without each of their words."""
    n_words = net.captions.shape[2]
    present = torch.cat([torch.ones(1, n_words), 1 - torch.eye(n_words)]).bool().to(net.captions.device)
    found = []
    with torch.inference_mode():
        for rows in net.captions:
            directions = [_array(net.of_captions(row.expand(n_words + 1, n_words), present)) for row in rows]
            words = [tuple(net.vocabulary[index] for index in row.tolist()) for row in rows]
            found.append(list(zip(words, directions, strict=True)))
    return found


def _array(values: Tensor) -> FloatArray:
    return values.cpu().numpy().astype(np.float64)


def _attribution(net: TwoTower, row: Tensor, captions: list[_Caption], cells: int) -> Attribution:
    unit_of_pixel = grid(row.shape[1], row.shape[2], cells)
    pictures = _array(mapped(_without_cells(row, unit_of_pixel), net.of_pictures))
    words, directions = max(captions, key=lambda caption: float(pictures[0] @ caption[1][0]))
    similarity = float(pictures[0] @ directions[0])
    return Attribution(
        similarity - pictures[1:] @ directions[0],
        {"similarity": similarity},
        unit_of_pixel,
        caption=words,
        caption_weights=similarity - directions[1:] @ pictures[0],
    )


def _without_cells(row: Tensor, unit_of_pixel: IntArray) -> Tensor:
    """The picture (channels, height, width) whole, and with each cell black; shape (1 + n_cells, ...)."""
    units = torch.from_numpy(unit_of_pixel).to(row.device).reshape(row.shape[1:])
    hidden = torch.arange(int(units.max()) + 1, device=row.device)[:, None, None] == units
    return torch.cat([row[None], row * ~hidden[:, None]])
