"""How fast the analysis is, beside the packages that have the same: power, permutation, sandwich errors, Dunnett.

`python -m bench.analysis` prints a table, writes `bench/analysis.json`, and draws what a fit costs as people, arms and
items grow into `docs/analysis-cost.svg` and `docs/analysis-cost.md`. `--quick` takes small sizes and writes nothing;
`--out FOLDER` writes there instead. The mixed model's own bench, with slopes, is `bench.mixed`.

One thread; processor seconds, the best of three in turn with the peer, since neighbours on the machine move clock
times by two and more. Peers are glmm (Rust), scipy and statsmodels; one that is not installed is named and not timed.
What a peer cannot do at all (re-draw permuted blocks or minimisation) is said in the row.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", RAYON_NUM_THREADS="1")

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import glmm
import numpy as np
from scipy import stats

from analysis.inference.allocation import Allocation
from analysis.inference.cluster_robust import Correction, Link, cluster_robust
from analysis.inference.dunnett import dunnett
from analysis.inference.mechanisms import complete_randomisation
from analysis.inference.minimisation import Minimisation
from analysis.inference.mixed.batch import fit_batch, pilot
from analysis.inference.mixed.families import FAMILIES
from analysis.inference.permutation import max_t_tests, permutation_tests
from analysis.inference.welch import welch
from analysis.power.plan import PowerPlan, Scenario
from analysis.power.run import N_PILOTS, PILOT_SEED, power
from analysis.power.simulate import lay_out_studies, simulate, truth
from analysis.types import FloatArray, IntArray
from bench import analysis_cost

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 3
N_TRIALS = 32


@dataclass(frozen=True)
class Sizes:
    """How large a run is."""

    studies: int = 1000
    peers_studies: int = 20
    power_people: tuple[int, ...] = (100, 600)
    people: int = 600
    draws: int = 10_000
    costs: analysis_cost.Sizes = analysis_cost.FULL


QUICK = Sizes(40, 2, (40,), 100, 500, analysis_cost.QUICK)


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Parameters
    ----------
    what, case : str
    ours_s : float
        Processor seconds.
    peer : str
        Who else does it; or why nobody was timed.
    peer_s, ratio : float or None
        The peer's seconds, and how many times ours they are.
    off_by : float or None
        How far our result is from another way to the same number.
    off_of : str
        From which, in what unit.
    """

    what: str
    case: str
    ours_s: float
    peer: str
    peer_s: float | None
    ratio: float | None
    off_by: float | None
    off_of: str


def row(what: str, case: str, times: tuple[float, float | None], peer: str, off: tuple[float | None, str]) -> Row:
    """Return a line, rounded to what the measurement is worth."""
    ours, theirs = times
    ratio = None if theirs is None else round(theirs / ours, 2)
    rounded = None if theirs is None else round(theirs, 5)
    return Row(what, case, round(ours, 5), peer, rounded, ratio, *off)


def seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def in_turn(ours: Callable[[], object], theirs: Callable[[], object] | None) -> tuple[float, float | None]:
    """Return the best times of both."""
    pairs = [(seconds(ours), seconds(theirs) if theirs else None) for _ in range(REPEATS)]
    others = [pair[1] for pair in pairs if pair[1] is not None]
    return min(pair[0] for pair in pairs), min(others, default=None)


