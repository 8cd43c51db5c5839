from __future__ import annotations

import numpy as np
import pytest

from explainers.errors import InputError
from explainers.material.base import Labelled, TabularSchema
from explainers.perturbations.base import Proposal
from explainers.perturbations.tabular import change_variables
from explainers.types import TabularInput, TextInput

SCHEMA = TabularSchema(
    variables=(("Hours", ("few", "some", "many", "most")), ("Role", ("wife", "husband", "child")), ("Sex", ("F", "M"))),
    ordinal=frozenset({"Hours"}),
)


def row(hours: str, role: str, sex: str) -> TabularInput:
    return TabularInput((("Hours", hours), ("Role", role), ("Sex", sex)))


def train() -> list[Labelled]:
    """Wives are F, husbands M, children either; every number of hours occurs with everything, ten times."""
    pairs = (("wife", "F"), ("husband", "M"), ("child", "F"), ("child", "M"))
    return [Labelled(row(hours, *pair), 0) for hours in SCHEMA.variables[0][1] for pair in pairs for _ in range(10)]


def proposals(item: TabularInput, n: int = 400) -> list[Proposal]:
    propose, rng = change_variables(train(), SCHEMA), np.random.default_rng(0)
    return [found for found in (propose(item, rng) for _ in range(n)) if found is not None]


def test_changes_are_exactly_what_differs() -> None:
    item = row("some", "child", "F")

    for proposal in proposals(item):
        assert isinstance(proposal.input, TabularInput)
        differs = [
            (name, old, new)
            for (name, old), (_, new) in zip(item.values, proposal.input.values, strict=True)
            if old != new
        ]
        assert proposal.changes == tuple(differs)
        assert 1 <= len(differs) <= 2


def test_ordinal_variable_moves_by_one_bin() -> None:
    moves = {new for found in proposals(row("some", "child", "F")) for name, _, new in found.changes if name == "Hours"}

    assert moves == {"few", "many"}


def test_ordinal_variable_at_its_end_moves_inwards() -> None:
    moves = {new for found in proposals(row("most", "child", "F")) for name, _, new in found.changes if name == "Hours"}

    assert moves == {"many"}


def test_no_row_is_proposed_whose_values_do_not_occur_together() -> None:
    reached = {found.input.values[1:] for found in proposals(row("some", "husband", "M"))}

    assert reached == {
        (("Role", "husband"), ("Sex", "M")),
        (("Role", "child"), ("Sex", "M")),
        (("Role", "child"), ("Sex", "F")),
        (("Role", "wife"), ("Sex", "F")),
    }


def test_same_generator_proposes_the_same() -> None:
    assert proposals(row("few", "wife", "F"), n=20) == proposals(row("few", "wife", "F"), n=20)


def test_other_modality_is_refused() -> None:
    with pytest.raises(InputError, match="a tabular input was expected, text came"):
        change_variables(train(), SCHEMA)(TextInput(("a",)), np.random.default_rng(0))
