"""What must be true of a response table before anything is computed from it.

Each check is one function that yields a sentence for each problem; `CHECKS` lists them. A table that fails one is not
analysed at all: a number from a table that contradicts itself or its design is worse than none.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from analysis.design import Design
from analysis.errors import TableError
from analysis.table import MISSING, ResponseTable
from analysis.types import BoolArray, TextArray

Check = Callable[[ResponseTable, Design], Iterator[str]]

ALLOCATION_TEXTS: Final = ("arm", "stratum")
ALLOCATION_NUMBERS: Final = ("sequence", "permuted_block", "block_size")
SECONDS_LOOK: Final = 60  # nobody answers every trial within 60 ms, and most answer within 60 s
SECONDS_RATIO: Final = 100  # the server's interval exceeds the page's by seconds, not by this factor


def check_table(table: ResponseTable, design: Design) -> None:
    """Raise when the table contradicts itself or its design.

    Parameters
    ----------
    table : ResponseTable
    design : Design

    Raises
    ------
    TableError
        Listing every problem, by row and column.
    """
    problems = [problem for check in CHECKS for problem in check(table, design)]
    if problems:
        raise TableError("responses.csv", problems)


def one_study(table: ResponseTable, design: Design) -> Iterator[str]:
    """One table holds one study."""
    studies = sorted(set(table.study_id.tolist()))
    if len(studies) > 1:
        yield f"column study_id: expected one study, found {len(studies)} ({', '.join(studies[:3])} …); split the file"


def known_keys(table: ResponseTable, design: Design) -> Iterator[str]:
    """Arms and phases are the design's."""
    keys = {"arm": [arm.key for arm in design.arms], "phase": [phase.key for phase in design.phases]}
    for name, known in keys.items():
        cells: TextArray = getattr(table, name)
        for index in np.flatnonzero((cells != "") & ~np.isin(cells, known)):
            yield f"row {table.row[index]}, column {name}: expected one of {', '.join(known)}, found {cells[index]!r}"


def one_value_a_subject(table: ResponseTable, design: Design) -> Iterator[str]:
    """Nobody has two arms, two stages, or is real on one row and simulated on the next."""
    for name in ("arm", "stratum", "stage", "simulated"):
        cells = getattr(table, name)
        given = np.flatnonzero((cells != "") & (cells != MISSING))
        first: dict[str, object] = {}
        pairs = zip(table.subject_id[given].tolist(), cells[given].tolist(), strict=True)
        for index, (subject, cell) in zip(given.tolist(), pairs, strict=True):
            if first.setdefault(subject, cell) != cell:
                yield (
                    f"row {table.row[index]}, column {name}: subject {subject} has {cell!r} here "
                    f"and {first[subject]!r} before; a participant has one"
                )


def one_row_a_screen(table: ResponseTable, design: Design) -> Iterator[str]:
    """A screen is answered once an attempt."""
    seen: dict[tuple[str, int, int], int] = {}
    for row, key in zip(table.row, zip(table.subject_id, table.trial_index, table.attempt, strict=True), strict=True):
        if key in seen:
            yield f"row {row}, column trial_index: subject {key[0]} has trial {key[1]} in row {seen[key]} already"
        seen.setdefault(key, row)


def one_trial_an_item(table: ResponseTable, design: Design) -> Iterator[str]:
    """An item is asked once in a phase; a second answer would give it twice the weight."""
    rows = np.flatnonzero(table.is_simulation)
    names = ("subject_id", "trial_type", "phase", "block", "item")
    seen: dict[tuple[str, ...], int] = {}
    keys = zip(*(getattr(table, name)[rows].tolist() for name in names), strict=True)
    for index, key in zip(rows.tolist(), keys, strict=True):
        if key in seen:
            asked = f"subject {key[0]} has item {key[4]!r} of phase {key[2]!r}"
            yield f"row {table.row[index]}, column item: {asked} in row {seen[key]} already"
        seen.setdefault(key, int(table.row[index]))


def simulation_trials_are_complete(table: ResponseTable, design: Design) -> Iterator[str]:
    """A trial that is scored says where it belongs, what was asked and what the model answers."""
    trials = table.is_simulation
    # Elsewhere it may not have been kept what the item really was, or what the model said, but only who was right.
    needed = ("arm", "phase", "item") if design.is_imported else ("arm", "phase", "item", "label", "model_output")
    for name in needed:
        for index in np.flatnonzero(trials & (getattr(table, name) == "")):
            kind = table.trial_type[index]
            yield f"row {table.row[index]}, column {name}: expected something in a {kind} trial, found nothing"


def scored_from_the_response(table: ResponseTable, design: Design) -> Iterator[str]:
    """`correct` says whether the person named the model's class: not whether the model was right, nor the person."""
    trials = table.is_simulation
    answered = table.response != ""
    score = np.where(answered, table.response == table.model_output, MISSING).astype(np.int64)
    wrong = trials & (table.correct != score)
    if design.is_imported:
        wrong &= table.model_output != ""
    hint = _scoring_hint(table, trials & answered) if wrong.any() else ""
    for index in np.flatnonzero(wrong):
        expected = "nothing (no response)" if score[index] == MISSING else str(score[index])
        found = "nothing" if table.correct[index] == MISSING else str(table.correct[index])
        yield (
            f"row {table.row[index]}, column correct: expected {expected}, since response is {table.response[index]!r} "
            f"and model_output {table.model_output[index]!r}; found {found}{hint}"
        )
    for index in np.flatnonzero(~trials & (table.correct != MISSING)):
        yield f"row {table.row[index]}, column correct: expected nothing in a {table.trial_type[index]} row"


