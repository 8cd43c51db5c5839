"""What can be asked of a study, said before there are any data."""

from collections.abc import Iterator
from typing import Final

from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Need
from analysis.numbers import scale_of

LACKING: Final[dict[Need, str]] = {
    "two_classes": "is defined for a model with two classes; this one has another number",
    "ratings": "is made of ratings at the end; this design asks for none",
    "scores": "is made of answers worth a number; this design's answers are right or wrong",
}


def plan_problems(
    *,
    estimand: str,
    missing: str,
    smallest_effect: float,
    n_classes: int | None,
    has_ratings: bool,
    has_scores: bool = False,
) -> Iterator[tuple[str, str]]:
    """Say what of a plan does not fit its estimand, or the estimand the study.

    Parameters
    ----------
    estimand, missing, smallest_effect
        Of the plan.
    n_classes : int or None
        Of the model; None while that is not known.
    has_ratings, has_scores : bool
        Whether the design asks for any.

    Yields
    ------
    tuple of str
        A part of the plan, and what is wrong with it.
    """
    found = ESTIMANDS.get(estimand)
    if found is None:
        yield "estimand", f"{estimand!r} is none of: {', '.join(ESTIMANDS)}"
        return
    lacks = {"two_classes": n_classes not in {None, 2}, "ratings": not has_ratings, "scores": not has_scores}
    for need in found.needs:
        if lacks[need]:
            yield "estimand", f"{found.title} {LACKING[need]}"
    if missing not in found.missing_rules:
        yield "missing", f"{missing!r} does not go with {found.title}; choose of: {', '.join(found.missing_rules)}"
    if smallest_effect >= found.effects_below:
        scale = scale_of(found.unit)
        yield (
            "smallest_effect",
            f"{scale.factor * smallest_effect:g} {scale.noun}: no effect is so large "
            f"(less than {scale.factor * found.effects_below:g})",
        )
