"""Plans repeat by their seed, and every checker is red for a history or rows with one thing wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from studyapp.design.canonical import sha256_of
from tests.torture import checkers
from tests.torture.history import ACKNOWLEDGED, ALTERED, CODE, ENDED, PAGE, REFUSED, History, Sent
from tests.torture.plan import CUT_REPLY, KINDS, make_plan
from tests.torture.rows import Assignment, Enrolment, Explanation, Job, Response, Rows

SENT = Sent("k", 4, 1, (("answer", "Yes"),), 1234)
ANSWER, OTHER = {"choice": "Yes"}, {"choice": "No"}
ROW = Response(1, 1, 4, 1, "k", ANSWER, sha256_of([4, 1, ANSWER, 1234, {}]), 1234, {}, 10.0)


def told(kind: str = ACKNOWLEDGED, sent: Sent | None = SENT, **what: object) -> History:
    history = History()
    history.note(kind, "p", "twin 0", sent=sent, **what)
    return history


def given(sequence: int, arm: str, block: int, enrolment: int = 0) -> Assignment:
    return Assignment(enrolment or sequence, f"person {sequence}", 1, 1, sequence, arm, block, 2)


def test_the_same_seed_gives_the_same_plan_and_more_rounds_only_append() -> None:
    assert make_plan(5, 2) == make_plan(5, 2)
    assert make_plan(5, 4).rounds[:2] == make_plan(5, 2).rounds
    assert make_plan(6, 2) != make_plan(5, 2)
    assert make_plan(5, 3).expected(2) == Counter({**dict.fromkeys(KINDS, 2), CUT_REPLY: 2})


def test_a_storm_with_fewer_faults_than_planned_is_red() -> None:
    planned = make_plan(1, 3).expected(3)
    assert checkers.faults_happened(planned, planned) == []
    assert checkers.faults_happened(planned, planned - Counter({"kill web": 1})) == ["kill web: 2 of 3 happened"]
    assert len(checkers.faults_happened(planned, Counter())) == len(planned)


def test_an_acknowledged_answer_needs_its_row_with_its_body() -> None:
    assert checkers.acknowledged_is_stored(told(), Rows(responses=(ROW,))) == []
    assert checkers.acknowledged_is_stored(told(), Rows()) == ["lost: p, screen 4"]
    for wrong in (
        replace(ROW, response_ms=1),
        replace(ROW, answer=OTHER),
        replace(ROW, answer=OTHER, body_sha256=sha256_of([4, 1, OTHER, 1234, {}])),
        replace(ROW, body_sha256="0" * 64),
        replace(ROW, position=5),
    ):
        assert checkers.acknowledged_is_stored(told(), Rows(responses=(wrong,))) == ["another body: p, screen 4"]


def test_a_page_that_is_read_holds_no_choice() -> None:
    read = replace(ROW, answer={"choice": "read"}, body_sha256=sha256_of([4, 1, {"choice": "read"}, 1234, {}]))
    assert checkers.holds(read, replace(SENT, choice=()))
    assert not checkers.holds(ROW, replace(SENT, choice=()))


def test_two_rows_of_a_screen_or_a_key_are_red() -> None:
    assert checkers.nothing_is_doubled(History(), Rows(responses=(ROW, replace(ROW, position=5, key="l")))) == []
    assert len(checkers.nothing_is_doubled(History(), Rows(responses=(ROW, replace(ROW, key="l"))))) == 1
    assert len(checkers.nothing_is_doubled(History(), Rows(responses=(ROW, replace(ROW, position=5))))) == 1


def test_an_honest_answer_that_is_refused_is_red() -> None:
    assert checkers.every_retry_gets_the_first_reply(told(), Rows()) == []
    assert len(checkers.every_retry_gets_the_first_reply(told(REFUSED, status=400), Rows())) == 1


def test_an_altered_replay_must_be_a_conflict_and_leave_the_row() -> None:
    rows = Rows(responses=(replace(ROW, response_ms=1),))
    assert checkers.altered_replays_are_refused(told(ALTERED, status=409), rows) == []
    assert len(checkers.altered_replays_are_refused(told(ALTERED, status=200), rows)) == 1
    assert len(checkers.altered_replays_are_refused(told(ALTERED, status=409), Rows(responses=(ROW,)))) == 1


def test_two_enrolments_two_arms_or_another_arm_shown_are_red() -> None:
    one = Enrolment(1, 1, "person 1", "active", "lime")
    arm = given(1, "lime", 0)
    assert checkers.one_arm_a_person(History(), Rows(enrolments=(one,), assignments=(arm,))) == []
    assert len(checkers.one_arm_a_person(History(), Rows(enrolments=(one, replace(one, number=2))))) == 1
    assert len(checkers.one_arm_a_person(History(), Rows(enrolments=(one,), assignments=(arm, arm)))) == 1
    shown = Rows(enrolments=(replace(one, arm="none"),), assignments=(arm,))
    assert len(checkers.one_arm_a_person(History(), shown)) == 1


def test_a_broken_block_and_a_hole_in_the_sequence_are_red() -> None:
    whole = (given(0, "a", 0), given(1, "b", 0), given(2, "b", 1))
    assert checkers.blocks_are_whole(History(), Rows(assignments=whole)) == []
    assert len(checkers.blocks_are_whole(History(), Rows(assignments=(*whole, given(3, "b", 1))))) == 1
    assert len(checkers.blocks_are_whole(History(), Rows(assignments=(*whole, given(4, "a", 1))))) == 1


def test_two_explanations_of_a_key_are_red() -> None:
    row = Explanation("k", "ready", "{}")
    assert checkers.one_explanation_a_key(History(), Rows(explanations=(row, replace(row, key="l")))) == []
    assert len(checkers.one_explanation_a_key(History(), Rows(explanations=(row, row)))) == 1


def test_a_page_that_only_one_twin_shows_is_red() -> None:
    history = History()
    for twin in ("twin 0", "twin 1"):
        history.note(PAGE, "p", twin, text="page")
        history.note(CODE, "p", twin)
    assert checkers.no_answer_before_its_response(history, Rows()) == []
    history.note(PAGE, "p", "twin 1", text="another page")
    assert checkers.no_answer_before_its_response(history, Rows()) == ["1 test pages are served in one twin only"]
    assert len(checkers.no_answer_before_its_response(History(), Rows())) == 1  # nothing compared is nothing shown


def test_a_code_without_all_rows_and_an_end_without_a_code_are_red() -> None:
    history = told()
    history.note(CODE, "p", "twin 0")
    assert checkers.code_only_with_all_rows(1)(history, Rows(responses=(ROW,))) == []
    assert checkers.code_only_with_all_rows(2)(history, Rows(responses=(ROW,))) == ["code without 1 rows: p"]
    assert len(checkers.complete_has_its_code(told(ENDED, None, text="Sorry"), Rows())) == 1


def test_a_job_that_is_left_over_parked_without_a_reason_or_begun_too_often_is_red() -> None:
    job = Job("1", "explain", "done", 1, "")
    parked = replace(job, state="failed", attempts=3, error="The worker died 3 times")
    assert checkers.every_job_is_done_or_parked(History(), Rows(jobs=(job, parked))) == []
    for wrong in (replace(job, state="running"), replace(parked, error=""), replace(parked, attempts=4)):
        assert len(checkers.every_job_is_done_or_parked(History(), Rows(jobs=(wrong,)))) == 1


def test_screens_out_of_order_are_red() -> None:
    later = replace(ROW, number=2, position=5, key="l")
    assert checkers.order_is_the_servers_own(History(), Rows(responses=(later, ROW))) == []  # by number, not as read
    mixed = Rows(responses=(replace(ROW, number=3), later))
    assert checkers.order_is_the_servers_own(History(), mixed) == ["screen 4 after 5"]
