"""Real data: two randomized trials of counterfactual explanations (Kuhl, Artelt & Hammer; CC BY 4.0).

The files are not in this repository; where they are absent these tests are skipped and say so. Group 1 had no
explanation, group 0 had one; the outcome is a participant's mean score over twelve trials. Filters are the authors'.
"""

import csv
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from analysis.inference.allocation import Allocation
from analysis.inference.permutation import permutation_tests
from analysis.inference.welch import welch

FILES = ("demographics", "performance", "reactionTime", "survey", "attentionCheck")


def read(folder, experiment):
    """Return the five files without duplicate rows, of those who are in all of them."""
    found = {}
    for name in FILES:
        with (folder / f"{name}_IAZ_EXP{experiment}.csv").open(encoding="utf-8") as file:
            found[name] = [dict(row) for row in dict.fromkeys(tuple(row.items()) for row in csv.DictReader(file))]
    complete = set.intersection(*({row["userId"] for row in rows} for rows in found.values()))
    return {name: [row for row in rows if row["userId"] in complete] for name, rows in found.items()}


def by_user(rows):
    grouped = defaultdict(list)
    for row in rows:
        grouped[row["userId"]].append(row)
    return grouped


def speeders(rows):
    limits = {"timeStartScene": 20_000, "timeFeedbackScene": 10_000, "timeAgreementScene": 1}
    return {
        user
        for user, trials in by_user(rows).items()
        if any(float(trial[name]) < limit for trial in trials for name, limit in limits.items())
        or sum(float(trial["timeStableUntilFeeding"]) < 2000 for trial in trials) >= 4
    }


def inattentive(files):
    game = {
        user
        for user, checks in by_user(files["attentionCheck"]).items()
        if all(check["userInput"] != check["shubNo"] for check in checks)
    }
    offset = 1 if min(int(row["itemNo"]) for row in files["survey"]) == 0 else 0
    survey = {
        row["userId"]
        for row in files["survey"]
        if int(row["itemNo"]) + offset == 7 and row["checked"] == "1" and row["responseNo"] != "6"
    }
    return game | survey


def straight_liners(rows):
    names = ("plant1", "plant2", "plant3", "plant4", "plant5", "shubNoNew")
    flat = defaultdict(int)
    blocks = defaultdict(set)
    for row in rows:
        blocks[row["userId"], row["blockNo"]].add(tuple(row[name] for name in names))
    for (user, _), kinds in blocks.items():
        flat[user] += len(kinds) == 1
    return {user for user, count in flat.items() if count > 2}


def one_sided(rows):
    """Answers to all six opinion items on one side of the middle (3, and 6 for no answer, are the middle)."""
    sides = defaultdict(dict)
    for row in rows:
        if row["checked"] == "1":
            answer = int(row["responseNo"])
            sides[row["userId"]][int(row["itemNo"])] = 0 if answer in (3, 6) else (1 if answer > 3 else -1)
    offset = 1 if min(int(row["itemNo"]) for row in rows) == 0 else 0
    items = [item - offset for item in (3, 4, 5, 6, 8, 9)]
    return {user for user, given in sides.items() if len({given.get(item) for item in items}) == 1}


@pytest.fixture(params=[1, 2])
def trial(request, shared_data):
    """The outcome and the group of everybody kept, with the numbers the authors' filters give."""
    files = read(shared_data / "alien_zoo" / "intro", request.param)
    dropped = speeders(files["reactionTime"]) | inattentive(files) | straight_liners(files["performance"])
    dropped |= one_sided(files["survey"])
    scores = {user: rows for user, rows in by_user(files["performance"]).items() if user not in dropped}
    values = np.array([np.mean([float(row["shubNoNew"]) for row in rows]) for rows in scores.values()])
    group = np.array([int(rows[0]["group"]) for rows in scores.values()])
    return request.param, values, group


def test_welch_gives_the_published_means_and_p(trial):
    experiment, values, group = trial
    # Kept, control and explained; their means; Welch p (recomputed from the raw responses, five digits).
    sizes, means, p = {
        1: ((19, 20), (3.5, 9.4), 0.06125),
        2: ((21, 22), (15.138889, 34.056818), 0.00019148),
    }[experiment]

    difference = welch(values[group == 0], values[group == 1], 0.95)

    counts = ((group == 1).sum(), (group == 0).sum())
    t = difference.value / difference.standard_error
    assert counts == sizes
    assert (values[group == 1].mean(), values[group == 0].mean()) == pytest.approx(means, rel=1e-5)
    assert 2 * stats.t.sf(abs(t), difference.degrees_of_freedom) == pytest.approx(p, rel=1e-3)


def test_permuting_the_groups_agrees_with_scipy(trial):
    _, values, group = trial
    control = int((group == 1).sum())
    # The authors do not publish permuted blocks: one block that holds everybody is a free permutation of the groups.
    allocation = Allocation(group, np.zeros(len(group), dtype=np.int64), (len(group),), (len(group) - control, control))

    (ours,) = permutation_tests(values, allocation, [(0, 1)], draws=10_000, seed=1)

    def welch_t(first, second, axis):
        return stats.ttest_ind(first, second, axis=axis, equal_var=False).statistic

    theirs = stats.permutation_test(
        (values[group == 0], values[group == 1]),
        welch_t,
        n_resamples=10_000,
        rng=np.random.default_rng(2),
        vectorized=True,
    )
    # Five standard errors of the difference of two shares from 10,000 draws each, and one count.
    margin = 5 * np.sqrt(2 * theirs.pvalue * (1 - theirs.pvalue) / 10_000) + 1e-4
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-10)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=margin)
