"""One simulated study in the files of four platforms, as facts about their columns say, and the mapping of each."""

import copy
import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ARMS = [
    {"key": "none", "title": "No explanation", "role": "control", "value": "1"},
    {"key": "lime", "title": "LIME", "role": "explained", "value": "2"},
]
NUMBER = {"none": "1", "lime": "2"}
PHASES = [{"key": "pre", "title": "Before"}, {"key": "post", "title": "After"}]
PLAN = {
    "pre": "pre",
    "post": "post",
    "control": "none",
    "smallest_effect": 0.1,
    "draws": 99,
    "bootstrap_draws": 20,
    "seed": 20,
}


def mapping_of(participant, arm, trials, **more):
    return {
        "study_id": "s1",
        "title": "A past study",
        "participant": participant,
        "arm": arm,
        "arms": ARMS,
        "phases": PHASES,
        "plan": dict(PLAN),
        "trials": trials,
        **more,
    }


@dataclass
class Elsewhere:
    """A file from elsewhere and its mapping, which a test may spoil."""

    folder: Path
    name: str
    content: str
    mapping: dict = field(default_factory=dict)

    def __post_init__(self):
        self.mapping = copy.deepcopy(self.mapping)

    @property
    def paths(self):
        file, mapping = self.folder / self.name, self.folder / "mapping.json"
        file.write_text(self.content, encoding="utf-8")
        mapping.write_text(json.dumps(self.mapping), encoding="utf-8")
        return file, mapping