def _scoring_hint(table: ResponseTable, answered: BoolArray) -> str:
    """Name the two mistakes that give a whole table of wrong scores."""
    correct = table.correct[answered]
    if np.array_equal(correct, table.model_output[answered] == table.label[answered]):
        return " (the column says whether the model was right, not whether the person was)"
    if np.array_equal(correct, table.response[answered] == table.label[answered]):
        return " (the column compares the response with the label, not with the model's output)"
    return ""


def allocations_are_complete(table: ResponseTable, design: Design) -> Iterator[str]:
    """Whoever has an arm has one allocation row, which says everything about the allocation."""
    is_allocation = table.trial_type == "allocation"
    rows = Counter(table.subject_id[is_allocation].tolist())
    for subject in sorted(set(table.subject_id[table.arm != ""].tolist()) - set(rows)):
        yield f"column trial_type: subject {subject} has an arm but no allocation row; everybody allocated needs theirs"
    for subject in sorted(subject for subject, count in rows.items() if count > 1):
        yield f"column trial_type: subject {subject} has {rows[subject]} allocation rows; expected one"
    for index in np.flatnonzero(is_allocation):
        empty = [name for name in ALLOCATION_TEXTS if getattr(table, name)[index] == ""]
        empty += [name for name in ALLOCATION_NUMBERS if getattr(table, name)[index] == MISSING]
        for name in empty:
            yield f"row {table.row[index]}, column {name}: expected something in an allocation row, found nothing"


def permuted_blocks_are_whole(table: ResponseTable, design: Design) -> Iterator[str]:
    """No arm is over its quota in a permuted block, no place is taken twice, no block is fuller than its size.

    An allocation that breaks this was not drawn by the mechanism the permutation test re-draws. Where nothing is known
    of the mechanism, there is nothing to break.
    """
    if design.allocation_method == "complete":
        return
    rows = np.flatnonzero((table.trial_type == "allocation") & (table.sequence != MISSING))
    places = Counter((table.stage[i], table.stratum[i], int(table.sequence[i])) for i in rows)
    for (stage, stratum, sequence), count in sorted(places.items()):
        if count > 1:
            yield f"column sequence: place {sequence} of stratum {stratum!r}, stage {stage} is taken {count} times"
    blocks: dict[tuple[str, str, int], list[int]] = {}
    for i in rows:
        blocks.setdefault((table.stage[i], table.stratum[i], int(table.permuted_block[i])), []).append(int(i))
    for (stage, stratum, block), members in sorted(blocks.items()):
        where = f"permuted block {block} of stratum {stratum!r}, stage {stage}"
        sizes = sorted({int(table.block_size[i]) for i in members})
        yield from _block_problems(where, sizes, [table.arm[i] for i in members], design)


def _block_problems(where: str, sizes: list[int], arms: list[str], design: Design) -> Iterator[str]:
    total = sum(arm.weight for arm in design.arms)
    allowed = [multiple * total for multiple in design.block_multiples]
    if len(sizes) > 1:
        yield f"column block_size: {where} has the sizes {', '.join(map(str, sizes))}; expected one"
        return
    if sizes[0] not in allowed:
        yield f"column block_size: {where} has size {sizes[0]}; the design allows {', '.join(map(str, allowed))}"
        return
    if len(arms) > sizes[0]:
        yield f"column permuted_block: {where} holds {len(arms)} participants in {sizes[0]} places"
    for arm in design.arms:
        quota = sizes[0] // total * arm.weight
        held = arms.count(arm.key)
        if held > quota:
            yield f"column permuted_block: {where} holds {held} participants of arm {arm.key!r}; its quota is {quota}"


def response_times_are_milliseconds(table: ResponseTable, design: Design) -> Iterator[str]:
    """Seconds in a column of milliseconds are told by the server's own interval, which is in milliseconds."""
    known = table.is_simulation & (table.rt > 0) & (table.server_ms > 0)
    if not known.any():
        return
    ratio = float(np.median(table.server_ms[known] / table.rt[known]))
    if table.rt[known].max() < SECONDS_LOOK and ratio > SECONDS_RATIO:
        yield (
            f"column rt: expected milliseconds, but no value reaches {SECONDS_LOOK} and server_ms is {ratio:.0f} times "
            f"larger in the median; this looks like seconds: multiply by 1000"
        )


CHECKS: Final[tuple[Check, ...]] = (
    one_study,
    known_keys,
    one_value_a_subject,
    one_row_a_screen,
    one_trial_an_item,
    simulation_trials_are_complete,
    scored_from_the_response,
    allocations_are_complete,
    permuted_blocks_are_whole,
    response_times_are_milliseconds,
)
