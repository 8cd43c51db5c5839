"""The small version of `make calibration`: fewer and smaller studies, and bounds that a broken test still leaves."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from bench.calibration.checks import Check, Group
from bench.calibration.draw import World, draw_study, risk_difference
from bench.calibration.groups import GROUPS
from bench.calibration.others import agreement_trial, ratings_trial
from bench.calibration.raters import chances, true_kappa
from bench.calibration.report import Table, from_json, rows_of, stamp, to_page, write
from bench.calibration.run import Part, read, run, try_one, try_part
from bench.calibration.several_arms import family_trial
from bench.calibration.two_arms import MIXED, null_trial, slopes_trial, trials_as_people

SEED = 5
RARE = 1e-3
SMALL = World(24, 16, 16)
FOUR = World(32, 16, 16, weights=(1, 1, 1, 1), gains=(0.0,) * 4, gain_deviations=(0.0,) * 4)
# How many studies of each group, and the group's own trial or a smaller one.
TRIED = {
    "two_arms": (25, partial(null_trial, world=SMALL)),
    "unequal": (50, None),
    "slopes": (15, partial(slopes_trial, world=World(24, 16, 16, gain_deviations=(0.5, 0.5)))),
    "family": (40, partial(family_trial, world=FOUR, with_model=True)),
    "placebo_attention": (40, None),
    "mechanisms": (80, None),
    "looks": (150, None),
    "always": (100, None),
    "ratings": (15, partial(ratings_trial, world=World(16, 8, 8))),
    "losses": (100, None),
    "use": (150, None),
    "agreement": (40, agreement_trial),
    "stopped": (150, None),
    "raters": (80, None),
    "steps": (150, None),
    "repeated": (150, None),
    "futility": (150, None),
    "imputed": (60, None),
    "as_planned": (150, None),
}


def share_is_possible(check, hits, n):
    """Whether so many hits of n are not too rare where the check's promise is true."""
    truth = 0.05 if check.kind == "size" else 0.95
    sides = {"two-sided"} if not check.is_conservative else {"greater" if check.kind == "size" else "less"}
    return all(stats.binomtest(hits, n, truth, alternative=side).pvalue > RARE for side in sides)


@pytest.mark.parametrize("key", TRIED)
def test_rates_are_near_what_each_test_promises(key):
    n, trial = TRIED[key]
    group = GROUPS[key] if trial is None else Group(key, GROUPS[key].process, GROUPS[key].checks, trial)
    rows = [try_one(group, SEED, number) for number in range(n)]
    promised = {name: check for name, check in group.checks.items() if check.kind in ("size", "coverage")}

    off = {}
    for name, check in promised.items():
        answers = [row[name] for row in rows if row[name] is not None]
        if len(answers) < 0.9 * n or not share_is_possible(check, sum(answers), len(answers)):
            off[name] = (sum(answers), len(answers), n)

    assert off == {}


def test_a_test_that_ignores_who_answered_falls_outside_the_bounds():
    draws = (np.random.default_rng([SEED, number]) for number in range(100))
    hits = sum(trials_as_people(draw_study(World(), draw))["trials_as_people"] for draw in draws)

    assert not share_is_possible(Check("", "size"), hits, 100)


def test_the_risk_difference_is_the_mean_over_people_and_items():
    # Exactly 0 by symmetry around a half; and by the mean over a million draws.
    spread = World(gains=(0.0, 0.0), gain_deviations=(0.0, 1.2), start=0.0, practice=0.0)
    draw = np.random.default_rng(6)
    eta = 0.5 + 0.8 * draw.normal(size=10**6) + 0.7 * draw.normal(size=10**6)
    means = [(1 / (1 + np.exp(-(eta + gain)))).mean() for gain in (0.35, 0.0)]

    assert risk_difference(spread, 1) == pytest.approx(0.0, abs=1e-12)
    assert risk_difference(World(gains=(0.0, 0.35)), 1) == pytest.approx(means[0] - means[1], abs=1e-4)