def installed(name: str) -> str | None:
    """Return "name version"; None where it is not installed."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return None


def power_rows(sizes: Sizes) -> Iterator[Row]:
    """Simulate and fit many studies; the peer fits a few of the same ones, as simr has lme4 do."""
    for n_people in sizes.power_people:
        plan = PowerPlan(Scenario(n_people, (0.1,), n_items=N_TRIALS // 2), n_studies=sizes.studies)
        ours_s = seconds(partial(power, plan))
        numbers = np.arange(sizes.peers_studies)
        begun = time.process_time()
        theirs = _peers_z(plan, numbers)
        peer_s = (time.process_time() - begun) / len(numbers) * sizes.studies
        yield row(
            "power by simulation",
            f"{sizes.studies:,} studies of {n_people} x {N_TRIALS}",
            (ours_s, peer_s),
            f"{installed('glmm')}, {len(numbers)} of the fits",
            _z_apart(plan, numbers, theirs),
        )


def _z_apart(plan: PowerPlan, numbers: IntArray, theirs: FloatArray) -> tuple[float, str]:
    """Return how far the batch's z are from the full fits', and how often that turns a decision."""
    family, assumed = FAMILIES["logit"], truth(plan.scenario)
    pilots = simulate(plan.scenario, PILOT_SEED + np.arange(N_PILOTS), plan.seed)
    known = pilot(lay_out_studies(plan.scenario, pilots), family, assumed)
    layout = lay_out_studies(plan.scenario, simulate(plan.scenario, numbers, plan.seed))
    found = fit_batch(layout, family, assumed, known)
    z = found.coefficients[:, 2] / found.standard_errors[:, 2]
    critical = float(stats.norm.isf(plan.alpha / 2))
    turned = int(((np.abs(z) > critical) != (np.abs(theirs) > critical)).sum())
    return float(np.abs(z - theirs).max()), f"z of glmm's full fits at most; {turned} of {len(z)} decisions differ"


def _peers_z(plan: PowerPlan, numbers: IntArray) -> FloatArray:
    studies = simulate(plan.scenario, numbers, plan.seed)
    return np.array([_peers_one(*study) for study in zip(studies.correct, studies.arm, strict=True)])


def _peers_one(correct: FloatArray, arm: IntArray) -> float:
    person, post, item = (axis.ravel() for axis in np.indices(correct.shape))
    table = {
        "correct": correct.ravel().astype(int),
        "post": post.astype(float),
        "gain": (post * arm[person]).astype(float),
        "person": [f"p{k}" for k in person],
        "item": [f"i{k}" for k in item],
    }
    fit = glmm.fit(table, "correct ~ post + gain + (1 | person) + (1 | item)", family="binomial")
    return float(fit.beta[2] / fit.se[2])


def permutation_rows(sizes: Sizes) -> Iterator[Row]:
    """Re-draw permuted blocks; scipy shuffles freely, two groups at a time: the same only where that is how it was."""
    draw = np.random.default_rng(3)
    off = _exact_difference(draw), "p of scipy, all 924 allocations of 12 people"
    for n_arms in (2, 5):
        n = sizes.people // (2 * n_arms) * 2 * n_arms
        block = np.arange(n) // (2 * n_arms)
        arm = np.concatenate([draw.permutation(np.repeat(np.arange(n_arms), 2)) for _ in range(block[-1] + 1)])
        blocks = Allocation(arm, block, (2 * n_arms,) * int(block[-1] + 1), (1,) * n_arms)
        values = np.round(16 * draw.normal(size=n)) / 16
        pairs = [(k, 0) for k in range(1, n_arms)]
        yield row(
            "permutation test, permuted blocks",
            f"{sizes.draws:,} re-draws, {n} people, {n_arms} arms",
            in_turn(
                partial(max_t_tests, values, blocks, pairs, draws=sizes.draws, seed=1),
                partial(_scipy_permutes, values, arm, pairs, sizes.draws),
            ),
            f"scipy {version('scipy')}, free shuffles of pairs, no max-T",
            off,
        )


def _scipy_permutes(values: FloatArray, arm: IntArray, pairs: list[tuple[int, int]], draws: int) -> None:
    def difference(x: FloatArray, y: FloatArray, axis: int = -1) -> FloatArray:
        return np.asarray(x.mean(axis=axis) - y.mean(axis=axis))

    for a, b in pairs:
        groups = values[arm == a], values[arm == b]
        stats.permutation_test(groups, difference, vectorized=True, n_resamples=draws, rng=np.random.default_rng(1))


def _exact_difference(draw: np.random.Generator) -> float:
    """Return how far apart the two p-values are where both enumerate the same allocations."""
    values, arm = draw.normal(size=12), np.repeat([0, 1], 6)
    (ours,) = permutation_tests(values, complete_randomisation(arm, 2), [(1, 0)], draws=1000, seed=1)

    def size_of_t(x: FloatArray, y: FloatArray) -> float:
        return abs(float(stats.ttest_ind(x, y, equal_var=False).statistic))

    theirs = stats.permutation_test((values[:6], values[6:]), size_of_t, n_resamples=1000, alternative="greater")
    return abs((ours.p_value if ours else float("nan")) - float(theirs.pvalue))


def minimisation_row(sizes: Sizes) -> Row:
    """Run minimisation again and again."""
    draw, n, n_arms = np.random.default_rng(4), sizes.people, 5
    factors = np.stack([draw.integers(0, 2, n), draw.integers(0, 3, n)], axis=1)
    mechanism = Minimisation(draw.integers(0, n_arms, n), factors, n_arms, 0.8, (1, 1))
    return row(
        "minimisation run again",
        f"{sizes.draws:,} re-draws, {n} people, {n_arms} arms, 2 factors",
        in_turn(lambda: sum(map(len, mechanism.redraws(sizes.draws, 1))), None),
        "nobody has it",
        (None, "the definition, coin by coin, in the tests"),
    )


def robust_rows(sizes: Sizes) -> Iterator[Row]:
    """Cluster by person; statsmodels has no CR2, but its bias-reduced GEE is CR3."""
    clustered, peer = _clustered(sizes.people), installed("statsmodels")
    links: tuple[Link, ...] = ("identity", "logit")
    for link in links:
        yield row(
            f"CR2 errors, {'linear' if link == 'identity' else 'logistic'} regression",
            f"{sizes.people} people x {N_TRIALS}",
            in_turn(partial(clustered.ours, link, "CR2"), partial(clustered.bias_reduced, link) if peer else None),
            f"{peer}, GEE bias-reduced (CR3)" if peer else "statsmodels is not installed",
            _errors_apart(clustered, link, peer is not None),
        )


def _errors_apart(clustered: Clustered, link: Link, has_peer: bool) -> tuple[float | None, str]:
    if link == "identity":
        off = abs(clustered.ours("identity", "CR2") / clustered.by_person() - 1)
        return off, "Welch's error of the gains, which it must equal, relative"
    if not has_peer:
        return None, "statsmodels, which is not installed"
    off = abs(clustered.ours("logit", "CR3") / clustered.bias_reduced("logit") - 1)
    return off, "statsmodels' bias-reduced error (for our CR3), relative"


@dataclass(frozen=True)
class Clustered:
    """Answers of people, half before and half after, and the errors of post:arm by several ways."""

    correct: FloatArray
    columns: FloatArray
    person: IntArray

    def ours(self, link: Link, correction: Correction) -> float:
        """Return ours."""
        fit = cluster_robust(self.correct, self.columns, "abcd", self.person, link=link, correction=correction)
        return fit.coefficients[3].standard_error or float("nan")

    def bias_reduced(self, link: Link) -> float:
        """Return statsmodels'."""
        import statsmodels.api as sm

        family = sm.families.Gaussian() if link == "identity" else sm.families.Binomial()
        independent = sm.cov_struct.Independence()
        model = sm.GEE(self.correct, self.columns, groups=self.person, family=family, cov_struct=independent)
        return float(model.fit(cov_type="bias_reduced").bse[3])

    def by_person(self) -> float:
        """Return Welch's of the people's gains."""
        post, arm = self.columns[:, 1], self.columns[::N_TRIALS, 2]
        before, after = (np.bincount(self.person, self.correct * (post == k)) / (N_TRIALS // 2) for k in (0, 1))
        gains = after - before
        return welch(gains[arm == 1], gains[arm == 0], 0.95).standard_error or float("nan")


def _clustered(n: int) -> Clustered:
    draw = np.random.default_rng(5)
    person, post = np.repeat(np.arange(n), N_TRIALS), np.tile(np.repeat([0, 1], N_TRIALS // 2), n)
    arm = draw.permutation(np.arange(n) % 2)[person]
    eta = 0.4 + 0.2 * post * arm + 0.8 * draw.normal(size=n)[person]
    correct = (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(np.float64)
    return Clustered(correct, np.stack([np.ones(len(eta)), post, arm, post * arm], axis=1).astype(np.float64), person)


def dunnett_row(sizes: Sizes) -> Row:
    """Compare four arms with one control; scipy's p is a random one."""
    draw, n = np.random.default_rng(6), sizes.people // 5 * 5
    values, arm = draw.normal(size=n), np.arange(n) % 5
    groups = [values[arm == k] for k in range(5)]

    def theirs(seed: int = 1) -> FloatArray:
        found = stats.dunnett(*groups[1:], control=groups[0], rng=np.random.default_rng(seed))
        return np.asarray(found.pvalue)

    found = np.array([one.p_value for one in dunnett(values, arm, control=0).differences])
    many = np.mean([theirs(seed) for seed in range(10)], axis=0)
    return row(
        "Dunnett's test",
        f"{n} people, 4 arms with one control",
        in_turn(lambda: dunnett(values, arm, control=0), theirs),
        f"scipy {version('scipy')}, by random integration",
        (float(np.abs(found - many).max()), "p of scipy, the mean of 10 seeds"),
    )


def rows(sizes: Sizes) -> Iterator[Row]:
    """Measure everything, a row at a time."""
    yield from power_rows(sizes)
    yield from permutation_rows(sizes)
    yield minimisation_row(sizes)
    yield from robust_rows(sizes)
    yield dunnett_row(sizes)


def show(one: Row) -> None:
    """Print a row."""
    ratio = "" if one.ratio is None else f"{one.ratio:.2f} x ({one.peer_s:.3f} s)"
    off = "" if one.off_by is None else f"{one.off_by:.1e} from "
    print(f"{one.what}, {one.case}: {one.ours_s:.4f} s; {one.peer}: {ratio}; {off}{one.off_of}", flush=True)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="bench.analysis", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes; writes nothing unless --out is given")
    parser.add_argument("--out", type=Path, help="folder that bench/ and docs/ are in (default: the repository)")
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    found = []
    for one in rows(sizes):
        show(one)
        found.append(one)
    points = analysis_cost.measured(sizes.costs)
    print(analysis_cost.table(points))
    out = options.out or (None if options.quick else ROOT)
    if out is None:
        return
    kept = {"rows": [asdict(one) for one in found], "cost": [asdict(point) for point in points]}
    for folder in ("bench", "docs"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "bench" / "analysis.json").write_text(json.dumps(kept, indent=1) + "\n")
    analysis_cost.write(points, out / "docs")


if __name__ == "__main__":
    main()
