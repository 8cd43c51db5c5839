"""Simulated studies in the files the site writes: planted gain, dropouts, permuted blocks, one call."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from analysis.api import read_design, read_table
from analysis.columns import COLUMNS

HEADER = [column.name for column in COLUMNS]
TITLES = {"none": "No explanation", "lime": "LIME", "senn": "SENN"}
CLASSES = ("no", "yes")


@dataclass
class Study:
    """The two files of a study, as rows and a tree that a test may spoil before it reads them."""

    rows: list[dict[str, str]]
    tree: dict[str, object]

    @property
    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()

    @property
    def json(self) -> str:
        return json.dumps(self.tree)

    @property
    def table(self):
        return read_table(self.csv)

    @property
    def design(self):
        return read_design(self.json)

    def where(self, **cells):
        """Return the rows with these cells."""
        return [row for row in self.rows if all(row[name] == cell for name, cell in cells.items())]

    def without(self, rows):
        gone = {id(row) for row in rows}
        self.rows = [row for row in self.rows if id(row) not in gone]


def design_tree(arms, multiples, **plan):
    """Return a design.json; `arms` is a list of (key, role, weight)."""
    return {
        "title": "Do explanations of income predictions help?",
        "arms": [
            {"key": key, "title": TITLES.get(key, key.capitalize()), "role": role, "weight": weight}
            for key, role, weight in arms
        ],
        "phases": [
            {"key": "learn", "title": "Learning", "kind": "learning"},
            {"key": "pre", "title": "Before", "kind": "test"},
            {"key": "explain", "title": "Learning again", "kind": "learning"},
            {"key": "post", "title": "After", "kind": "test"},
        ],
        "allocation": {"method": "permuted_blocks", "block_multiples": list(multiples), "strata": []},
        "plan": {
            "estimand": "gain_in_accuracy", "pre": "pre", "post": "post", "control": "none", "alpha": 0.05,
            "multiplicity": "holm", "draws": 500, "bootstrap_draws": 200, "missing": "no_gain", "smallest_effect": 0.1,
            "seed": 20, "stages": ["main"], **plan,
        },
    }  # fmt: skip


TWO_ARMS = (("none", "control", 1), ("lime", "explained", 1))
FOUR_ARMS = (("none", "control", 1), ("placebo", "placebo", 1), ("lime", "explained", 1), ("senn", "explained", 1))


def simulate_study(
    n=40, *, arms=TWO_ARMS, gain=None, n_items=16, dropout=0.0, seed=0, strata=("all",), multiples=(2,), stage="main",
    item_sd=0.7, person_sd=0.5, left_early=0, learning=0, **plan,
):  # fmt: skip
    """Invent a study: logistic in person and item; `gain` maps an arm to the rise of P(correct) in POST.

    A dropout leaves after PRE; `left_early` people arrive and never get an arm: they decline, fail or leave in turn.
    With `learning` the design says that so many examples are shown twice, the second time explained.
    """
    rng = np.random.default_rng(seed)
    gain = gain or {}
    total = sum(weight for _, _, weight in arms)
    full = [key for key, _, weight in arms for _ in range(weight)]
    difficulty = rng.normal(0.6, item_sd, n_items)
    labels = rng.integers(0, 2, n_items)
    outputs = rng.permuted(np.arange(n_items) % 2)
    rows = []
    sequences = {stratum: _places(rng, full, total, multiples, n) for stratum in strata}
    for person in range(n):
        stratum = strata[person % len(strata)]
        sequence = person // len(strata)
        arm, block, size = sequences[stratum][sequence]
        base = {
            "study_id": "s1", "subject_id": f"p{person:04d}", "stage": stage,
            "simulated": "1" if stage == "rehearsal" else "0",
        }  # fmt: skip
        given = {"arm": arm, "stratum": stratum}
        place = {
            "trial_type": "allocation", "sequence": str(sequence), "permuted_block": str(block), "block_size": str(size)
        }  # fmt: skip
        screens = [
            base | {"trial_type": "consent", "response": "consented"},
            base | {"trial_type": "comprehension_check", "response": "passed", "attempt": "1"},
            base | given | place,
        ]  # fmt: skip
        ability = rng.normal(0, person_sd)
        stays = rng.random() >= dropout
        screens += _examples(base | given, "learn", learning)
        for phase in ("pre", "post") if stays else ("pre",):
            screens += _examples(base | given, "explain", learning if phase == "post" else 0)
            for item in rng.permutation(n_items):
                p = 1 / (1 + np.exp(-(ability + difficulty[item]))) + (gain.get(arm, 0) if phase == "post" else 0)
                right = rng.random() < p
                output = outputs[item]
                rt = rng.lognormal(8, 0.4)
                screens.append(base | given | {
                    "trial_type": "forward_simulation", "phase": phase, "block": phase, "item": f"i{item:02d}",
                    "label": CLASSES[labels[item]], "model_output": CLASSES[output],
                    "response": CLASSES[output if right else 1 - output], "correct": str(int(right)),
                    "rt": f"{rt:.1f}", "server_ms": f"{rt + 80:.1f}", "changes": "0",
                    "score": f"{10 * right + rt % 7:.3f}",
                })  # fmt: skip
        if stays:
            screens.append(base | given | {"trial_type": "rating", "rating": str(rng.integers(1, 8))})
            screens.append(base | given | {"trial_type": "completion"})
        rows += _numbered(screens)
    rows += _left_early(left_early, stage)
    tree = design_tree(arms, multiples, stages=[stage], **plan)
    return Study(rows, _with_blocks(tree, learning, n_items) if learning else tree)


def _examples(base, phase, count):
    return [
        base | {"trial_type": "worked_example", "phase": phase, "block": phase, "item": f"e{n:02d}", "response": "seen"}
        for n in range(count)
    ]


def _with_blocks(tree, learning, n_items):
    """Say what the phases are made of, as the site's designs do."""
    tree["item_sets"] = [{"key": "learning", "n_items": learning}, {"key": "test", "n_items": n_items}]
    for phase in tree["phases"]:
        key = phase["key"]
        items = "test" if phase["kind"] == "test" else "learning"
        phase["blocks"] = [{"key": key, "item_set": items, "explanation": key == "explain"}]
    return tree


