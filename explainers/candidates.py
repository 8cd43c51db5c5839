"""Held-out items that a study may draw, with every predictor's output and with small changes of each item.

Items are those on which all the predictors agree, so that every arm is asked about the same answers
(Hase & Bansal 2020); the changes likewise. Only the test split is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explainers.errors import InputError
from explainers.material import material as find_material
from explainers.material.base import Labelled, Material, Splits, split
from explainers.perturbations import PERTURBATIONS
from explainers.perturbations.base import Proposal, Proposer
from explainers.predictors import entry
from explainers.predictors.base import Predictor
from explainers.predictors.fit import single_thread
from explainers.types import Candidate, Input, Modality, Output, Perturbed

# Draws an item; a confident output of a tabular predictor is flipped by few of the many pairs of changes.
N_PROPOSALS: Mapping[Modality, int] = {"tabular": 240, "text": 80, "image": 80}
N_KEPT = 2  # perturbations kept an item that flip the output, and as many that do not

Outputs = dict[str, Output]


def candidates(predictors: Sequence[Predictor], *, per_cell: int, seed: int) -> list[Candidate]:
    """Draw up to `per_cell` held-out items for each cell of label x output.

    Parameters
    ----------
    predictors : sequence of Predictor
        Registered predictors of one material.
    per_cell : int
        At least 1. A cell with fewer agreed items gives all it has; `cell_counts` says how many that are.
    seed : int
        Of the draw of items and of their perturbations.

    Returns
    -------
    list of Candidate
        By label, then output, then in the order of the draw. Each has up to two perturbations that flip the output
        of all predictors and up to two that flip none; an item for which the search finds none has fewer.

    Raises
    ------
    InputError
        When there is no predictor, two have one name, or they are of different material.
    """
    names = {entry(predictor.name).material for predictor in predictors}
    if len(names) != 1:
        raise InputError(f"predictors: all must be of one material, {', '.join(sorted(names)) or 'none'} came")
    material = find_material(names.pop())
    splits = split(material.read(), material.shares, material.split_seed)
    return draw(predictors, material, splits, per_cell=per_cell, seed=seed)


def draw(
    predictors: Sequence[Predictor], material: Material, splits: Splits, *, per_cell: int, seed: int
) -> list[Candidate]:
    """As `candidates`, from given splits."""
    _check(predictors, per_cell)
    with single_thread():  # sums in one order; and threads that wait for each other on a busy machine cost more
        return _draw(predictors, material, splits, per_cell, seed)


def _draw(
    predictors: Sequence[Predictor], material: Material, splits: Splits, per_cell: int, seed: int
) -> list[Candidate]:
    pool = agreed(predictors, distinct(splits.test))
    order = np.random.default_rng([seed, 0]).permutation(len(pool)).tolist()
    cells: defaultdict[tuple[int, int], list[_Agreed]] = defaultdict(list)
    for place in order:
        cells[pool[place].cell].append(pool[place])
    chosen = [item for cell in sorted(cells) for item in cells[cell][:per_cell]]
    proposer = PERTURBATIONS[material.modality](material, splits.train)
    changes = _perturbed(predictors, proposer, chosen, seed)
    return [
        Candidate(item.labelled.input, item.labelled.label, item.outputs, kept)
        for item, kept in zip(chosen, changes, strict=True)
    ]


def changes_of(
    predictor: Predictor, material: Material, train: Sequence[Labelled], inputs: Sequence[Input], *, seed: int
) -> list[tuple[Perturbed, ...]]:
    """Small changes of any inputs, found as for candidates: up to two that flip the predictor's output and two that
    do not, a row an input; a row depends on its input, its place and the seed."""
    with single_thread():
        said = _outputs([predictor], inputs)
        pairs = enumerate(zip(inputs, said, strict=True))
        items = [_Agreed(place, Labelled(item, _class(outputs)), outputs) for place, (item, outputs) in pairs]
        return _perturbed([predictor], PERTURBATIONS[material.modality](material, train), items, seed)


def cell_counts(items: Sequence[Candidate]) -> dict[tuple[int, int], int]:
    """How many candidates there are of each (label, output)."""
    return dict(Counter((item.label, _class(item.outputs)) for item in items))


def distinct(items: Sequence[Labelled]) -> list[Labelled]:
    """The first of items that people could not tell apart (binned rows repeat)."""
    first: dict[Input, Labelled] = {}
    for item in items:
        first.setdefault(item.input, item)
    return list(first.values())


@dataclass(frozen=True)
class _Agreed:
    """An item on which all predictors agree; `place` is its number among the distinct test items."""

    place: int
    labelled: Labelled
    outputs: Outputs

    @property
    def cell(self) -> tuple[int, int]:
        return self.labelled.label, _class(self.outputs)


def agreed(predictors: Sequence[Predictor], items: Sequence[Labelled]) -> list[_Agreed]:
    """The items on which all predictors have the same output class."""
    said = _outputs(predictors, [item.input for item in items])
    return [
        _Agreed(place, item, outputs)
        for place, (item, outputs) in enumerate(zip(items, said, strict=True))
        if _is_agreed(outputs)
    ]


def _check(predictors: Sequence[Predictor], per_cell: int) -> None:
    if len({predictor.name for predictor in predictors}) != len(predictors) or not predictors:
        raise InputError("predictors: one or more of different names were expected")
    if per_cell < 1:
        raise InputError(f"per_cell: {per_cell} is below 1")


def _outputs(predictors: Sequence[Predictor], inputs: Sequence[Input]) -> list[Outputs]:
    columns = {predictor.name: predictor.outputs(inputs) for predictor in predictors}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _is_agreed(outputs: Mapping[str, Output]) -> bool:
    return len({output.class_index for output in outputs.values()}) == 1


def _class(outputs: Mapping[str, Output]) -> int:
    return next(iter(outputs.values())).class_index


def _perturbed(
    predictors: Sequence[Predictor], proposer: Proposer, items: Sequence[_Agreed], seed: int
) -> list[tuple[Perturbed, ...]]:
    """For each item the kept perturbations; an item's proposals depend on its own seed alone."""
    proposals = [_proposals(proposer, item.labelled.input, seed, item.place) for item in items]
    flat = _outputs(predictors, [proposal.input for row in proposals for proposal in row])
    kept, start = [], 0
    for item, row in zip(items, proposals, strict=True):
        said = flat[start : start + len(row)]
        kept.append(_kept(row, said, _class(item.outputs)))
        start += len(row)
    return kept


def _proposals(proposer: Proposer, item: Input, seed: int, place: int) -> list[Proposal]:
    rng = np.random.default_rng([seed, 1, place])
    drawn = [proposer(item, rng) for _ in range(N_PROPOSALS[item.modality])]
    distinct_inputs = {proposal.input: proposal for proposal in drawn if proposal is not None}
    return list(distinct_inputs.values())


def _kept(proposals: Sequence[Proposal], said: Sequence[Outputs], before: int) -> tuple[Perturbed, ...]:
    """The first few on which all predictors flip alike, then the first few on which all stay."""
    found: tuple[list[Perturbed], list[Perturbed]] = ([], [])  # flips, stays
    for proposal, outputs in zip(proposals, said, strict=True):
        if _is_agreed(outputs):
            row = found[_class(outputs) == before]
            row.append(Perturbed(proposal.kind, proposal.input, proposal.changes, outputs))
    return (*found[0][:N_KEPT], *found[1][:N_KEPT])
