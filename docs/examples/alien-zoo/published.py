"""The tests that the Alien Zoo papers printed, from the responses.csv that the importer wrote.

python docs/examples/alien-zoo/published.py intro-1/responses.csv intro-1/design.json
"""

import sys

import numpy as np
from scipy import stats

from analysis.api import read_design, read_table
from analysis.inference.mechanisms import complete_randomisation


def scores(responses, design):
    """Return every person's scores, shape (n, 12), and whether each is in the explained arm."""
    table, arms = read_table(responses), read_design(design).arms
    trials = table.only(table.trial_type == "scored_task")
    people = sorted(set(trials.subject_id.tolist()))
    order = np.lexsort((trials.trial_index, trials.subject_id.astype(str)))
    arm = dict(zip(trials.subject_id, trials.arm, strict=True))
    explained = next(one.key for one in arms if one.role == "explained")
    return trials.score[order].reshape(len(people), -1), np.array([arm[one] == explained for one in people])


def student(first, second):
    """Return Student's t, its p-value, and the difference in pooled standard deviations."""
    n, m = len(first), len(second)
    pooled = np.sqrt(((n - 1) * first.var(ddof=1) + (m - 1) * second.var(ddof=1)) / (n + m - 2))
    difference = (first.mean() - second.mean()) / pooled
    t = difference / np.sqrt(1 / n + 1 / m)
    return t, 2 * stats.t.sf(abs(t), n + m - 2), difference


def arm_by_trial(values, is_explained):
    """Return F of the arm by trial, its degrees of freedom and p (trials within people within arms, Type III)."""
    profiles = [group - group.mean(axis=1, keepdims=True) for group in (values[is_explained], values[~is_explained])]
    first, second = (profile.mean(axis=0) for profile in profiles)
    n, m = map(len, profiles)
    error = sum(((profile - profile.mean(axis=0)) ** 2).sum() for profile in profiles)
    df = values.shape[1] - 1
    df_error = df * (n + m - 2)
    f = n * m / (n + m) * ((first - second) ** 2).sum() / df / (error / df_error)
    return f, df, df_error, stats.f.sf(f, df, df_error)


def permuted(means, is_explained):
    """Return the p-value of the difference of means over 100,000 other ways to give out the arms."""
    redraws = complete_randomisation(is_explained.astype(np.int64), 2).redraws(100_000, seed=1)
    n, total = is_explained.sum(), means.sum()
    sums = np.concatenate([labels @ means for labels in redraws])
    drawn = sums / n - (total - sums) / (len(means) - n)
    observed = means[is_explained].mean() - means[~is_explained].mean()
    return (1 + (np.abs(drawn) >= np.abs(observed) * (1 - 1e-9)).sum()) / (1 + len(drawn))


def main(responses, design):
    """Print them."""
    values, is_explained = scores(responses, design)
    explained, control = values[is_explained].mean(axis=1), values[~is_explained].mean(axis=1)
    t, p, difference = student(explained, control)
    f, df, df_error, p_trial = arm_by_trial(values, is_explained)
    rank = stats.mannwhitneyu(explained, control)
    last = student(values[is_explained, -1], values[~is_explained, -1])
    print(f"people           {len(control)} and {len(explained)}")
    print(f"means            {control.mean():.6f} and {explained.mean():.6f}")
    print(f"arm              F(1,{len(values) - 2}) = {t**2:.6f}, p = {p:.6g}")
    print(f"arm by trial     F({df},{df_error}) = {f:.6f}, p = {p_trial:.6g}")
    print(f"Mann-Whitney     U = {rank.statistic:.1f}, p = {rank.pvalue:.6g}")
    print(f"permuted means   p = {permuted(values.mean(axis=1), is_explained):.4f}")
    print(f"pooled d         {difference:.4f}")
    print(f"last trial       {values[~is_explained, -1].mean():.6f} and {values[is_explained, -1].mean():.6f}, "
          f"t = {last[0]:.5f}, d = {last[2]:.2f}")  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
