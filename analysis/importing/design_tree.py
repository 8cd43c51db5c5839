"""A design.json for a study that was run elsewhere: its arms, phases and plan, and what is taken for granted."""

import json
from collections.abc import Iterator
from typing import Final

from analysis.columns import SIMULATION_TYPES
from analysis.design import Design, read_design
from analysis.errors import DesignError, MappingError
from analysis.estimands import ESTIMANDS
from analysis.importing.mapping import Mapping
from analysis.importing.records import Records
from analysis.importing.whose import People
from analysis.numbers import counted

NO_PRE: Final = {"key": "no_pre", "title": "nothing was asked before", "kind": "test"}
PLAN: Final = {
    "alpha": 0.05, "multiplicity": "holm", "draws": 10_000, "bootstrap_draws": 2_000, "missing": "available", "seed": 1,
    "stages": ["main"],
}  # fmt: skip
ALLOCATION: Final = (
    "How people were given their arms is not in the file: every way to give so many people each arm is taken as "
    "equally likely (complete randomisation, no strata)."
)


def design_text(records: Records, people: People, mapping: Mapping) -> str:
    """Return design.json as text; the same for the same file and mapping.

    Parameters
    ----------
    records : Records
    people : People
    mapping : Mapping

    Returns
    -------
    str
    """
    phases, plan = _phases_and_plan(mapping)
    method = "permuted_blocks" if mapping.place else "complete"
    tree = {
        "title": mapping.title,
        "arms": [{"title": arm.get("key"), "weight": 1, **arm} for arm in mapping.arms],
        "phases": [{"title": phase.get("key"), "kind": "test", **phase} for phase in phases],
        "allocation": {"method": method, "block_multiples": mapping.block_multiples or []},
        "plan": plan,
        "imported": {
            "file": records.name,
            "file_sha256": records.sha256,
            "mapping": mapping.name,
            "mapping_sha256": mapping.sha256,
            "assumptions": list(_assumptions(records, people, mapping)),
        },
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def checked_design(text: str, mapping: Mapping) -> Design:
    """Read a design made here; what is wrong with it is wrong with the mapping, by the same paths.

    Raises
    ------
    MappingError
    """
    try:
        design = read_design(text)
    except DesignError as error:
        raise MappingError(mapping.name, error.problems) from error
    plan = design.plan
    problems = []
    if plan.pre == NO_PRE["key"] and "PRE" in ESTIMANDS[plan.estimand].attributes.variable:
        problems.append(
            f"plan.pre: expected the key of a phase, found nothing; {plan.estimand} is made of PRE and POST"
        )
    if plan.missing == "chance" and any(
        "model_output" not in part.cells for part in mapping.trials if "correct" in part.cells
    ):
        problems.append("plan.missing: who guesses among how many classes is not known without model_output")
    if problems:
        raise MappingError(mapping.name, problems)
    return design


def _phases_and_plan(mapping: Mapping) -> tuple[list[dict[str, object]], dict[str, object]]:
    plan = {"estimand": "gain_in_accuracy" if "pre" in mapping.plan else "accuracy", **PLAN, **mapping.plan}
    if "pre" in plan:
        return mapping.phases, plan
    return [dict(NO_PRE), *mapping.phases], {**plan, "pre": NO_PRE["key"]}


def _assumptions(records: Records, people: People, mapping: Mapping) -> Iterator[str]:
    yield "The study was run elsewhere: this plan was written with its data there, and only people in the file count."
    if not mapping.place:
        yield ALLOCATION
    for one in people.left_out:
        n = sum(one.n.values())
        if n:
            shares = ", ".join(f"{count} in {_title(mapping, arm)}" for arm, count in one.n.items())
            yield f"Left out, {counted(n)} ({shares}): {one.because}."
    if people.n_without_arm:
        yield f"Not brought in, as no row says their arm: {counted(people.n_without_arm)}."
    if mapping.completed is None:
        yield "The file does not say who completed the study: whoever has an answer in POST is taken to have."
    if any(part.type in SIMULATION_TYPES and "label" not in part.cells for part in mapping.trials):
        yield "What the items really are is not in the file: nothing is said of items by whether the model is right."
    yield from (note if note.endswith(".") else f"{note}." for note in (*records.notes, *mapping.notes))


def _title(mapping: Mapping, key: str) -> str:
    return next(str(arm.get("title", key)) for arm in mapping.arms if arm.get("key") == key)
