"""The report in words: a paragraph of methods and one of results, ready for a paper."""

from collections.abc import Iterator, Sequence

from analysis.adjustment import ADJUSTMENTS
from analysis.estimands import ESTIMANDS
from analysis.numbers import amount, between, counted, decimals, effect, level_text, p_text, percent, scale_of
from analysis.protocol import Protocol
from analysis.report import Report
from analysis.types import Contrast, Estimate, Interval


def methods_paragraph(report: Report) -> str:
    """Say how the study was analysed, from what the report holds.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        One paragraph.
    """
    plan = report.plan
    control = report.arm_title(plan.control)
    rule = ESTIMANDS[plan.estimand].missing_rules[plan.missing]
    weights = ":".join(str(arm.weight) for arm in report.arms)
    sentences = [
        f"Participants were allocated to {len(report.arms)} arms ({_listed([arm.title for arm in report.arms])}) "
        f"in the ratio {weights} {_mechanism(report)}.",
        f"The outcome, one number a participant, was the {report.estimand.variable}{_phases_meant(report)}; the "
        f"estimand is the difference of its arm means, each explained arm minus {control}, over everybody "
        f"{'in the data' if report.is_imported else 'allocated'}.",
        f"Participants who lack the answers that it is made of were {rule}, a rule set "
        f"{'for this analysis of data that were there' if report.is_imported else 'before the study opened'}.",
        _test_sentence(report),
        f"Intervals have level {level_text(1 - plan.alpha)}: Welch's on participants' values, and a conservative one "
        f"from {plan.bootstrap_draws:,} resamples of participants within arms and of items.",
        f"P-values of the primary contrasts were adjusted by {ADJUSTMENTS[plan.multiplicity].how}; secondary contrasts "
        "were not adjusted."
        if len(report.primary) > 1 or report.secondary
        else "There was one primary contrast, so no adjustment was needed.",
        f"The smallest effect of interest was {_plain(plan.smallest_effect, report.unit)}.",
        *_rules(report),
        *_methods_beside(report),
        f"Analysis {report.provenance.analysis} with seed {plan.seed} (NumPy {report.provenance.numpy}, "
        f"SciPy {report.provenance.scipy}).",
    ]
    return " ".join(sentences)


def _mechanism(report: Report) -> str:
    if report.is_imported:
        return "where the study was run; what is assumed of how is listed with the results"
    return "by permuted blocks within strata"


def _phases_meant(report: Report) -> str:
    """Say which phases are PRE and POST, as far as the outcome is made of them."""
    names = (("PRE", report.plan.pre), ("POST", report.plan.post))
    meant = [(name, report.phase_title(key)) for name, key in names if name in report.estimand.variable]
    verbs = ("is the phase", "is")
    said = [f"{name} {verb} “{title}”" for (name, title), verb in zip(meant, verbs, strict=False)]
    return f" ({', '.join(said)})" if said else ""


def results_paragraph(report: Report) -> str:
    """Say what was found: who was counted, then each effect with its interval before its p-value.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        One paragraph.
    """
    sentences = [_people(report), *(_primary(report, estimate) for estimate in report.primary), *_looked(report)]
    if report.secondary:
        parts = [f"{_name(report, e)} {_found(report, e)}" for e in report.secondary]
        sentences.append(f"Secondary contrasts, not adjusted: {'; '.join(parts)}.")
    sentences += [_losses(report), *_beside(report), *_flagged(report), *_not_as_planned(report)]
    return " ".join(sentences)


def verdict(estimate: Estimate, smallest_effect: float) -> str:
    """Say where an interval lies, against zero and the smallest effect of interest.

    Parameters
    ----------
    estimate : Estimate
    smallest_effect : float
        In the estimate's unit, above zero.

    Returns
    -------
    str
        A clause about the effect, such as "at least as large as the smallest effect of interest".
    """
    interval = estimate.interval
    if interval is None:
        return "is too uncertain for an interval"
    return next(text for holds, text in _positions(interval, smallest_effect) if holds)


def _positions(interval: Interval, smallest: float) -> tuple[tuple[bool, str], ...]:
    low, high = interval.low, interval.high
    return (
        (low >= smallest, "is at least as large as the smallest effect of interest"),
        (high <= -smallest, "is a harm at least as large as the smallest effect of interest"),
        (-smallest < low and high < smallest, "is smaller than the smallest effect of interest, if there is one"),
        (low > 0, "is above zero, and may be smaller or larger than the smallest effect of interest"),
        (high < 0, "is below zero: people gained less than in the control arm"),
        (high < smallest, "is no gain as large as the smallest effect of interest"),
        (True, "is uncertain: both no effect and one of interest are compatible with these data"),
    )


