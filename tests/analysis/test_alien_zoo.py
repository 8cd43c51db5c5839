"""Real data: three randomized trials of counterfactual explanations (Kuhl, Artelt & Hammer; CC BY 4.0).

The files are not in this repository; where they are absent these tests are skipped and say so. They come in by the
mappings of docs/examples/alien-zoo, whose filters are the authors'; the numbers are the published ones, recomputed from
the raw responses to the digits given here. The commands of docs/alien-zoo.md are run as they stand there.
"""

import argparse
import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.__main__ import main
from analysis.api import analyse, import_responses, import_study
from analysis.commands import importing
from analysis.inference.mechanisms import complete_randomisation
from analysis.inference.permutation import permutation_tests
from analysis.inference.welch import welch

DOCS = Path(__file__).parents[2] / "docs"
FILES = {
    "intro-1": "intro/performance_IAZ_EXP1.csv",
    "intro-2": "intro/performance_IAZ_EXP2.csv",
    "plausible": "plausible/performance.csv",
}
CLONES = {"IntroAlienZoo": "intro", "PlausibleAlienZoo": "plausible"}


def published_tests():
    """The worked example's own script, which is no module of the package."""
    spec = importlib.util.spec_from_file_location("published", DOCS / "examples" / "alien-zoo" / "published.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def imported(shared_data):
    return {
        study: import_study(shared_data / "alien_zoo" / file, DOCS / "examples" / "alien-zoo" / f"{study}.json")
        for study, file in FILES.items()
    }


def values_of(found):
    """Everybody's mean score, and whether they are in the control arm."""
    trials = found.table.only(found.table.trial_type == "scored_task")
    people, which = np.unique(trials.subject_id.astype(str), return_inverse=True)
    arm = dict(zip(trials.subject_id, trials.arm, strict=True))
    means = np.bincount(which, trials.score) / np.bincount(which)
    return means, np.array([arm[one] == found.design.plan.control for one in people])


def test_the_authors_rules_leave_whom_they_analysed(imported):
    # Complete in all five files, then kept; Plausible has one id more, which the authors drop.
    complete = {"intro-1": 45, "intro-2": 45, "plausible": 105}
    for study, found in imported.items():
        missing, *rules = found.left_out
        n = len(set(found.table.subject_id.tolist()))
        assert missing.because == "not in every file of the study"
        assert n + sum(sum(rule.n.values()) for rule in rules) == complete[study]


@pytest.mark.parametrize(
    ("study", "sizes", "means", "p"),
    [
        ("intro-1", (19, 20), (3.5, 9.4), 0.06125),
        ("intro-2", (21, 22), (15.138889, 34.056818), 0.00019148),
        ("plausible", (40, 34), (50.65, 19.593137), None),
    ],
)
def test_welch_gives_the_published_means_and_p(imported, study, sizes, means, p):
    values, is_control = values_of(imported[study])

    difference = welch(values[~is_control], values[is_control], 0.95)

    t = difference.value / difference.standard_error
    assert (is_control.sum(), (~is_control).sum()) == sizes
    assert (values[is_control].mean(), values[~is_control].mean()) == pytest.approx(means, rel=1e-5)
    if p is not None:
        assert 2 * stats.t.sf(abs(t), difference.degrees_of_freedom) == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize(
    ("study", "arm", "trial", "rank"),
    [
        ("intro-1", (3.754751, 0.0603184), (6.648961, 11, 407, 2.9e-10), (313.5, 3.80e-5)),
        ("intro-2", (16.908928, 0.00018372), (32.747677, 11, 451, 6.7e-51), (375, 0.00048858)),
        ("plausible", (2.585737, 0.1122069), (2.119301, 11, 792, 0.0170773), None),
    ],
)
def test_the_published_analyses_of_variance_come_out(imported, study, arm, trial, rank):
    published = published_tests()
    table, control = imported[study].table, imported[study].design.plan.control
    trials = table.only(table.trial_type == "scored_task")
    scores = trials.score.reshape(-1, 12)
    is_explained = trials.arm.reshape(-1, 12)[:, 0] != control
    groups = scores[is_explained].mean(axis=1), scores[~is_explained].mean(axis=1)

    t, p, _ = published.student(*groups)
    f, df, df_error, p_trial = published.arm_by_trial(scores, is_explained)

    assert (t**2, p) == pytest.approx(arm, rel=1e-5)
    assert (f, df, df_error) == pytest.approx(trial[:3], rel=1e-6)
    assert p_trial == pytest.approx(trial[3], rel=1e-5 if trial[3] > 0.01 else 0.02)
    if rank is not None:
        test = stats.mannwhitneyu(*groups)
        assert (test.statistic, test.pvalue) == pytest.approx(rank, rel=1e-3)


@pytest.mark.parametrize("study", ["intro-1", "intro-2"])
def test_permuting_the_groups_agrees_with_scipy(imported, study):
    values, is_control = values_of(imported[study])
    group = is_control.astype(np.int64)
    # The authors do not publish permuted blocks: a free permutation of the groups.
    (ours,) = permutation_tests(values, complete_randomisation(group, 2), [(0, 1)], draws=10_000, seed=1)

    def welch_t(first, second, axis):
        means = first.mean(axis=axis) - second.mean(axis=axis)
        variances = [part.var(axis=axis, ddof=1) / part.shape[axis] for part in (first, second)]
        return means / np.sqrt(sum(variances))

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


def test_the_import_in_one_line_gives_the_report(shared_data):
    file, mapping = shared_data / "alien_zoo" / FILES["intro-2"], DOCS / "examples" / "alien-zoo" / "intro-2.json"

    report = analyse(*import_responses(file, mapping), draws=500)

    assert report.primary[0].value == pytest.approx(34.056818 - 15.138889, abs=1e-6)
    assert report.primary[0].p_value == pytest.approx(1 / 501)  # none of 500 re-draws comes near
    assert report.is_imported


def run(line):
    """Run one documented command in this process."""
    program, script, *rest = shlex.split(line)
    assert program == "python"
    if script != "-m":
        published_tests().main(*rest)
    elif rest[1] == "import":
        parser = argparse.ArgumentParser()
        importing.add_parser(parser.add_subparsers())
        assert importing.run(parser.parse_args(rest[1:])) == 0
    else:
        assert main(rest[1:]) == 0


def test_the_documented_commands_print_the_documented_numbers(shared_data, tmp_path, monkeypatch, capsys):
    for clone, folder in CLONES.items():
        (tmp_path / clone).mkdir()
        (tmp_path / clone / "UserData").symlink_to(shared_data / "alien_zoo" / folder)
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "alien-zoo.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ +(python .*)$", text, flags=re.MULTILINE)
    told = [
        line.strip() for block in re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()
    ]

    for command in commands:
        run(command)

    printed = {line.strip() for line in capsys.readouterr().out.splitlines()}
    assert len(commands) == 11
    assert len(told) >= 30
    assert [line for line in told if line and line not in printed] == []
    assert (tmp_path / "alien-zoo" / "intro-1" / "report" / "report.json").is_file()


def test_the_last_trial_is_standardised_by_people(imported):
    """The authors' d of 5.40 divides by the residual's standard deviation; between people it is 1.96."""
    trials = imported["intro-2"].table
    trials = trials.only(trials.trial_type == "scored_task")
    last = trials.score.reshape(-1, 12)[:, -1]
    is_explained = trials.arm.reshape(-1, 12)[:, 0] == "explained"

    t, _, d = published_tests().student(last[is_explained], last[~is_explained])

    assert (t, d) == (pytest.approx(6.41426, abs=5e-6), pytest.approx(1.96, abs=0.005))
