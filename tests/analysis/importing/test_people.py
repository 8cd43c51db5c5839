"""Rules over people's rows, on a small game whose every row is seen here."""

import pytest

from analysis.api import analyse, draw_figures, import_study, report_from_json
from analysis.errors import ImportedFileError, MappingError
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph

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


def test_the_arm_may_stand_in_another_file_where_who_gave_no_answer_is_allocated_too(left_out, tmp_path):
    (tmp_path / "arms.csv").write_text("code,to\n" + "".join(
        f"{who},{arm}\n" for who, arm in [*((who, arm) for who, (arm, _) in GAME.items()), ("gus", "c"), ("fay", "")]
    ))  # fmt: skip
    files = {"people": {"path": "arms.csv", "participant": "code"}, "survey": "survey.csv"}

    plain, found = left_out(), left_out(files=files, arm={"file": "people", "column": "to"})

    assert people(found) == sorted([*GAME, "gus"])
    answers = [one.table.only(one.table.trial_type == "scored_task").score.tolist() for one in (plain, found)]
    assert answers[0] == answers[1]
    assert "gus" not in found.table.subject_id[found.table.trial_type == "completion"].tolist()
    assert "Not brought in, as no row says their arm: 1 person." in found.design.assumptions
    report = analyse(found.table, found.design, draws=50)
    assert {arm.arm: (arm.allocated, arm.with_outcome) for arm in report.flow.arms} == {"none": (3, 2), "rule": (3, 3)}


def test_an_arm_in_a_file_that_is_not_named_is_refused(left_out):
    with pytest.raises(MappingError, match=r"arm\.file: 'people' is not in files"):
        left_out(arm={"file": "people", "column": "to"})


def test_a_file_of_people_with_one_number_each_is_analysed(tmp_path):
    """As pandas writes results: an index without a name, an arm in two columns, numbers already worked out."""
    lines = [",surrogate,shown,Age,recall,trust"]
    lines += [
        f"{i},{3 * (i % 2)},{i % 2},2{i},{0.5 + 0.1 * (i % 3) + 0.2 * (i % 2):.2f},{4 + i % 2}" for i in range(12)
    ]
    lines.append("12,0,0,30,,5")
    (tmp_path / "results.csv").write_text("\n".join(lines))
    mapping = {
        "study_id": "results", "title": "Results", "participant": {"each_row": True}, "phases": [{"key": "test"}],
        "arm": {"join": ["surrogate", "shown"], "with": "/"},
        "arms": [
            {"key": "none", "role": "control", "value": "3/1"},
            {"key": "lime", "role": "explained", "value": "0/0"},
        ],
        "trials": [
            {"type": "scored_task", "phase": {"constant": "test"}, "item": {"constant": "recall"}, "score": "recall"},
            {"type": "rating", "item": {"constant": "trust"}, "rating": "trust"},
        ],
        "plan": {"estimand": "score", "post": "test", "control": "none", "smallest_effect": 0.1, "draws": 99,
                 "bootstrap_draws": 50},
    }  # fmt: skip

    found = import_study(tmp_path / "results.csv", mapping)
    report = analyse(found.table, found.design)

    # By hand: the explained arm has the even rows, whose numbers are 0.2 less; the thirteenth person has none.
    assert report.primary[0].value == pytest.approx(-0.2)
    assert report.primary[0].n_enrolments == {"lime": 6, "none": 6}
    assert {arm.arm: (arm.allocated, arm.with_outcome) for arm in report.flow.arms} == {"none": (6, 6), "lime": (7, 6)}
    assert report_from_json(report.to_json()) == report
    assert report_text(report)
    assert methods_paragraph(report)
    assert results_paragraph(report)
    assert draw_figures(report)