def _test_sentence(report: Report) -> str:
    if any("permutation test over all" in estimate.method for estimate in report.primary):
        how = "over every allocation the mechanism could have given"
    else:
        which = "allocation so assumed" if report.is_imported else "actual allocation"
        how = f"that re-drew the {which} {report.draws:,} times"
    return (
        f"The test was a two-sided permutation test {how} (studentised difference of means; "
        "the null hypothesis is that no participant's outcome depends on the arm)."
    )


def _people(report: Report) -> str:
    people = report.flow
    per_arm = _listed([f"{arm.analysed} in {report.arm_title(arm.arm)}" for arm in people.arms])
    who = "simulated participants" if report.is_simulated else "people"
    return f"Of {people.arrived} {who} who arrived, {people.allocated} were allocated and these analysed: {per_arm}."


def _primary(report: Report, estimate: Estimate) -> str:
    arm, control = report.arm_title(estimate.contrast.arm), report.arm_title(estimate.contrast.minus)
    if estimate.value is None:
        return f"For {arm} against {control} there is no estimate, as an arm has no outcomes."
    wide, unit = estimate.conservative_interval, estimate.unit
    beside = f"; conservative interval {between(wide, unit, decimals(wide, unit))}" if wide else ""
    moved = _phases(report, estimate.contrast.arm)
    answer = next(own for own in report.answers if own.contrast == estimate.contrast)
    return (
        f"With {arm} the effect was {_found(report, estimate)} compared with {control}{beside}{moved}; "
        f"it {verdict(answer, report.plan.smallest_effect)}."
    )


def _found(report: Report, estimate: Estimate) -> str:
    if estimate.value is None:
        return "not estimated"
    unit, places = estimate.unit, decimals(estimate.interval, estimate.unit)
    value = f"{amount(estimate.value, unit, places)} {scale_of(unit).noun}"
    inside = []
    if estimate.interval is not None:
        inside.append(f"{level_text(estimate.interval.level)} interval {between(estimate.interval, unit, places)}")
    if estimate.p_value is not None:
        inside.append(_p("p", estimate.p_value))
    if estimate.p_adjusted is not None and len(report.primary) > 1:
        inside.append(_p("adjusted p", estimate.p_adjusted))
    return f"{value} ({', '.join(inside)})" if inside else value


def _p(name: str, p: float) -> str:
    text = p_text(p)
    return f"{name} {text}" if text.startswith("<") else f"{name} = {text}"


def _phases(report: Report, arm: str) -> str:
    pre, post = (report.share(arm, phase) for phase in (report.plan.pre, report.plan.post))
    if pre is None or post is None or pre.value is None or post.value is None:
        return ""
    return f" (accuracy {percent(pre.value)} before, {percent(post.value)} after)"


def _looked(report: Report) -> Iterator[str]:
    """Say what the planned looks decided; where there were any, that is the planned answer."""
    for test in report.sequential:
        end = test.looks[-1]
        if test.value is None:
            arm, control = report.arm_title(test.contrast.arm), report.arm_title(test.contrast.minus)
            yield f"The group-sequential test of {arm} against {control} has too few outcomes."
            continue
        found = _beside_found(report, test.contrast, test.value, test.interval)
        did = "crossed" if test.crossed_at else "did not cross"
        yield (
            f"By the group-sequential test over {len(test.looks)} looks, which is the planned answer, {found}; "
            f"z {did} its bound with {end.n_enrolments} people ({_p('p', test.p_value or 0.0)})."
        )


def _losses(report: Report) -> str:
    loss = report.attrition[0]
    lost, allocated = sum(loss.lost.values()), report.flow.allocated
    compared = f" ({_p('Fisher p', loss.fisher_p)})" if loss.fisher_p is not None else ""
    return f"{lost} of {allocated} {loss.what}{compared}."


