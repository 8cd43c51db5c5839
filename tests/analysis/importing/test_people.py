"""Rules over people's rows, on a small game whose every row is seen here."""

import pytest

from analysis.api import import_study
from analysis.errors import ImportedFileError

ARMS = [
    {"key": "none", "title": "None", "role": "control", "value": "c"},
    {"key": "rule", "title": "Rule", "role": "explained", "value": "e"},
]
GAME = {  # person: arm, then block, move and points of each trial
    "ann": ("c", [("1", "x", 3), ("1", "x", 3), ("2", "y", 5), ("2", "z", 6)]),
    "bob": ("c", [("1", "x", 1), ("1", "x", 1), ("2", "x", 1), ("2", "x", 1)]),
    "cyd": ("e", [("1", "y", 9), ("1", "z", 8), ("2", "y", 7), ("2", "z", 2)]),
    "dot": ("e", [("1", "y", 4)]),
    "eve": ("e", [("1", "z", 4), ("1", "y", 4), ("2", "z", 5), ("2", "y", 6)]),
}
SURVEY = [
    ("ann", "1", "5"),
    ("ann", "2", "4"),
    ("bob", "1", "2"),
    ("cyd", "1", "1"),
    ("cyd", "2", "1"),
    ("eve", "2", ""),
]


@pytest.fixture
def left_out(tmp_path):
    """Return who is left out by some rules, by reason, and everything that came in."""
    (tmp_path / "game.csv").write_text(
        "\n".join(
            [
                "who,group,block,trial,move,points",
                *(
                    f"{who},{arm},{block},{n},{move},{points}"
                    for who, (arm, trials) in GAME.items()
                    for n, (block, move, points) in enumerate(trials)
                ),
                "fay,,1,0,x,1",
            ]
        )
    )
    (tmp_path / "survey.csv").write_text("\n".join(["who,question,answer", *map(",".join, SURVEY)]))

    def of(*rules, everybody=False, **more):
        trial = {
            "type": "scored_task",
            "trial_index": "trial",
            "phase": {"constant": "game"},
            "item": "trial",
            "score": "points",
        }
        mapping = {
            "study_id": "game",
            "title": "Game",
            "participant": "who",
            "arm": "group",
            "arms": ARMS,
            "trials": [trial],
            "phases": [{"key": "game"}],
            "files": {"survey": "survey.csv"},
            "leave_out": list(rules),
            "plan": {"estimand": "score", "post": "game", "control": "none", "smallest_effect": 1},
            **more,
        }
        return import_study(tmp_path / "game.csv", mapping, everybody=everybody)

    return of


def people(found):
    return sorted(set(found.table.subject_id.tolist()))


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        ({"where": {"points": {"below": 3}}}, "bob cyd"),
        ({"where": {"points": {"below": 3}}, "at_least": 4}, "bob"),
        ({"where": {"points": {"at_most": 4}, "move": ["x", "y"]}, "at_least": 2}, "ann bob"),
        ({"where": {"move": "x"}, "every": True}, "bob"),
        ({"where": {"move": {"not": "x"}}, "every": True}, "cyd dot eve"),
        ({"fewer_than": 4}, "dot"),
        ({"where": {"points": {"above": 5}}, "fewer_than": 1}, "bob dot"),
        ({"where": {"who": {"starts_with": ["a", "d"]}}}, "ann dot"),
        ({"same": ["move", "points"], "within": ["block"], "rows": 2}, "ann bob"),
        ({"same": ["move", "points"], "within": ["block"], "rows": 2, "at_least": 2}, "bob"),
        ({"same": ["move"]}, "bob dot"),
        ({"file": "survey", "where": {"answer": {"at_least": 4}}}, "ann"),
        ({"file": "survey", "where": {"answer": {"empty": True}}}, "eve"),
        ({"file": "survey", "where": {"answer": {"same_as": "question"}}}, "cyd"),
        ({"file": "survey", "where": {"answer": {"other_than": "question"}}, "every": True}, "ann bob eve"),
        (
            {
                "file": "survey",
                "same": [{"column": "answer", "values": {"1": "low", "2": "low", "4": "high", "5": "high"}}],
                "rows": 2,
            },
            "ann cyd",
        ),
    ],
)
def test_a_rule_leaves_out_whom_it_says(left_out, rule, gone):
    found = left_out({"because": "a reason", **rule})

    assert people(found) == sorted(set(GAME) - set(gone.split()))
    counts = {arm: sum(GAME[who][0] == value for who in gone.split()) for arm, value in (("none", "c"), ("rule", "e"))}
    assert found.left_out[0].n == counts


def test_who_is_left_out_is_counted_once_under_the_first_reason_and_told(left_out):
    found = left_out(
        {"because": "too few", "fewer_than": 4},
        {"because": "low", "where": {"points": {"below": 5}}, "at_least": 2},
        {"because": "nobody at all", "where": {"points": {"above": 99}}},
    )

    assert [one.n for one in found.left_out] == [{"none": 0, "rule": 1}, {"none": 2, "rule": 1}, {"none": 0, "rule": 0}]
    told = [one for one in found.design.assumptions if one.startswith("Left out")]
    assert told == [
        "Left out, 1 person (0 in None, 1 in Rule): too few.",
        "Left out, 3 people (2 in None, 1 in Rule): low.",
    ]


def test_all_left_out_is_an_error_and_everybody_can_be_asked_for(left_out):
    all_of_them = {"because": "all", "where": {"points": {"above": 0}}}
    with pytest.raises(ImportedFileError, match="nobody is left"):
        left_out(all_of_them)

    found = left_out(all_of_them, everybody=True)

    assert people(found) == sorted(GAME)
    assert "Not brought in, as no row says their arm: 1 person." in found.design.assumptions


def test_people_missing_from_one_of_the_files_can_be_left_out(left_out):
    assert people(left_out(in_every_file=True)) == ["ann", "bob", "cyd", "eve"]


def test_a_word_where_a_rule_wants_a_number_is_told_by_row(left_out):
    with pytest.raises(ImportedFileError, match="row 2, column move: expected a number, found 'x'"):
        left_out({"because": "a reason", "where": {"move": {"below": 3}}})


def test_another_file_may_call_people_by_another_column(left_out, tmp_path):
    (tmp_path / "other.csv").write_text("code,answer\ncyd,1\nann,2\n")
    rule = {"because": "a reason", "file": "other", "where": {"answer": "1"}}

    found = left_out(rule, files={"other": {"path": "other.csv", "participant": "code"}})

    assert people(found) == ["ann", "bob", "dot", "eve"]