def test_a_run_goes_on_where_it_was_stopped_and_ends_the_same(tmp_path):
    in_one_go = try_part(Part("use", SEED, 0, 120))

    first = run({"use": 120}, SEED, tmp_path, processes=1)
    assert next(first) == ("use", 50, 120)
    first.close()
    (next(tmp_path.glob("use-*")) / "000050.unfinished").write_text('{"compliers": [1, 0')
    rest = list(run({"use": 120}, SEED, tmp_path, processes=1))

    assert rest == [("use", 100, 120), ("use", 120, 120)]
    assert read(tmp_path, "use", SEED) == in_one_go


def test_a_model_without_a_maximum_is_counted_and_named():
    def fails(draw):
        raise AnalysisError("no maximum")

    group = Group("two_arms", "", {key: MIXED[key] for key in ("constrained", "constrained_covers")}, fails)
    found = try_one(group, SEED, 0)
    rows = rows_of(group, {"constrained": [None, True, False, False], "constrained_covers": [None, True, True, False]})

    assert found == {"constrained": None, "constrained_covers": None}
    assert [(row.rate, row.n_without) for row in rows] == [(1 / 4, 1), (2 / 3, 1)]


def table_of(compliers, compliers_cover, commit="abc"):
    rows = rows_of(GROUPS["use"], {"compliers": compliers, "compliers_cover": compliers_cover})
    return Table(tuple(rows), {"use": stamp(GROUPS["use"], SEED, commit)})


def test_the_page_names_the_lines_that_are_not_as_expected():
    sound = table_of([True] + [False] * 19, [True] * 19 + [False])
    broken = table_of([True] * 4 + [False] * 16, [True] * 19 + [False])

    assert "Every line is as expected." in to_page(sound)
    assert "1 of 2 lines are not as expected: effect among compliers, test by allocation." in to_page(broken)
    line = "| effect among compliers, test by allocation | 0.2000 | 0.0573 to 0.4366 | 20 |  | **no** |"
    assert line in to_page(broken)


def test_groups_tried_again_take_the_place_of_their_old_lines_alone(tmp_path):
    looks = {name: [False] * 20 for name in GROUPS["looks"].checks}
    looks = Table(tuple(rows_of(GROUPS["looks"], looks)), {"looks": stamp(GROUPS["looks"], SEED, "old")})
    old, new = table_of([True] * 20, [True] * 20, "old"), table_of([False] * 20, [True] * 20, "new")

    for found in (old, looks, new):
        write(found, tmp_path)

    kept = from_json(json.loads((tmp_path / "calibration.json").read_text()))
    assert kept.rows == (*looks.rows, *new.rows)
    assert {key: one.commit for key, one in kept.stamps.items()} == {"looks": "old", "use": "new"}
    assert (tmp_path / "calibration.md").read_text() == to_page(kept)


def test_the_published_table_has_every_line_and_each_is_as_expected():
    docs = Path(__file__).parents[2] / "docs"
    kept = from_json(json.loads((docs / "calibration.json").read_text()))

    lines = [(row.group, row.key, row.title, row.kind, row.is_conservative) for row in kept.rows]
    assert lines == [
        (group.key, key, check.title, check.kind, check.is_conservative)
        for group in GROUPS.values()
        for key, check in group.checks.items()
    ]
    assert [row.title for row in kept.rows if not row.is_kept] == []
    assert min(row.n_studies for row in kept.rows) >= 1000
    assert (docs / "calibration.md").read_text() == to_page(kept)


def test_the_weighted_kappa_that_is_known_is_that_of_many_ratings():
    draw, until = np.random.default_rng(7), chances().cumsum(axis=1)
    truth = draw.integers(0, len(until), 200_000)
    first, second = ((draw.random((len(truth), 1)) > until[truth]).sum(axis=1) for _ in range(2))

    for power in (1, 2):
        cost, by_chance = np.abs(first - second) ** power, np.abs(first - draw.permutation(second)) ** power
        assert true_kappa(power) == pytest.approx(1 - cost.mean() / by_chance.mean(), abs=0.01)