def _methods_beside(report: Report) -> Iterator[str]:
    """Say how looks, losses, adherence and placebos were handled, where the study has them."""
    if report.sequential:
        yield (
            "The study was looked at before its end as planned, without revealing any arm: alpha was spent over the "
            "looks (Lan and DeMets) and shared among the primary contrasts by Holm's steps; estimates and intervals "
            "that allow for the looks are median-unbiased, in the ordering by stage."
        )
    if any(one.method for one in report.losses):
        yield (
            "Missing outcomes were also imputed many times within arms from what was known before learning (Rubin's "
            "rules), and shifted until the interval held zero (tipping point)."
        )
    if _strayed(report):
        yield (
            "Beside the comparison as allocated stand the difference among those who went through every trial as "
            "planned (per protocol, which is not a randomized comparison) and the complier average causal effect, "
            "which assumes that an arm matters only through its explanations' being seen."
        )
    if any(one.method for one in report.closed):
        yield (
            "What explanations say (against a placebo) and being shown any (placebo against control) were tested as "
            "one closed family, every intersection by re-drawing the allocation."
        )


def _beside(report: Report) -> Iterator[str]:
    """Say what losses, adherence and placebos showed."""
    for one in report.losses:
        if one.value is not None:
            yield f"With the missing outcomes imputed {_beside_found(report, one.contrast, one.value, one.interval)}."
            yield one.sentence
    for kept in _strayed(report):
        if kept.per_protocol is not None:
            found = _beside_found(report, kept.contrast, kept.per_protocol, kept.per_protocol_interval)
            lost = sum(kept.n_left_out.values())
            yield f"Per protocol, {counted(lost)} left out and the arms no longer as randomized, {found}."
        if kept.complier_effect is not None:
            found = _beside_found(report, kept.contrast, kept.complier_effect, kept.complier_interval)
            yield f"Among compliers {found}."
    yield from (one.sentence for one in report.closed)


def _strayed(report: Report) -> list[Protocol]:
    """The contrasts in which somebody did not do as planned: in the others there is nothing to say."""
    return [one for one in report.protocol if any(one.n_left_out.values())]


def _beside_found(report: Report, contrast: Contrast, value: float, interval: Interval | None) -> str:
    unit, places = report.unit, decimals(interval, report.unit)
    arm, control = report.arm_title(contrast.arm), report.arm_title(contrast.minus)
    within = f" ({level_text(interval.level)} interval {between(interval, unit, places)})" if interval else ""
    return f"the effect of {arm} against {control} was {amount(value, unit, places)} {scale_of(unit).noun}{within}"


def _rules(report: Report) -> Sequence[str]:
    if not report.flag_rates:
        return ()
    rules = "; ".join(rate.meaning for rate in report.flag_rates[1:])
    return (
        f"Participants were flagged by rules that were frozen with the design and do not see the arm: {rules}. "
        "The primary analysis keeps everybody; a sensitivity analysis leaves the flagged out.",
    )


def _flagged(report: Report) -> Sequence[str]:
    if not report.flag_rates:
        return ()
    rate = report.flag_rates[0]
    compared = f" ({_p('Fisher p', rate.fisher_p)} that arms differ)" if rate.fisher_p is not None else ""
    per_arm = _listed([f"{share.flagged} of {share.allocated} in {report.arm_title(share.arm)}" for share in rate.arms])
    if not rate.flagged:
        return ("Nobody was flagged.",)
    arms = [report.arm_title(other.contrast.arm) for other in report.unflagged]
    found = [f"{arm} {_found(report, other)}" for arm, other in zip(arms, report.unflagged, strict=True)]
    return (f"Flagged were {per_arm}{compared}; without them: {'; '.join(found)}.",)


def _not_as_planned(report: Report) -> Sequence[str]:
    return report.deviations or ("Everything was as planned.",)


def _name(report: Report, estimate: Estimate) -> str:
    arm, minus = report.arm_title(estimate.contrast.arm), report.arm_title(estimate.contrast.minus)
    return f"{arm} minus {minus} ({estimate.label.split(':')[0]})"


def _plain(value: float, unit: str) -> str:
    return f"{scale_of(unit).factor * value:.4g} {scale_of(unit).noun}"


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def headline(report: Report) -> str:
    """Say in one sentence what the picture of effects shows.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    found = [estimate for estimate in report.answers if estimate.value is not None]
    if not found:
        return "No effect could be estimated."
    best = max(found, key=lambda estimate: estimate.value or 0.0)
    lead = "Largest gain with " if len(found) > 1 else ""
    position = verdict(best, report.plan.smallest_effect)
    arm, noun = report.arm_title(best.contrast.arm), scale_of(best.unit).noun
    return f"{lead}{arm}: {effect(best)} {noun}; the effect {position}."
