"""Items and weights of their parts as numbers on the same columns, so that one can be learned beside the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explainers.errors import InputError
from explainers.methods.base import FloatArray, IntArray
from explainers.methods.masking import grid
from explainers.predictors.base import Predictor
from explainers.predictors.image import ImagePredictor
from explainers.predictors.tabular import TabularPredictor
from explainers.predictors.text import UNKNOWN, TextPredictor
from explainers.types import ImageInput, Input, TabularInput, TextInput

CELLS = 7  # rows and columns of the grid that a picture is looked at in


class Columns:
    """What a learner sees of an item, from the encoding of the predictor.

    Tables: a column for each value of each variable, 1 where the row has it. Texts: a column for each word of the
    predictor's vocabulary, 1 where the text has it; all words outside of it share one, as they do for the predictor.
    Pictures: the mean brightness (0 to 1) of each cell of a grid of 7 x 7, for nobody weighs single pixels.

    Parameters
    ----------
    predictor : Predictor
        The model that the explanations are of.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.size = _size(predictor)

    def of(self, inputs: Sequence[Input]) -> FloatArray:
        """The inputs as rows, shape (n_inputs, size), each number 0 to 1; raises InputError where one does not fit."""
        rows = np.zeros((len(inputs), self.size))
        for row, item in zip(rows, inputs, strict=True):
            encoded = self._predictor.encode([item])[0].cpu().numpy()
            if isinstance(item, TabularInput):
                row[:] = encoded
            elif isinstance(item, TextInput):
                row[encoded] = 1.0
            else:
                row[:] = _means(encoded.astype(np.float64).mean(0))
        return rows

    def place(self, item: Input, weights: FloatArray) -> FloatArray:
        """Weights of an item's variables, words or pixels summed on its columns, shape (size,)."""
        return np.bincount(self._column_of_part(item), weights=weights, minlength=self.size).astype(np.float64)

    def of_word(self, word: str) -> int:
        """The column of a word of a text."""
        return int(self._predictor.encode([TextInput((word,))])[0, 0])

    def _column_of_part(self, item: Input) -> IntArray:
        if isinstance(item, ImageInput):
            return grid(item.height, item.width, CELLS)
        encoded = self._predictor.encode([item])[0].cpu().numpy()
        found = np.flatnonzero(encoded) if isinstance(item, TabularInput) else encoded
        return np.asarray(found, dtype=np.int64)


def _size(predictor: Predictor) -> int:
    match predictor:
        case TabularPredictor():
            return sum(len(variable.categories) for variable in predictor.variables)
        case TextPredictor():
            return len(predictor.vocabulary) + UNKNOWN + 1
        case ImagePredictor():
            return int(grid(predictor.shape[1], predictor.shape[2], CELLS).max()) + 1
        case _:
            raise InputError(f"predictor: {predictor.name} is {predictor.modality}; tables, texts and pictures can be")


def _means(picture: FloatArray) -> FloatArray:
    """The mean of each cell of a picture (height, width)."""
    cells = grid(picture.shape[0], picture.shape[1], CELLS)
    found = np.bincount(cells, weights=picture.ravel()) / np.bincount(cells)
    return np.asarray(found, dtype=np.float64)