def csv_text(rows, header=None):
    out = io.StringIO()
    writer = csv.DictWriter(out, header or list(rows[0]), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def trials_of(study):
    return [row for row in study.rows if row["trial_type"] == "forward_simulation"]


def seconds(row):
    return repr(round(float(row["rt"]) / 1000, 6))


def as_long(study):
    """Anybody's long CSV: other names, numbered arms, times in seconds, a column nobody asked for."""
    rows = [
        {
            "user": row["subject_id"],
            "condition": NUMBER[row["arm"]],
            "part": row["phase"].upper(),
            "n": row["trial_index"],
            "picture": row["item"],
            "truth": row["label"],
            "ai_says": row["model_output"],
            "guess": row["response"],
            "seconds": seconds(row),
            "IPAddress": "192.0.2.7",
        }
        for row in trials_of(study)
    ]
    trial = {
        "type": "forward_simulation",
        "trial_index": "n",
        "item": "picture",
        "label": "truth",
        "model_output": "ai_says",
        "response": "guess",
        "phase": {"column": "part", "values": {"PRE": "pre", "POST": "post"}},
        "rt": {"column": "seconds", "unit": "s"},
    }
    return "trials.csv", csv_text(rows), mapping_of("user", "condition", [trial])


def as_jspsych(study):
    """jsPsych: one list a participant; buttons, a fixation cross before each, the answer as the button's text."""
    people = {}
    for row in trials_of(study):
        trials = people.setdefault(row["subject_id"], [])
        shared = {"subject_id": row["subject_id"], "condition": NUMBER[row["arm"]], "time_elapsed": 1000 * len(trials)}
        trials.append(
            {
                "trial_type": "html-keyboard-response",
                "trial_index": len(trials),
                "rt": None,
                "response": None,
                "stimulus": "+",
                **shared,
            }
        )
        trials.append(
            {
                "trial_type": "html-button-response",
                "trial_index": len(trials),
                "rt": float(row["rt"]),
                "response": row["response"],
                "stimulus": f"<img src='{row['item']}.png'>",
                "part": row["phase"],
                "picture": row["item"],
                "truth": row["label"],
                "model": {"output": row["model_output"]},
                "correct": row["correct"] == "1",
                **shared,
            }
        )
    trial = {
        "type": "forward_simulation",
        "where": {"trial_type": "html-button-response"},
        "trial_index": "trial_index",
        "item": "picture",
        "label": "truth",
        "model_output": "model.output",
        "response": "response",
        "phase": "part",
        "rt": "rt",
        "correct": "correct",
    }
    return (
        "data.json",
        json.dumps(list(people.values())),
        mapping_of("subject_id", "condition", [trial], format="jspsych"),
    )


def as_otree(study):
    """oTree's wide export: a round a trial, as many columns as the longest has; two bots beside the people."""
    people, fields = {}, ("id_in_group", "picture", "part", "truth", "output", "guess", "ms")
    for row in trials_of(study):
        one = people.setdefault(
            row["subject_id"],
            {
                "participant.code": row["subject_id"],
                "participant._is_bot": "0",
                "session.code": "x7",
                "participant.arm": NUMBER[row["arm"]],
            },
        )
        n = 1 + sum(name.endswith(".player.guess") for name in one)
        cells = ("1", row["item"], row["phase"], row["label"], row["model_output"], row["response"], row["rt"])
        one |= {f"guess.{n}.player.{name}": cell for name, cell in zip(fields, cells, strict=True)}
    longest = max(people.values(), key=len)
    rounds = [name for name in longest if name.startswith("guess.")]
    for one in people.values():  # oTree fills in what a player is from the start, played or not
        one |= {name: "1" for name in rounds if name.endswith("id_in_group")}
    bots = [
        dict(one) | {"participant.code": f"bot{i}", "participant._is_bot": "1"}
        for i, one in enumerate(list(people.values())[:2])
    ]
    rows = [*people.values(), *bots]
    trial = {
        "type": "forward_simulation",
        "where": {"player.guess": {"empty": False}},
        "trial_index": "round",
        "item": "player.picture",
        "label": "player.truth",
        "model_output": "player.output",
        "response": "player.guess",
        "phase": "player.part",
        "rt": {"column": "player.ms", "unit": "ms"},
    }
    mapping = mapping_of("participant.code", "participant.arm", [trial], format="otree")
    return "all_apps_wide.csv", csv_text(rows, list(longest)), mapping


def as_gorilla(study):
    """Gorilla: rows of events between BEGIN TASK and END TASK; the arm is the branch, on the person's rows alike."""
    rows, before = [], None
    for row in trials_of(study):
        shared = {
            "Experiment Version": "3",
            "Participant Private ID": row["subject_id"],
            "branch-a1b2": f"arm{NUMBER[row['arm']]}",
            "Task Name": "Guess",
            "Participant Public ID": "5f0c4d2e9b1a7c3d8e6f0a1b",
        }
        if before not in (None, row["subject_id"]):
            rows.append({"Trial Number": "END TASK", "Participant Private ID": before, "Experiment Version": "3"})
        if before != row["subject_id"]:
            rows.append(shared | {"Trial Number": "BEGIN TASK"})
        before = row["subject_id"]
        rows.append(shared | {"Trial Number": row["trial_index"], "Zone Type": "fixation", "Reaction Time": "250"})
        rows.append(
            shared
            | {
                "Trial Number": row["trial_index"],
                "Zone Type": "response_button_text",
                "Reaction Time": row["rt"],
                "Response": row["response"],
                "Correct": row["correct"],
                "X Coordinate": "101.5",
                "display": row["phase"],
                "picture": row["item"],
                "truth": row["label"],
                "ANSWER": row["model_output"],
            }
        )
    rows = [{"Event Index": str(i)} | one for i, one in enumerate(rows, start=1)] + [{"Event Index": "END OF FILE"}]
    header = list(dict.fromkeys(name for one in rows for name in one))
    trial = {
        "type": "forward_simulation",
        "where": {"Zone Type": "response_button_text"},
        "trial_index": "Trial Number",
        "item": "picture",
        "label": "truth",
        "model_output": "ANSWER",
        "response": "Response",
        "phase": "display",
        "rt": {"column": "Reaction Time", "unit": "ms"},
        "correct": "Correct",
    }
    mapping = mapping_of("Participant Private ID", "branch-a1b2", [trial], format="gorilla")
    mapping["arms"] = [arm | {"value": f"arm{arm['value']}"} for arm in ARMS]
    return "data_exp_1-v3_task-a1b2.csv", csv_text(rows, header), mapping


def as_wide(study):
    """A spreadsheet: one row a person, columns such as pre_i03_guess."""
    people = {}
    for row in trials_of(study):
        one = people.setdefault(row["subject_id"], {"who": row["subject_id"], "group": NUMBER[row["arm"]]})
        trial = f"{row['phase']}_{row['item']}"
        one |= {
            f"{trial}_guess": row["response"],
            f"{trial}_ai": row["model_output"],
            f"{trial}_truth": row["label"],
            f"{trial}_ms": row["rt"],
            f"{trial}_n": row["trial_index"],
        }
    rows = list(people.values())
    header = list(dict.fromkeys(name for one in rows for name in one))
    trial = {
        "type": "forward_simulation",
        "trial_index": "n",
        "item": "item",
        "label": "truth",
        "model_output": "ai",
        "response": "guess",
        "phase": "phase",
        "rt": {"column": "ms", "unit": "ms"},
    }
    mapping = mapping_of(
        "who", "group", [trial], wide="(?P<phase>pre|post)_(?P<item>[^_]+)_(?P<field>guess|ai|truth|ms|n)"
    )
    return "sheet.csv", csv_text(rows, header), mapping


SHAPES = {"long": as_long, "jspsych": as_jspsych, "otree": as_otree, "gorilla": as_gorilla, "wide": as_wide}


@pytest.fixture(scope="session")
def past(simulate):
    """The study as it was, in our own table."""
    return simulate(18, n_items=6, gain={"lime": 0.2}, seed=11, dropout=0.15, draws=99, bootstrap_draws=20)


@pytest.fixture
def elsewhere(past, tmp_path):
    """Return the past study in the file of a platform."""
    return lambda shape: Elsewhere(tmp_path, *SHAPES[shape](past))