def _places(rng, full, total, multiples, n):
    places, block = [], 0
    while len(places) < n:
        multiple = int(rng.choice(multiples))
        places += [(arm, block, multiple * total) for arm in rng.permutation(full * multiple)]
        block += 1
    return places


def _left_early(count, stage):
    endings = (
        [("consent", "declined")],
        [("consent", "consented"), ("comprehension_check", "failed")],
        [("consent", "consented")],
    )
    rows = []
    for number in range(count):
        base = {
            "study_id": "s1",
            "subject_id": f"q{number:04d}",
            "stage": stage,
            "simulated": "1" if stage == "rehearsal" else "0",
        }
        rows += _numbered([base | {"trial_type": kind, "response": response} for kind, response in endings[number % 3]])
    return rows


def _numbered(screens):
    empty = dict.fromkeys(HEADER, "")
    return [
        empty | screen | {"trial_index": str(i), "answered_at": f"2026-01-31T09:{i // 60:02d}:{i % 60:02d}Z"}
        for i, screen in enumerate(screens)
    ]  # fmt: skip


@pytest.fixture(scope="session")
def simulate():
    return simulate_study


@pytest.fixture(scope="session")
def planted(simulate):
    """One study of four arms where LIME and SENN work; read, never spoiled."""
    return simulate(
        160, arms=FOUR_ARMS, gain={"lime": 0.15, "senn": 0.2}, dropout=0.08, seed=3, strata=("old", "young"),
        multiples=(1, 2), left_early=9, draws=2000, bootstrap_draws=500,
    )  # fmt: skip


@pytest.fixture(scope="session")
def reference_folder():
    """Simulated studies and R's results for them; its README says how they came about."""
    return Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def reference(reference_folder):
    """R's results, to 10 digits."""
    return json.loads((reference_folder / "reference.json").read_text())


@pytest.fixture(scope="session")
def columns_of(reference_folder):
    """Return a reader of the simulated studies' columns by name, a row a trial."""

    @cache
    def read(name):
        with gzip.open(reference_folder / f"{name}.csv.gz", "rt") as file:
            rows = list(csv.DictReader(file))
        return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}

    return read


@pytest.fixture(scope="session")
def shared_data():
    """Public data beside the checkout, where a machine has them."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference data sets are not on this machine")
    return folder
